/** What the server tells about a meeting before one joins, and the addresses that belong to it. */

import { isRecord, isText } from './signaling/json';

/** The part of the page's address that names the meeting: `<namespace>/<name>`, or `<name>` on a pod that stands alone. */
export interface MeetingAddress {
  rest: string;
}

export type MeetingInfo =
  | { status: 'found'; title: string; isReady: boolean; waitingFor: string | undefined }
  | { status: 'missing' }
  | { status: 'unreachable' };

/** The meeting named by a page's path, or undefined if the path names none. */
export function meetingFromPath(path: string): MeetingAddress | undefined {
  const rest = /^\/m\/([^/]+(?:\/[^/]+)?)\/?$/u.exec(path)?.[1];
  return rest === undefined ? undefined : { rest };
}

export function signalingUrl({ rest }: MeetingAddress, page: Pick<Location, 'protocol' | 'host'>, peerId: string): string {
  const scheme = page.protocol === 'https:' ? 'wss' : 'ws';
  return `${scheme}://${page.host}/signal/${rest}?peerId=${encodeURIComponent(peerId)}`;
}

/** The name in the address, readable, for as long as there is no title. */
export function fallbackTitle({ rest }: MeetingAddress): string {
  const name = rest.split('/').at(-1) ?? rest;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

export async function fetchMeeting(address: MeetingAddress, fetchFrom: typeof fetch = fetch): Promise<MeetingInfo> {
  try {
    const response = await fetchFrom(`/api/v1/meetings/${address.rest}`, { headers: { accept: 'application/json' } });
    // A name that no meeting can have is answered with 400: for the person it is the same.
    if (response.status === 404 || response.status === 400) return { status: 'missing' };
    if (!response.ok) return { status: 'unreachable' };
    return meetingOf(address, await response.json());
  } catch {
    return { status: 'unreachable' };
  }
}

function meetingOf(address: MeetingAddress, body: unknown): MeetingInfo {
  if (!isRecord(body)) return { status: 'unreachable' };
  const { title, ready, waitingFor } = body;
  const message = isRecord(waitingFor) ? waitingFor['message'] : undefined;
  return {
    status: 'found',
    title: isText(title) ? title : fallbackTitle(address),
    isReady: ready !== false,
    waitingFor: isText(message) ? message : undefined,
  };
}
