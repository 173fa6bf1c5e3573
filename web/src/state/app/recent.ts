/** Recent meetings for the front page: titles and paths, never a token. Stored as JSON and validated when read. Pure. */

import { cleanLine } from '../../core/peer/display-name';
import { meetingFromPath } from '../../core/meeting/meeting';
import { isRecord, isText } from '../../core/signaling/json';

export interface RecentMeeting {
  /** `/m/…`, without query or fragment. */
  path: string;
  title: string;
}

const MOST = 8;
const MOST_TITLE = 200;

export function readRecent(stored: string | null): readonly RecentMeeting[] {
  const list = parse(stored);
  return Array.isArray(list) ? list.flatMap(recentOf).slice(0, MOST) : [];
}

/** Newest first, without duplicates. */
export function withRecent(list: readonly RecentMeeting[], meeting: RecentMeeting): readonly RecentMeeting[] {
  return [meeting, ...list.filter(({ path }) => path !== meeting.path)].slice(0, MOST);
}

function recentOf(value: unknown): RecentMeeting[] {
  if (!isRecord(value)) return [];
  const { path, title } = value;
  if (!isText(path) || meetingFromPath(path) === undefined || !isText(title)) return [];
  return [{ path, title: cleanLine(title.slice(0, MOST_TITLE)) }];
}

function parse(stored: string | null): unknown {
  try {
    return JSON.parse(stored ?? '[]');
  } catch {
    return undefined;
  }
}
