/** The server's information about a meeting before joining, and the URLs of a meeting. */

import { isRecord, isText } from '../signaling/json';

/** The part of the URL that names the meeting: `<namespace>/<name>`, or `<name>` on a standalone pod. */
export interface MeetingAddress {
  rest: string;
}

/** The reason a meeting is not ready: a machine-readable code, and the server's message in English. */
export interface WaitingFor {
  reason: string;
  message: string;
}

export type MeetingInfo =
  | {
      status: 'found';
      title: string;
      isReady: boolean;
      isOver: boolean;
      waitingFor: WaitingFor | undefined;
      /** Start time, in milliseconds since 1970. */
      startsAt: number | undefined;
      /** Number of participants in the meeting. */
      participants: number | undefined;
      needsToken: boolean;
      /** Whether this participant joins as a viewer. */
      isViewer: boolean;
      /** Whether it is being recorded, as far as the server tells before joining. */
      isRecorded: boolean;
      /** Whether the server accepts media only at loopback addresses. */
      isLoopbackOnly: boolean;
    }
  | { status: 'missing' }
  | { status: 'unreachable' };

/** The meeting that a page's path names, or undefined. */
export function meetingFromPath(path: string): MeetingAddress | undefined {
  const rest = /^\/m\/([^/?#]+(?:\/[^/?#]+)?)\/?$/u.exec(path)?.[1];
  return rest === undefined ? undefined : { rest };
}

export function signalingUrl({ rest }: MeetingAddress, page: Pick<Location, 'protocol' | 'host'>, peerId: string): string {
  const scheme = page.protocol === 'https:' ? 'wss' : 'ws';
  return `${scheme}://${page.host}/signal/${rest}?peerId=${encodeURIComponent(peerId)}`;
}

export function pathOf({ rest }: MeetingAddress): string {
  return `/m/${rest}`;
}

/** The URL to share: without query and fragment, which may hold a personal token. */
export function inviteLink({ origin, pathname }: Pick<Location, 'origin' | 'pathname'>): string {
  return `${origin}${pathname}`;
}

/** The decoded name from the URL, until the title is known. */
export function fallbackTitle({ rest }: MeetingAddress): string {
  const name = rest.split('/').at(-1) ?? rest;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** A meeting that requires a join token reveals its title, and why it waits, only with one. */
export async function fetchMeeting(address: MeetingAddress, fetchFrom: typeof fetch = fetch, joinToken?: string): Promise<MeetingInfo> {
  const headers = { accept: 'application/json', ...(joinToken === undefined ? {} : { authorization: `Bearer ${joinToken}` }) };
  try {
    const response = await fetchFrom(`/api/v1/meetings/${address.rest}`, { headers });
    // 400 means that no meeting can have this name: the same to the user.
    if (response.status === 404 || response.status === 400) return { status: 'missing' };
    if (!response.ok) return { status: 'unreachable' };
    return meetingOf(address, await response.json());
  } catch {
    return { status: 'unreachable' };
  }
}

export function meetingOf(address: MeetingAddress, body: unknown): MeetingInfo {
  if (!isRecord(body)) return { status: 'unreachable' };
  const { title, ready, phase, participants, tokenRequired, viewer, startsAt, recording, loopbackOnly } = body;
  return {
    status: 'found',
    title: isText(title) ? title : fallbackTitle(address),
    isReady: ready !== false,
    isOver: phase === 'Ended',
    waitingFor: waitingOf(body['waitingFor']),
    startsAt: isText(startsAt) && !Number.isNaN(Date.parse(startsAt)) ? Date.parse(startsAt) : undefined,
    participants: typeof participants === 'number' ? participants : undefined,
    needsToken: tokenRequired === true,
    isViewer: viewer === true,
    isRecorded: recording === true,
    isLoopbackOnly: loopbackOnly === true,
  };
}

function waitingOf(value: unknown): WaitingFor | undefined {
  if (!isRecord(value)) return undefined;
  const { reason, message } = value;
  if (!isText(reason) && !isText(message)) return undefined;
  return { reason: isText(reason) ? reason : '', message: isText(message) ? message : '' };
}
