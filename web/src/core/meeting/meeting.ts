/** What the server tells about a meeting before one joins, and the addresses that belong to it. */

import { isRecord, isText } from '../signaling/json';

/** The part of the page's address that names the meeting: `<namespace>/<name>`, or `<name>` on a pod that stands alone. */
export interface MeetingAddress {
  rest: string;
}

/** Why a meeting cannot be entered yet: a word for programs, and the server's sentence, which is general and in English. */
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
      /** When it begins, in milliseconds since 1970. */
      startsAt: number | undefined;
      /** How many are there already. */
      participants: number | undefined;
      needsToken: boolean;
      /** It is being recorded, as far as the server tells before one is in. */
      isRecorded: boolean;
      /** The server takes media at addresses of its own machine alone. */
      isLoopbackOnly: boolean;
    }
  | { status: 'missing' }
  | { status: 'unreachable' };

/** The meeting named by a page's path, or undefined if the path names none. */
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

/** The address for others: without query and fragment, where a token of one's own may have been. */
export function inviteLink({ origin, pathname }: Pick<Location, 'origin' | 'pathname'>): string {
  return `${origin}${pathname}`;
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

/** A meeting that needs a join token tells its title, and what it waits for, to those alone who show one. */
export async function fetchMeeting(address: MeetingAddress, fetchFrom: typeof fetch = fetch, joinToken?: string): Promise<MeetingInfo> {
  const headers = { accept: 'application/json', ...(joinToken === undefined ? {} : { authorization: `Bearer ${joinToken}` }) };
  try {
    const response = await fetchFrom(`/api/v1/meetings/${address.rest}`, { headers });
    // A name that no meeting can have is answered with 400: for the person it is the same.
    if (response.status === 404 || response.status === 400) return { status: 'missing' };
    if (!response.ok) return { status: 'unreachable' };
    return meetingOf(address, await response.json());
  } catch {
    return { status: 'unreachable' };
  }
}

export function meetingOf(address: MeetingAddress, body: unknown): MeetingInfo {
  if (!isRecord(body)) return { status: 'unreachable' };
  const { title, ready, phase, participants, tokenRequired, startsAt, recording, loopbackOnly } = body;
  return {
    status: 'found',
    title: isText(title) ? title : fallbackTitle(address),
    isReady: ready !== false,
    isOver: phase === 'Ended',
    waitingFor: waitingOf(body['waitingFor']),
    startsAt: isText(startsAt) && !Number.isNaN(Date.parse(startsAt)) ? Date.parse(startsAt) : undefined,
    participants: typeof participants === 'number' ? participants : undefined,
    needsToken: tokenRequired === true,
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
