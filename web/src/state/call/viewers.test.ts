import { describe, expect, it } from 'vitest';
import { decodeNotification } from '../../core/signaling/decode';
import { roomEventOf } from '../../core/session/connection/room-events';
import type { SessionEvent } from '../../core/session/events';
import { ALL_RIGHTS, NO_RIGHTS, permissionsOf } from '../../core/signaling/peers';
import { rights, setUp } from '../../test-support/call-setup';

const role = (isViewer: boolean, isModerator = false): SessionEvent => rights({ isViewer, isModerator, publish: isViewer ? NO_RIGHTS : ALL_RIGHTS });

/** A call in which the local participant is a viewer. */
function asViewer(): ReturnType<typeof setUp> {
  const all = setUp();
  all.session.emit(role(true));
  for (const { id } of all.state().toasts) all.call.dismissToast(id);
  return all;
}

const hands = (...names: string[]): SessionEvent => ({
  type: 'viewerHands',
  count: names.length,
  hands: names.map((name) => ({ peerId: name, displayName: name })),
});

describe('a viewer', () => {
  it('has no tile, and is not in the list', () => {
    const { session, state } = asViewer();
    session.emit({ type: 'viewers', count: 3 });
    expect(state().tiles.map(({ peerId }) => peerId)).toEqual(['bob']);
    expect(state().people.map(({ peerId }) => peerId)).toEqual(['bob']);
    expect([state().viewers, state().rights.isViewer]).toEqual([3, true]);
  });

  it('lets the browser ask with the hand, not on stage', async () => {
    const { call, session, devices } = asViewer();
    await call.toggleHand();
    expect(devices.opened.map(({ kind, track }) => [kind, track.readyState])).toEqual([['microphone', 'ended']]);
    expect(session.asked).toEqual([['raiseHand', { raised: true }]]);
  });

  it('learns that it comes on stage and that it leaves it', () => {
    const { session, state } = asViewer();
    session.emit(role(false));
    expect(state().dialog).toEqual({ name: 'onStage' });
    expect(state().toasts).toEqual([]);
    session.emit(role(true));
    expect(state().dialog).toBeUndefined();
    expect(state().toasts.map((toast) => toast.kind === 'rights' && toast.change)).toEqual(['viewer']);
  });
});

describe('a moderator', () => {
  it('learns of each new hand of a viewer, and no longer once the role is lost', () => {
    const { session, state, chimes } = setUp();
    session.emit(role(false, true), hands('vera'), hands('vera', 'wolf'), hands('wolf'));
    expect(chimes.filter((one) => one === 'hand')).toHaveLength(2);
    expect(state().viewerHands.count).toBe(1);
    session.emit(role(false));
    expect(state().viewerHands.count).toBe(0);
  });
});

describe('reactions of viewers', () => {
  it('have no name', () => {
    const { session, state } = setUp();
    session.emit({ type: 'reaction', peerId: undefined, reaction: 'clap' });
    expect(state().reactions.map(({ name }) => name)).toEqual(['']);
  });
});

describe('messages about viewers', () => {
  it('are decoded', () => {
    const event = (method: string, data: Record<string, unknown>): unknown => {
      const decoded = decodeNotification(method, data);
      return decoded.kind === 'known' ? roomEventOf(decoded.message) : decoded.kind;
    };
    expect(event('viewers', { count: 7 })).toEqual({ type: 'viewers', count: 7 });
    expect(event('viewerHands', { count: 1, hands: [{ peerId: 'v', displayName: ' Vera ' }] })).toEqual({
      type: 'viewerHands',
      count: 1,
      hands: [{ peerId: 'v', displayName: 'Vera' }],
    });
    expect(event('reaction', { reaction: 'clap' })).toEqual({ type: 'reaction', peerId: undefined, reaction: 'clap' });
    for (const data of [{}, { count: '7' }, { count: 1, hands: [{}] }]) expect(event('viewerHands', data)).toBe('malformed');
    expect(permissionsOf({ viewer: true }).isViewer).toBe(true);
    expect(permissionsOf({}).isViewer).toBe(false);
  });
});
