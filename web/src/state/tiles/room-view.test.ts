import { describe, expect, it } from 'vitest';
import { fakeTrack } from '../../test-support/fake-media';
import { NOTHING_ON, type LocalMediaState } from '../../core/media/local-media';
import { peerOf, peerStatusOf, type Peer } from '../../core/signaling/peers';
import { fitGrid } from './grid';
import { EMPTY_ROOM, reduceRoom, type RoomView, type RoomViewEvent } from './participants';
import { hueOf, peopleOf, tilesOf, voicesOf, type Tile } from './tiles';

const peer = (peerId: string, displayName = peerId): Peer => peerOf({ peerId, displayName });

const track = (peerId: string, kind: 'audio' | 'video', consumerId = `${peerId}-${kind}`): RoomViewEvent => ({
  type: 'trackAdded',
  remote: { consumerId, peerId, kind, source: kind, track: fakeTrack(kind === 'audio' ? 'microphone' : 'camera'), isPaused: false },
});

const play = (...events: RoomViewEvent[]): RoomView => events.reduce(reduceRoom, EMPTY_ROOM);
const tiles = (room: RoomView, local = NOTHING_ON): Tile[] => tilesOf(room, { peerId: 'me', displayName: 'Ada Lovelace', local });
const tileOf = (room: RoomView, peerId: string): Tile | undefined => tiles(room).find((tile) => tile.peerId === peerId);

const together: RoomViewEvent[] = [{ type: 'joined', peers: [peer('bob'), peer('cy')] }, track('bob', 'audio'), track('bob', 'video'), track('cy', 'video')];

describe('a move to another server', () => {
  const hand: RoomViewEvent = { type: 'handRaised', peerId: 'me', isRaised: true };
  const moved: RoomViewEvent = { type: 'moved', peers: [peer('cy')] };
  const remote = { consumerId: 'cy-next', peerId: 'cy', kind: 'video', source: 'video', track: fakeTrack('camera'), isPaused: false } as const;
  const next: RoomViewEvent = { type: 'trackAdded', remote, replaces: 'cy-video' };

  it('keeps participants, streams and raised hands', () => {
    const room = play(...together, hand, moved);
    expect(room.participants.map(({ peerId, isStale }) => [peerId, isStale])).toEqual([
      ['bob', false],
      ['cy', false],
    ]);
    expect([room.tracks.length, room.raisedHands]).toEqual([3, ['me']]);
  });

  it('forgets the scores of what was sent to the previous server', () => {
    const score: RoomViewEvent = { type: 'ownScore', producerId: 'before', score: 3 };
    expect(play(score, moved).ownScores.size).toBe(0);
  });

  it('exchanges one stream for another', () => {
    expect(tileOf(play(...together, moved, next), 'cy')).toMatchObject({ video: remote.track, consumerId: 'cy-next' });
    expect(play(...together, moved, next).tracks).toHaveLength(3);
  });

  it('marks who is left behind, until they have moved or are given up', () => {
    const left: RoomViewEvent = { type: 'leftBehind', peerIds: ['bob'], consumerIds: ['bob-audio', 'bob-video'] };
    const room = play(...together, moved, next, left);
    const staleOf = (at: RoomView): unknown[] => at.participants.map(({ isStale }) => isStale);
    expect([staleOf(room), room.tracks.map(({ isStale }) => isStale)]).toEqual([
      [true, false],
      [true, true, false],
    ]);
    expect(staleOf(reduceRoom(room, { type: 'peerJoined', peer: peer('bob') }))).toEqual([false, false]);
    expect(reduceRoom(room, { type: 'lastFramesDropped' }).participants.map(({ peerId }) => peerId)).toEqual(['cy']);
  });
});

describe('a participant without incoming media', () => {
  const score = (consumerId: string, sourceScore: number): RoomViewEvent => ({ type: 'trackScore', consumerId, score: 10, sourceScore });
  const flowing = [...together, score('bob-audio', 10), score('bob-video', 9)];
  const linkOf = (...events: RoomViewEvent[]): unknown => tileOf(play(...flowing, ...events), 'bob')?.link;

  it.each<[string, RoomViewEvent[], string]>([
    ['while both come', [], 'good'],
    ['when the picture stops', [score('bob-video', 0)], 'interrupted'],
    ['when both stop', [score('bob-video', 0), score('bob-audio', 0)], 'lost'],
    ['when they come again', [score('bob-video', 0), score('bob-audio', 0), score('bob-audio', 10), score('bob-video', 8)], 'good'],
    ['muted, when the picture stops', [{ type: 'trackPaused', consumerId: 'bob-audio', isPaused: true }, score('bob-video', 0)], 'lost'],
    [
      'muted, with the camera off',
      [
        { type: 'trackPaused', consumerId: 'bob-audio', isPaused: true },
        { type: 'trackRemoved', consumerId: 'bob-video' },
      ],
      'good',
    ],
    ['when the server says so', [{ type: 'peerChanged', peerId: 'bob', peerStatus: peerStatusOf({ connected: false }) }], 'lost'],
    [
      'when the server says that it is over',
      [
        { type: 'peerChanged', peerId: 'bob', peerStatus: peerStatusOf({ connected: false }) },
        { type: 'peerChanged', peerId: 'bob', peerStatus: peerStatusOf({ connected: true }) },
      ],
      'good',
    ],
  ])('is marked: %s', (_about, events, link) => expect(linkOf(...events)).toBe(link));

  it('is marked also if the stream arrived before its offer', () => {
    const offered: RoomViewEvent = {
      type: 'trackAdded',
      remote: { consumerId: 'bob-mic', peerId: 'bob', kind: 'audio', source: 'audio', track: fakeTrack('microphone'), isPaused: false, sourceScore: 10 },
    };
    expect(tileOf(play({ type: 'joined', peers: [peer('bob')] }, offered, score('bob-mic', 0)), 'bob')?.link).toBe('lost');
  });

  it('is marked also without camera and microphone, until reconnected', () => {
    const gone: RoomViewEvent = { type: 'peerChanged', peerId: 'dee', peerStatus: peerStatusOf({ connected: false }) };
    const back: RoomViewEvent = { type: 'peerChanged', peerId: 'dee', peerStatus: peerStatusOf({ connected: true }) };
    const linksOf = (...events: RoomViewEvent[]): unknown[] => {
      const room = play({ type: 'joined', peers: [peer('dee')] }, ...events);
      return [tileOf(room, 'dee')?.link, peopleOf(room, { peerId: 'me', displayName: 'Ada', local: NOTHING_ON })[0]?.link];
    };
    expect([linksOf(), linksOf(gone), linksOf(gone, back), linksOf(gone, { type: 'joined', peers: [peer('dee')] })]).toEqual([
      ['good', 'good'],
      ['lost', 'lost'],
      ['good', 'good'],
      ['good', 'good'],
    ]);
    const known = { peerId: 'dee', displayName: 'Dee', connected: false };
    expect(tileOf(play({ type: 'joined', peers: [peerOf(known)] }), 'dee')?.link).toBe('lost');
  });

  it('is not marked before media has arrived', () => {
    expect(tileOf(play(...together, score('bob-audio', 0), score('bob-video', 0)), 'bob')?.link).toBe('good');
  });
});

describe('a participant whose media is not received', () => {
  type Sends = NonNullable<Peer['sends']>;
  const NOTHING_SENT: Sends = { audio: false, video: false, share: false };
  const sends = (change: Partial<Sends>): RoomViewEvent => ({ type: 'peerSends', peerId: 'bob', sends: { ...NOTHING_SENT, ...change } });
  const screen: RoomViewEvent = {
    type: 'trackAdded',
    remote: { consumerId: 'bob-screen', peerId: 'bob', kind: 'video', source: 'screensharing', track: fakeTrack('camera'), isPaused: false },
  };
  const removed = (consumerId: string): RoomViewEvent => ({ type: 'trackRemoved', consumerId });
  const joined: RoomViewEvent = { type: 'joined', peers: [peer('bob'), peer('cy')] };
  const personOf = (...events: RoomViewEvent[]): unknown => peopleOf(play(joined, ...events), { peerId: 'me', displayName: 'Ada', local: NOTHING_ON })[0];

  it.each<[string, RoomViewEvent[], object]>([
    ['nothing is known of', [], { isMuted: true, hasCamera: false, isSharing: false }],
    ['everything is sent by', [sends({ audio: true, video: true, share: true })], { isMuted: false, hasCamera: true, isSharing: true }],
    ['nothing is sent by', [sends({ audio: true, video: true }), sends({})], { isMuted: true, hasCamera: false, isSharing: false }],
    [
      'what comes is left out later of',
      [track('bob', 'audio'), track('bob', 'video'), sends({ audio: true, video: true }), removed('bob-audio'), removed('bob-video')],
      { isMuted: false, hasCamera: true },
    ],
    ['what comes is known better than what is said of', [sends({}), track('bob', 'audio'), track('bob', 'video')], { isMuted: false, hasCamera: true }],
    [
      'what is paused is known before it is said of',
      [sends({ audio: true }), track('bob', 'audio'), { type: 'trackPaused', consumerId: 'bob-audio', isPaused: true }],
      { isMuted: true },
    ],
  ])('is shown correctly: %s Bob', (_about, events, person) => expect(personOf(...events)).toMatchObject(person));

  it('is outlined while speaking', () => {
    const speaking: RoomViewEvent = { type: 'speakers', volumes: [{ peerId: 'bob', volume: -20 }] };
    expect([personOf(sends({ audio: true }), speaking), personOf(sends({}), speaking)]).toMatchObject([{ isSpeaking: true }, { isSpeaking: false }]);
  });

  it('follows the server after a reconnect, not the old stream', () => {
    const back = (sends: Peer['sends']): RoomViewEvent[] => [
      track('bob', 'audio'),
      { type: 'connectionLost' },
      { type: 'joined', peers: [{ ...peer('bob'), sends }] },
    ];
    expect(personOf(track('bob', 'audio'), { type: 'connectionLost' })).toMatchObject({ isMuted: false });
    expect([back(NOTHING_SENT), back({ ...NOTHING_SENT, audio: true }), back(undefined)].map((events) => personOf(...events))).toMatchObject([
      { isMuted: true },
      { isMuted: false },
      { isMuted: false },
    ]);
  });

  it('keeps tiles and their order while streams come and go', () => {
    const shown = (...events: RoomViewEvent[]): unknown =>
      tiles(play(joined, sends({ video: true, share: true }), ...events)).map(({ key, isSent, video }) => [key, isSent, video !== undefined]);
    const without = [
      ['bob:screen', true, false],
      ['bob', true, false],
      ['cy', false, false],
      ['me', false, false],
    ];
    expect(shown()).toEqual(without);
    expect(shown(screen, track('bob', 'video'))).toEqual([
      ['bob:screen', true, true],
      ['bob', true, true],
      ['cy', false, false],
      ['me', false, false],
    ]);
    expect(shown(screen, track('bob', 'video'), removed('bob-screen'), removed('bob-video'))).toEqual(without);
    expect(shown(screen, removed('bob-screen'), sends({ video: true }))).toEqual(without.slice(1));
  });
});

describe('the tiles', () => {
  it('mark broadcasts', () => {
    const from = (peerId: string, flag: string): Peer => {
      const info = { peerId, displayName: peerId, device: { flag, name: '' } };
      return peerOf(info);
    };
    const room = play({ type: 'joined', peers: [from('bob', 'broadcaster'), from('cy', 'ffmpeg'), from('dee', 'chrome')] });
    expect(tiles(room).map(({ isBroadcast }) => isBroadcast)).toEqual([true, true, false, false]);
  });

  it('show the others in the order of joining and the local one last', () => {
    const room = play(...together, { type: 'peerJoined', peer: peer('dee') });
    expect(tiles(room).map(({ peerId, isSelf }) => [peerId, isSelf])).toEqual([
      ['bob', false],
      ['cy', false],
      ['dee', false],
      ['me', true],
    ]);
  });

  it('show initials and a muted icon without media', () => {
    expect(tiles(EMPTY_ROOM)).toEqual([expect.objectContaining({ initials: 'AL', isMuted: true, video: undefined, isSelf: true })]);
  });

  it('show the local video, and never play the local audio', () => {
    const local: LocalMediaState = {
      ...NOTHING_ON,
      microphone: { status: 'on', track: fakeTrack('microphone'), isInterrupted: false },
      camera: { status: 'on', track: fakeTrack('camera'), isInterrupted: false },
    };
    const self = tiles(EMPTY_ROOM, local)[0];
    expect(self?.isMuted).toBe(false);
    expect(self?.video).toBeDefined();
    expect(voicesOf(play(track('me', 'audio')), { peerId: 'me', displayName: 'Ada', local })).toEqual([]);
  });

  it('hide paused video and mark paused audio', () => {
    const room = play(
      ...together,
      { type: 'trackPaused', consumerId: 'bob-video', isPaused: true },
      { type: 'trackPaused', consumerId: 'bob-audio', isPaused: true },
    );
    expect(tileOf(room, 'bob')).toMatchObject({ video: undefined, isMuted: true });
  });

  it('mark a stalled video, unless it is paused', () => {
    const stalled = play(...together, { type: 'trackStalled', consumerId: 'bob-video', isStalled: true });
    expect(tiles(stalled).map(({ isStalled }) => isStalled)).toEqual([true, false, false]);
    const paused = reduceRoom(stalled, { type: 'trackPaused', consumerId: 'bob-video', isPaused: true });
    expect(tileOf(paused, 'bob')?.isStalled).toBe(false);
    expect(tileOf(reduceRoom(stalled, { type: 'trackStalled', consumerId: 'bob-video', isStalled: false }), 'bob')?.isStalled).toBe(false);
  });

  it('give the reason of a video that the server does not forward', () => {
    const isTooSlow = (...events: RoomViewEvent[]): boolean | undefined => tileOf(play(...together, ...events), 'bob')?.isTooSlow;
    const stalled: RoomViewEvent = { type: 'trackStalled', consumerId: 'bob-video', isStalled: true };
    const withheld: RoomViewEvent = { type: 'trackWithheld', consumerId: 'bob-video', isWithheld: true };
    const silent: RoomViewEvent = { type: 'trackScore', consumerId: 'bob-video', score: 10, sourceScore: 0 };
    expect([isTooSlow(withheld), isTooSlow(stalled), isTooSlow(withheld, stalled), isTooSlow(withheld, stalled, silent)]).toEqual([false, false, true, false]);
  });

  it('outline participants who speak loudly enough and are not muted', () => {
    const volumes = [
      { peerId: 'bob', volume: -30 },
      { peerId: 'cy', volume: -75 },
      { peerId: 'me', volume: -71 },
    ];
    const room = play(...together, { type: 'speakers', volumes });
    expect(tiles(room).map(({ isSpeaking }) => isSpeaking)).toEqual([true, false, false]);
    expect(tileOf(reduceRoom(room, { type: 'speakers', volumes: [] }), 'bob')?.isSpeaking).toBe(false);
  });

  it('give a participant the same color everywhere', () => {
    expect(hueOf('Ada')).toBe(hueOf('Ada'));
    for (const name of ['', 'Ada', '😀'.repeat(64)]) expect(hueOf(name)).toSatisfy((hue: number) => hue >= 0 && hue < 360);
  });
});

describe('participants who leave', () => {
  it('take their media with them', () => {
    const room = play(...together, { type: 'activeSpeaker', peerId: 'bob' }, { type: 'peerLeft', peerId: 'bob' });
    expect(room.participants.map(({ peerId }) => peerId)).toEqual(['cy']);
    expect(room.tracks.map(({ peerId }) => peerId)).toEqual(['cy']);
    expect(room.activeSpeaker).toBeUndefined();
  });

  it('twice, or are unknown, change nothing', () => {
    const room = play(...together);
    expect(play(...together, { type: 'peerLeft', peerId: 'unknown' }).participants).toEqual(room.participants);
  });

  it('and join twice are there once', () => {
    const room = play(...together, { type: 'peerJoined', peer: peer('bob', 'Robert') });
    expect(room.participants.map(({ displayName }) => displayName)).toEqual(['Robert', 'cy']);
  });

  it('may change their name', () => {
    const room = play(...together, { type: 'peerRenamed', peerId: 'cy', displayName: 'Cyrus' });
    expect(tileOf(room, 'cy')?.name).toBe('Cyrus');
  });
});

describe('while the connection is lost', () => {
  const lost = play(...together, { type: 'connectionLost' });

  it('all participants stay, grayed out', () => {
    expect(tiles(lost).map(({ isStale }) => isStale)).toEqual([true, true, false]);
    expect(tileOf(lost, 'bob')?.video).toBeDefined();
  });

  it('a returning participant keeps its place, with the last frame until new video arrives', () => {
    const back = reduceRoom(lost, { type: 'joined', peers: [peer('cy')] });
    expect(back.participants.map(({ peerId, isStale }) => [peerId, isStale])).toEqual([
      ['bob', true],
      ['cy', false],
    ]);
    expect(tileOf(back, 'cy')?.video).toBeDefined();
    const fresh = reduceRoom(back, track('cy', 'video', 'new'));
    expect(fresh.tracks.filter(({ peerId }) => peerId === 'cy').map(({ consumerId }) => consumerId)).toEqual(['new']);
  });

  it('a participant who does not return is dropped after a while', () => {
    const back: RoomViewEvent[] = [{ type: 'joined', peers: [peer('cy')] }, track('cy', 'audio', 'new'), { type: 'lastFramesDropped' }];
    const after = back.reduce(reduceRoom, lost);
    expect(after.participants.map(({ peerId }) => peerId)).toEqual(['cy']);
    expect(after.tracks.map(({ consumerId }) => consumerId)).toEqual(['new']);
  });
});

describe('the grid', () => {
  it.each([
    [1, 1440, 760, 1],
    [2, 1440, 760, 2],
    [3, 1440, 760, 2],
    [5, 1440, 760, 3],
    [9, 1440, 760, 3],
    [2, 344, 480, 1],
    [4, 344, 480, 2],
  ])('for %i in %i×%i has %i columns', (count, width, height, columns) => {
    expect(fitGrid(count, width, height, 12).columns).toBe(columns);
  });

  it('never overflows and never distorts, for 1 to 49 tiles on any screen', () => {
    for (const [width, height] of [
      [344, 480],
      [740, 860],
      [1410, 760],
      [2500, 300],
      [200, 900],
    ] as const) {
      for (let count = 1; count <= 49; count += 1) {
        const { columns, rows, tileWidth, tileHeight } = fitGrid(count, width, height, 12);
        expect(columns * rows).toBeGreaterThanOrEqual(count);
        expect(tileWidth * columns + 12 * (columns - 1)).toBeLessThanOrEqual(width);
        expect(tileHeight * rows + 12 * (rows - 1)).toBeLessThanOrEqual(height);
        expect(tileWidth / tileHeight).toBeLessThan(1.9);
        expect(tileWidth / tileHeight).toBeGreaterThan(0.7);
      }
    }
  });

  it('has no size before the container is measured', () => {
    expect(fitGrid(3, 0, 0, 12)).toMatchObject({ tileWidth: 0, tileHeight: 0 });
  });
});
