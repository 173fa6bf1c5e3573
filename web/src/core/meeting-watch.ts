/** Following a meeting that is not ready yet: by server-sent events where the server has them, otherwise by asking again. */

import type { Unsubscribe } from './emitter';
import { fetchMeeting, meetingOf, type MeetingAddress, type MeetingInfo } from './meeting';

const ASK_AGAIN_MS = 3000;

/** The part of a browser's EventSource that is used here. */
type EventSourceLike = Pick<EventSource, 'close' | 'readyState' | 'addEventListener'>;

export interface WatchOptions {
  fetchFrom?: typeof fetch;
  openEvents?: (url: string) => EventSourceLike;
}

const CLOSED = 2;

export function watchMeeting(address: MeetingAddress, listener: (info: MeetingInfo) => void, options: WatchOptions = {}): Unsubscribe {
  const { fetchFrom, openEvents = (url: string) => new EventSource(url) } = options;
  let hasEnded = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const ask = (): void => {
    timer = setTimeout(() => {
      void fetchMeeting(address, fetchFrom).then((info) => {
        if (hasEnded) return;
        listener(info);
        ask();
      });
    }, ASK_AGAIN_MS);
  };

  const events = openEvents(`/api/v1/meetings/${address.rest}/events`);
  const take = (event: Event): void => {
    const info = read(address, (event as MessageEvent<unknown>).data);
    if (!hasEnded && info !== undefined) listener(info);
  };
  for (const name of ['message', 'meeting']) events.addEventListener(name, take);
  events.addEventListener('error', () => {
    // The browser opens a broken stream again by itself; one that it gave up on is no stream.
    if (events.readyState === CLOSED && !hasEnded && timer === undefined) ask();
  });

  return () => {
    hasEnded = true;
    clearTimeout(timer);
    events.close();
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
