import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { MeetingInfo } from './meeting';
import { watchMeeting } from './meeting-watch';

class FakeEvents {
  readyState: 0 | 1 | 2 = 1;
  isClosed = false;
  readonly #listeners = new Map<string, (event: Event) => void>();

  readonly addEventListener = (name: string, listener: unknown): void => {
    this.#listeners.set(name, listener as (event: Event) => void);
  };

  close(): void {
    this.isClosed = true;
  }

  plays(name: string, data: string): void {
    this.#listeners.get(name)?.(new MessageEvent(name, { data }));
  }

  gaveUp(): void {
    this.readyState = 2;
    this.#listeners.get('error')?.(new Event('error'));
  }
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function watch(
  answer = '{"title":"T","ready":true}',
  joinToken?: string,
): { events: FakeEvents; heard: MeetingInfo[]; end: () => void; asked: ReturnType<typeof vi.fn> } {
  const events = new FakeEvents();
  const heard: MeetingInfo[] = [];
  const asked = vi.fn<typeof fetch>(() => Promise.resolve(new Response(answer)));
  const end = watchMeeting({ rest: 'a/b' }, (info) => heard.push(info), { openEvents: () => events, fetchFrom: asked, joinToken });
  return { events, heard, end, asked };
}

it('reports events, and skips invalid ones', () => {
  const { events, heard } = watch();
  events.plays('state', '{"ready":false,"waitingFor":{"reason":"PoolFull","message":"no room"}}');
  events.plays('state', 'no json');
  events.plays('state', '{"title":"T","ready":true}');
  expect(heard).toMatchObject([
    { isReady: false, waitingFor: { reason: 'PoolFull' } },
    { isReady: true, title: 'T' },
  ]);
});

it('requests the state with the join token on each event, since events of a private meeting have no details', async () => {
  const { events, heard, asked } = watch('{"title":"Board","ready":false}', 'token');
  events.plays('state', '{"ready":false}');
  events.plays('state', '{"ready":true}');
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toMatchObject([{ title: 'Board', isReady: false }]);
  expect(asked.mock.calls.map((call) => (call[1] as { headers: Record<string, string> }).headers['authorization'])).toEqual(['Bearer token', 'Bearer token']);
});

it('falls back to the event if the request fails', async () => {
  const { events, heard } = watch('no json', 'token');
  events.plays('state', '{"ready":true}');
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toMatchObject([{ title: 'b', isReady: true }]);
});

it('polls without trying events where there are none', async () => {
  const opened: string[] = [];
  const heard: MeetingInfo[] = [];
  const openEvents = (url: string): FakeEvents => {
    opened.push(url);
    return new FakeEvents();
  };
  const end = watchMeeting({ rest: 'hello' }, (info) => heard.push(info), { openEvents, fetchFrom: () => Promise.resolve(new Response('{"participants":2}')) });
  await vi.advanceTimersByTimeAsync(3000);
  expect([opened, heard]).toMatchObject([[], [{ participants: 2 }]]);
  end();
});

it('polls less often once the meeting is ready', async () => {
  const { events, asked } = watch('{"ready":true}');
  events.gaveUp();
  await vi.advanceTimersByTimeAsync(22_900);
  expect(asked).toHaveBeenCalledTimes(2);
});

it('polls every three seconds where there are no events', async () => {
  const { events, heard, asked, end } = watch('{"ready":false}');
  events.gaveUp();
  await vi.advanceTimersByTimeAsync(6100);
  expect([heard.length, asked.mock.calls.length]).toEqual([2, 2]);
  end();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(asked).toHaveBeenCalledTimes(2);
  expect(events.isClosed).toBe(true);
});
