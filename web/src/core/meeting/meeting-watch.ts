/** Watches a meeting before joining: by server-sent events where the server has them, otherwise by polling. */

import type { Unsubscribe } from '../emitter';
import { fetchMeeting, meetingOf, type MeetingAddress, type MeetingInfo } from './meeting';

const ASK_AGAIN_MS = 3000;
/** The number of participants is less urgent than whether the meeting is ready. */
const ASK_AGAIN_WHEN_READY_MS = 10_000;

/** The part of a browser's EventSource that is used here. */
type EventSourceLike = Pick<EventSource, 'close' | 'readyState' | 'addEventListener'>;

export interface WatchOptions {
  fetchFrom?: typeof fetch;
  /** Event streams cannot send it: with a token, each event triggers a request. */
  joinToken?: string | undefined;
  openEvents?: (url: string) => EventSourceLike;
}

const CLOSED = 2;

export function watchMeeting(address: MeetingAddress, listener: (info: MeetingInfo) => void, options: WatchOptions = {}): Unsubscribe {
  const { fetchFrom, joinToken, openEvents = (url: string) => new EventSource(url) } = options;
  let hasEnded = false;
  let lastAsked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const ask = (isReady: boolean): void => {
    timer = setTimeout(
      () => {
        void fetchMeeting(address, fetchFrom, joinToken).then((info) => {
          if (hasEnded) return;
          listener(info);
          ask(info.status === 'found' && info.isReady);
        });
      },
      isReady ? ASK_AGAIN_WHEN_READY_MS : ASK_AGAIN_MS,
    );
  };

  // Names without a namespace exist only on standalone pods, which have no events.
  const events = address.rest.includes('/') ? openEvents(`/api/v1/meetings/${address.rest}/events`) : undefined;
  const take = (event: Event): void => {
    const info = read(address, (event as MessageEvent<unknown>).data);
    if (hasEnded || info === undefined) return;
    if (joinToken === undefined) listener(info);
    else askWithToken(info, joinToken);
  };
  /** A stale answer is dropped; without an answer, the state in the event itself is used. */
  const askWithToken = (fromEvent: MeetingInfo, token: string): void => {
    lastAsked += 1;
    const asked = lastAsked;
    void fetchMeeting(address, fetchFrom, token).then((info) => {
      if (!hasEnded && asked === lastAsked) listener(info.status === 'unreachable' ? fromEvent : info);
    });
  };
  if (events === undefined) ask(false);
  events?.addEventListener('state', take);
  // The stream is finished: polling tells whether the meeting has ended or was deleted.
  events?.addEventListener('gone', () => {
    events.close();
    if (!hasEnded && timer === undefined) ask(false);
  });
  events?.addEventListener('error', () => {
    // The browser reopens a broken stream itself, unless it has closed it permanently.
    if (events.readyState === CLOSED && !hasEnded && timer === undefined) ask(false);
  });

  return () => {
    hasEnded = true;
    clearTimeout(timer);
    events?.close();
  };
}

function read(address: MeetingAddress, data: unknown): MeetingInfo | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const info = meetingOf(address, JSON.parse(data));
    return info.status === 'found' ? info : undefined;
  } catch {
    return undefined;
  }
}
