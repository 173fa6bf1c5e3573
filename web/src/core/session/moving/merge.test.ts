import { describe, expect, it } from 'vitest';
import type { Sends } from '../../../generated/messages';
import type { Peer } from '../../signaling/peers';
import type { RemoteTrack, RoomEvent } from '../events';
import { Contents } from './contents';
import { fromNext, fromOld, withoutNext, withoutOld, type Both } from './merge';

const peer = (peerId: string): Peer => ({ peerId, displayName: peerId }) as Peer;
const sending = (peerId: string, sends: Sends): Peer => ({ ...peer(peerId), sends });
const track = (consumerId: string, peerId = 'ben', source: RemoteTrack['source'] = 'video'): RemoteTrack =>
  ({ consumerId, peerId, kind: source === 'audio' ? 'audio' : 'video', source, isPaused: false }) as RemoteTrack;
const added = (remote: RemoteTrack): RoomEvent => ({ type: 'trackAdded', remote });

function contentsOf(peers: (string | Peer)[], tracks: RemoteTrack[]): Contents {
  const contents = new Contents();
  contents.note({ type: 'joined', peers: peers.map((one) => (typeof one === 'string' ? peer(one) : one)) });
  for (const remote of tracks) contents.note(added(remote));
  return contents;
}

const both = (change: Partial<Both> = {}): Both => ({
  old: contentsOf(['ben', 'cleo'], [track('a1'), track('a2', 'cleo')]),
  next: contentsOf(['ben'], [track('b1')]),
  ...change,
});

const hand: RoomEvent = { type: 'handRaised', peerId: 'ben', isRaised: true };
const state: RoomEvent = { type: 'roomState', title: 'Standup', isLocked: true, isLobbyOn: false };

describe('an event of the server that is left', () => {
  it.each<[string, RoomEvent, boolean]>([
    ['a participant that has moved leaves', { type: 'peerLeft', peerId: 'ben' }, false],
    ['a participant that has not moved leaves', { type: 'peerLeft', peerId: 'cleo' }, true],
    ['the hand of a participant that has moved', hand, false],
    ['the hand of a participant that has not moved', { ...hand, peerId: 'cleo' }, true],
    ['another stream of what the next server sends', added(track('a3')), false],
    ['a stream that the next server does not send', added(track('a3', 'ben', 'screensharing')), true],
    ['a change of the room', state, false],
    ['who speaks', { type: 'activeSpeaker', peerId: 'cleo' }, true],
    ['a reaction', { type: 'reaction', peerId: 'cleo', reaction: 'clap' } as unknown as RoomEvent, true],
  ])('%s: passed on %s', (_what, event, isPassedOn) => {
    expect(fromOld(event, both())).toEqual(isPassedOn ? [event] : []);
  });

  it('is all that counts until the next server has answered', () => {
    expect(fromOld(state, both({ next: new Contents() }))).toEqual([state]);
  });
});

describe('an event of the next server', () => {
  it('the participants there do not replace those who are expected', () => {
    expect(fromNext({ type: 'joined', peers: [peer('ben')] }, both())).toEqual([{ type: 'moved', peers: [peer('ben')] }]);
  });

  it('a stream takes the place of the one that shows the same', () => {
    const [screen, camera] = [track('b2', 'cleo', 'screensharing'), track('b3', 'cleo')];
    expect([...fromNext(added(screen), both()), ...fromNext(added(camera), both())]).toEqual([added(screen), { ...added(camera), replaces: 'a2' }]);
  });

  it('a stream that ends leaves its place to the one of the old server', () => {
    const removed = (consumerId: string): RoomEvent => ({ type: 'trackRemoved', consumerId });
    expect(fromNext(removed('b1'), both())).toEqual([removed('b1'), added(track('a1'))]);
    // The participant has replaced it.
    expect(fromNext(removed('b1'), both({ next: contentsOf(['ben'], [track('b1'), track('b2')]) }))).toEqual([removed('b1')]);
    expect(fromNext(removed('b1'), both({ old: contentsOf(['ben'], []) }))).toEqual([removed('b1')]);
  });

  it.each<[string, RoomEvent, boolean]>([
    // It closes both connections, and the old server does not report those who have moved.
    ['a participant that has moved leaves', { type: 'peerLeft', peerId: 'ben' }, true],
    ['a participant arrives', { type: 'peerJoined', peer: peer('cleo') }, true],
    ['who speaks', { type: 'activeSpeaker', peerId: 'ben' }, false],
    ['a change of the room', state, true],
  ])('%s: passed on %s', (_what, event, isPassedOn) => {
    expect(fromNext(event, both())).toEqual(isPassedOn ? [event] : []);
  });
});

describe('what a participant sends', () => {
  const OFF: Sends = { audio: false, video: false, share: false };
  const VOICE: Sends = { ...OFF, audio: true };
  const ALL: Sends = { ...VOICE, video: true };
  const sends = (value: Sends): RoomEvent => ({ type: 'peerSends', peerId: 'ben', sends: value });
  const known = (old: Sends, ...next: Sends[]): Both => {
    const contents = contentsOf(
      next.slice(0, 1).map((one) => sending('ben', one)),
      [],
    );
    for (const one of next.slice(1)) contents.note(sends(one));
    return { old: contentsOf([sending('ben', old)], []), next: contents };
  };

  it('is as the old server has reported it until they send it to the next one', () => {
    const arrived = sending('ben', OFF);
    const shown = sending('ben', ALL);
    expect(fromNext({ type: 'joined', peers: [arrived] }, known(ALL))).toEqual([{ type: 'moved', peers: [shown] }]);
    expect(fromNext({ type: 'peerJoined', peer: arrived }, known(ALL))).toEqual([{ type: 'peerJoined', peer: shown }]);
    expect(fromNext(sends(VOICE), known(ALL, OFF))).toEqual([sends(ALL)]);
  });

  it('ends when the server says so to which they send it', () => {
    expect(fromNext(sends(VOICE), known(ALL, OFF, ALL))).toEqual([sends(VOICE)]);
    expect(fromOld(sends(VOICE), known(ALL, OFF))).toEqual([sends(VOICE)]);
    expect(fromOld(sends(OFF), known(ALL, VOICE))).toEqual([sends(VOICE)]);
  });

  it('is what the remaining server says when the other one is gone', () => {
    expect(withoutOld(known(ALL, VOICE))).toEqual([sends(VOICE)]);
    expect(withoutOld(known(VOICE, ALL))).toEqual([]);
    expect(withoutNext(known(VOICE, ALL))).toEqual([sends(VOICE)]);
  });

  it('is not known from servers that do not report it', () => {
    const [peers, reported] = [contentsOf(['ben'], []), contentsOf([sending('ben', VOICE)], [])];
    expect(fromNext({ type: 'joined', peers: [peer('ben')] }, { old: peers, next: new Contents() })).toEqual([{ type: 'moved', peers: [peer('ben')] }]);
    expect(withoutOld({ old: peers, next: reported })).toEqual([]);
  });
});

describe('one of two connections ends', () => {
  it('the next one: everything comes from the old one again', () => {
    const next = contentsOf(['ben', 'dan'], [track('b1'), track('b2', 'dan')]);
    expect(withoutNext(both({ next }))).toEqual([
      { ...added(track('a1')), replaces: 'b1' },
      { type: 'trackRemoved', consumerId: 'b2' },
      { type: 'peerLeft', peerId: 'dan' },
    ]);
  });

  it('the old one: the viewers are those of the next', () => {
    const [old, next] = [contentsOf(['ben'], []), contentsOf(['ben'], [])];
    old.note({ type: 'viewers', count: 7 });
    next.note({ type: 'viewers', count: 3 });
    expect(fromOld({ type: 'viewers', count: 6 }, { old, next })).toHaveLength(1);
    expect(fromNext({ type: 'viewers', count: 2 }, { old, next })).toEqual([]);
    expect(withoutOld({ old, next })).toEqual([{ type: 'viewers', count: 3 }]);
  });

  it('the old one: who was there alone is expected', () => {
    expect(withoutOld(both())).toEqual([{ type: 'leftBehind', peerIds: ['cleo'], consumerIds: ['a2'] }]);
    expect(withoutOld(both({ old: contentsOf(['ben'], [track('a1')]) }))).toEqual([]);
  });

  it('a stream keeps what was reported of it later', () => {
    const old = contentsOf(['ben'], [track('a1')]);
    old.note({ type: 'trackPaused', consumerId: 'a1', isPaused: true });
    expect(withoutNext(both({ old }))).toEqual([{ ...added({ ...track('a1'), isPaused: true }), replaces: 'b1' }]);
    old.note({ type: 'trackRemoved', consumerId: 'a1' });
    expect(withoutNext(both({ old }))).toEqual([{ type: 'trackRemoved', consumerId: 'b1' }]);
  });
});
