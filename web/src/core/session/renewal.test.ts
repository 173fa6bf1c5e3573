import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { consumerOffer } from '../../test-support/fake-server';
import { joined, settle, statuses, type Setup } from '../../test-support/session-setup';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A call in which a video of another participant is received. */
async function receiving(): Promise<Setup> {
  const setup = await joined();
  setup.server.offersConsumer(1, consumerOffer('bob', 'video'));
  await settle();
  setup.events.length = 0;
  return setup;
}

describe('transports that the server has lost', () => {
  it('are replaced on the same connection, and everything is sent and received again', async () => {
    const { server, events } = await receiving();
    server.notifies('transportsLost', {});
    await settle();
    expect(server.sockets).toHaveLength(1);
    expect(server.sent('createWebRtcTransport')).toHaveLength(4);
    expect(server.sent('join')).toHaveLength(1);
    expect(events).toContainEqual({ type: 'leftBehind', peerIds: [], consumerIds: ['bob-video'] });
    expect(server.sent('produce')).toHaveLength(2);
    server.offersConsumer(2, consumerOffer('bob', 'video', 'bob-again'));
    await settle();
    expect(server.answerTo(2)).toMatchObject({ ok: true });
    expect(events.flatMap((event) => (event.type === 'trackAdded' ? [event.remote.consumerId] : []))).toEqual(['bob-again']);
    expect(server.sent('produce'), 'once it has what others send').toHaveLength(4);
    expect(statuses(events)).toEqual([]);
  });

  it('take offers that come before both exist', async () => {
    const { server, events } = await receiving();
    const answer = server.answers['createWebRtcTransport'];
    const asked: unknown[] = [];
    server.answers['createWebRtcTransport'] = (data) => {
      asked.push(data);
      if (asked.length === 2) queueMicrotask(() => server.offersConsumer(2, consumerOffer('bob', 'video', 'bob-again')));
      return answer?.(data);
    };
    server.notifies('transportsLost', {});
    await settle();
    expect(server.answerTo(2)).toMatchObject({ ok: true });
    expect(events.some((event) => event.type === 'trackAdded')).toBe(true);
  });

  it('leave on screen what does not arrive again, for a while', async () => {
    const { server, events } = await receiving();
    server.notifies('transportsLost', {});
    await vi.advanceTimersByTimeAsync(4900);
    expect(events.filter(({ type }) => type === 'trackRemoved')).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(events.filter(({ type }) => type === 'trackRemoved')).toEqual([{ type: 'trackRemoved', consumerId: 'bob-video' }]);
  });

  it('can be lost twice', async () => {
    const { server } = await receiving();
    server.notifies('transportsLost', {});
    server.notifies('transportsLost', {});
    await vi.advanceTimersByTimeAsync(400);
    expect(server.sent('createWebRtcTransport')).toHaveLength(6);
    expect(server.sent('produce').length).toBeGreaterThanOrEqual(4);
  });

  it('lead to a new join if there are no others', async () => {
    const { server, events } = await receiving();
    server.answers['createWebRtcTransport'] = () => new Error('no media pod has room');
    server.notifies('transportsLost', {});
    await settle();
    expect(statuses(events)).toContain('reconnecting');
  });
});
