import { describe, expect, it } from 'vitest';
import { ConveneError } from '../../core/errors';
import { NOTHING_ON } from '../../core/media/local-media';
import type { CallStats } from '../../core/session/connection/stats';
import { EMPTY_ROOM, reduceRoom } from '../tiles/participants';
import { GRACE_MS, lateIn, leftOutOf, missingOf, type Missing } from '../tiles/missing';
import { readSettings } from '../settings';
import { commandOf, keyCaps, shortcutsFor, type Keystroke } from './shortcuts';
import { pageCapacity, pageOf, stageOf, type StageOptions } from '../tiles/stage';
import { statisticsOf } from './statistics';
import { tilesOf, type Tile } from '../tiles/tiles';
import { withToast, type Toast, type ToastContent } from './toasts';
import { waitingKindOf } from '../app/waiting';
import { receptionOf, watchedPeersOf, type Watching } from '../tiles/watching';
import { peerOf } from '../../core/signaling/peers';

const tile = (key: string, change: Partial<Tile> = {}): Tile => ({
  key,
  kind: 'person',
  peerId: key,
  name: key,
  initials: 'X',
  hue: 0,
  isSelf: false,
  isMuted: false,
  isSpeaking: false,
  isStale: false,
  isStalled: false,
  isTooSlow: false,
  link: 'good',
  isHandRaised: false,
  isBroadcast: false,
  isSent: false,
  quality: undefined,
  video: undefined,
  consumerId: `${key}-v`,
  ...change,
});

describe('toasts', () => {
  const play = (...contents: ToastContent[]): readonly Toast[] =>
    contents.reduce<readonly Toast[]>((toasts, content, index) => withToast(toasts, content, index), []);
  const joined = (...names: string[]): ToastContent => ({ kind: 'presence', joined: names, left: [] });
  const left = (...names: string[]): ToastContent => ({ kind: 'presence', joined: [], left: names });

  it('about joining and leaving are merged', () => {
    expect(play(joined('Ada'), joined('Bob'), left('Cy'))).toEqual([{ kind: 'presence', joined: ['Ada', 'Bob'], left: ['Cy'], id: 2 }]);
  });

  it('skip participants who joined and left again', () => {
    expect(play(joined('Ada'), left('Ada'))).toEqual([]);
    expect(play(left('Ada'), joined('Ada'), joined('Bob'))).toMatchObject([{ joined: ['Bob'], left: [] }]);
  });

  it('never pile up', () => {
    const many = Array.from({ length: 50 }, (_, index): ToastContent => ({ kind: 'chat', name: 'Bob', text: String(index) }));
    expect(play(...many)).toHaveLength(4);
  });

  it('never replace problems', () => {
    const problem: ToastContent = { kind: 'problem', device: 'camera', error: new ConveneError('device-in-use', 'busy') };
    const news = Array.from({ length: 9 }, (): ToastContent => ({ kind: 'hand', name: 'Bob' }));
    expect(play(problem, ...news).map(({ kind }) => kind)).toEqual(['problem', 'hand', 'hand', 'hand', 'hand']);
  });
});

describe('the stage', () => {
  const auto: StageOptions = { layout: 'auto', pinned: undefined, activeSpeaker: undefined };
  const people = [tile('a'), tile('b'), tile('me', { isSelf: true })];
  const screen = tile('b:screen', { kind: 'screen', peerId: 'b' });
  const main = (tiles: Tile[], wish: Partial<StageOptions> = {}): string | undefined => {
    const stage = stageOf(tiles, { ...auto, ...wish });
    return stage.kind === 'focus' ? stage.main.key : undefined;
  };

  it('shows a grid until there is a screen', () => {
    expect(main(people)).toBeUndefined();
    expect(main([screen, ...people])).toBe('b:screen');
    expect(main([screen, ...people], { layout: 'grid' })).toBeUndefined();
  });

  it('shows the newest remote screen of several, and the others in the strip', () => {
    const own = tile('me:screen', { kind: 'screen', peerId: 'me', isSelf: true });
    const stage = stageOf([tile('a:screen', { kind: 'screen', peerId: 'a' }), screen, own, ...people], auto);
    expect(stage).toMatchObject({ main: { key: 'b:screen' }, others: [{ key: 'a:screen' }, { key: 'me:screen' }, {}, {}, {}] });
  });

  it('shows the active speaker, or else a remote participant', () => {
    expect(main(people, { layout: 'speaker', activeSpeaker: 'b' })).toBe('b');
    expect(main(people, { layout: 'speaker', activeSpeaker: 'me' })).toBe('a');
    expect(main([tile('me', { isSelf: true })], { layout: 'speaker' })).toBeUndefined();
  });

  it('keeps a pinned tile large while it exists', () => {
    expect(main([screen, ...people], { pinned: 'a' })).toBe('a');
    expect(main(people, { pinned: 'gone' })).toBeUndefined();
  });
});

describe('pages', () => {
  const many = [...Array.from({ length: 29 }, (_, index) => tile(`p${index}`)), tile('me', { isSelf: true })];
  const keys = (lastSpoke: [string, number][], index: number): string[] => pageOf(many, new Map(lastSpoke), 10, index).tiles.map(({ key }) => key);

  it('show each tile once, the local one on the first', () => {
    const all = [0, 1, 2].flatMap((index) => keys([], index));
    expect(new Set(all).size).toBe(30);
    expect(keys([], 0)).toContain('me');
  });

  it('bring recent speakers to the first, in the order of joining', () => {
    expect(
      keys(
        [
          ['p25', 2],
          ['p20', 1],
        ],
        0,
      ),
    ).toEqual(['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p20', 'p25', 'me']);
  });

  it('that no longer exist lead to the last one', () => expect(pageOf(many, new Map(), 10, 99).index).toBe(2));

  it('hold 2 to 49 tiles, and at least a row', () => {
    expect(pageCapacity(700, 60)).toBe(4);
    expect([pageCapacity(0, 0), pageCapacity(344, 480), pageCapacity(1410, 760), pageCapacity(5000, 5000)]).toEqual([2, 10, 49, 49]);
  });
});

describe('what is received', () => {
  const watching = (change: Partial<Watching> = {}): Watching => ({
    seen: new Map(),
    quality: 'auto',
    isPageHidden: false,
    activeSpeaker: undefined,
    ...change,
  });
  const seen = (height: number): ReadonlyMap<string, { width: number; height: number }> => new Map([['a', { width: height, height }]]);

  it.each([
    [100, 0],
    [220, 0],
    [300, 1],
    [441, 2],
    [2000, 2],
  ])('a tile %i pixels high gets layer %i', (height, layer) => {
    expect(receptionOf([tile('a')], watching({ seen: seen(height) }))).toMatchObject([{ isHidden: false, spatialLayer: layer }]);
  });

  it('nothing is received for hidden tiles or a page in the background', () => {
    expect(receptionOf([tile('b')], watching({ seen: seen(500) }))).toMatchObject([{ isHidden: true }]);
    expect(receptionOf([tile('a')], watching({ seen: seen(500), isPageHidden: true }))).toMatchObject([{ isHidden: true }]);
  });

  it('data saver affects cameras, never screens', () => {
    const screen = tile('a', { kind: 'screen' });
    expect(receptionOf([tile('a')], watching({ seen: seen(900), quality: 'saver' }))).toMatchObject([{ spatialLayer: 0 }]);
    expect(receptionOf([tile('a')], watching({ seen: seen(900), quality: 'audioOnly' }))).toMatchObject([{ isHidden: true }]);
    expect(receptionOf([screen], watching({ seen: seen(90), quality: 'audioOnly' }))).toMatchObject([{ isHidden: false, spatialLayer: 2 }]);
  });

  it('screens come first, then speakers; local and stale videos are skipped', () => {
    const tiles = [tile('a'), tile('b'), tile('s', { kind: 'screen' }), tile('me', { consumerId: undefined })];
    const [plain, speaker, screen, ...rest] = receptionOf(tiles, watching({ seen: seen(100), activeSpeaker: 'b' })).map(({ priority }) => priority);
    expect(rest).toEqual([]);
    expect((screen ?? 0) > (speaker ?? 0) && (speaker ?? 0) > (plain ?? 0)).toBe(true);
  });
});

describe('watched peers', () => {
  const small = { width: 160, height: 90 };
  const large = { width: 640, height: 360 };
  const screen = (peerId: string): Tile => tile(`${peerId}:screen`, { kind: 'screen', peerId, consumerId: undefined });
  const people = ['a', 'b', 'c', 'd'].map((key) => tile(key, { consumerId: undefined }));
  const all = [screen('c'), ...people, tile('me', { isSelf: true })];
  const seeing = (sizes: Record<string, { width: number; height: number }>, change: Partial<Watching> = {}): Watching => ({
    ...{ seen: new Map(Object.entries(sizes)), quality: 'auto', isPageHidden: false, activeSpeaker: undefined },
    ...change,
  });

  it.each<[string, Watching, string[]]>([
    ['none before a tile is on screen', seeing({}), []],
    ['people on screen in the order of their tiles, with or without a stream, never oneself', seeing({ me: large, c: small, a: small }), ['a', 'c']],
    ['larger tiles before smaller', seeing({ a: small, b: small, d: large }), ['d', 'a', 'b']],
    ['the same with any speaker', seeing({ a: large, b: small, c: small }, { activeSpeaker: 'c' }), ['a', 'b', 'c']],
    ['screens before all, without duplicates', seeing({ 'c:screen': small, a: large, b: small, c: small }), ['c', 'a', 'b']],
    ['all of them to save data', seeing({ a: small }, { quality: 'saver' }), ['a']],
    ['of sound and screens alone who shares one', seeing({ 'c:screen': large, a: large, c: small }, { quality: 'audioOnly' }), ['c']],
  ])('%s', (_about, watching, peerIds) => expect(watchedPeersOf(all, watching)).toEqual(peerIds));

  it('at most 100', () => {
    const many = Array.from({ length: 120 }, (_, index) => tile(`p${index}`));
    const sizes = Object.fromEntries(many.map(({ key }) => [key, key === 'p119' ? large : small]));
    const watched = watchedPeersOf(many, seeing(sizes));
    expect([watched.length, watched[0], watched[99]]).toEqual([100, 'p119', 'p98']);
  });
});

describe('missing videos', () => {
  const picture = { id: 'picture' } as MediaStreamTrack;
  const sent = tile('a', { isSent: true });
  const looking = { seen: new Map([['a', { width: 160, height: 90 }]]), isPageHidden: false };
  const since = (at: number): Missing => missingOf([sent], looking, new Map(), at);

  it.each<[string, Partial<Tile>, Partial<typeof looking>]>([
    ['not sent', { isSent: false }, {}],
    ['there', { video: picture }, {}],
    ['of a person who is not back yet', { isStale: true }, {}],
    ['not on screen', {}, { seen: new Map() }],
    ['on a page in the background', {}, { isPageHidden: true }],
  ])('do not include ones that are %s', (_about, change, watching) => {
    expect(missingOf([{ ...sent, ...change }], { ...looking, ...watching }, since(0), 50)).toEqual(new Map());
  });

  it('are left out after the time that a stream may take', () => {
    const missing = since(1000);
    expect([leftOutOf(missing, 1000 + GRACE_MS - 1), leftOutOf(missing, 1000 + GRACE_MS)]).toEqual([new Set(), new Set(['a'])]);
    expect([lateIn(missing, 1000), lateIn(missing, 1000 + GRACE_MS), lateIn(new Map(), 0)]).toEqual([GRACE_MS, undefined, undefined]);
  });

  it('get that time again if they arrived in between', () => {
    const still = missingOf([sent], looking, since(1000), 2000);
    expect(still).toEqual(new Map([['a', 1000]]));
    const there = missingOf([{ ...sent, video: picture }], looking, still, 2500);
    expect(missingOf([sent], looking, there, 3000)).toEqual(new Map([['a', 3000]]));
  });

  it('are checked again when the first of them is due', () => {
    expect(
      lateIn(
        new Map([
          ['a', 0],
          ['b', 1000],
          ['c', -GRACE_MS],
        ]),
        500,
      ),
    ).toBe(GRACE_MS - 500);
  });
});

describe('roles, hands and screens', () => {
  const self = { peerId: 'me', displayName: 'Ada', local: NOTHING_ON };
  const joined = reduceRoom(EMPTY_ROOM, {
    type: 'joined',
    peers: [peerOf({ peerId: 'bob', displayName: 'Bob' }), peerOf({ peerId: 'cy', displayName: 'Cy' })],
  });

  it('raised hands are in order, and disappear with their participants', () => {
    const raise = (peerId: string, isRaised = true): Parameters<typeof reduceRoom>[1] => ({ type: 'handRaised', peerId, isRaised });
    const room = [raise('cy'), raise('bob'), raise('cy'), raise('bob', false), raise('me')].reduce(reduceRoom, joined);
    expect(room.raisedHands).toEqual(['cy', 'me']);
    expect(reduceRoom(room, { type: 'peerLeft', peerId: 'cy' }).raisedHands).toEqual(['me']);
  });

  it('a shared screen has a tile beside the camera', () => {
    const add = (source: 'video' | 'screensharing'): Parameters<typeof reduceRoom>[1] => ({
      type: 'trackAdded',
      remote: { consumerId: source, peerId: 'bob', kind: 'video', source, track: { id: source } as MediaStreamTrack, isPaused: false },
    });
    const tiles = tilesOf([add('video'), add('screensharing')].reduce(reduceRoom, joined), self);
    expect(tiles.map(({ key, video }) => [key, video?.id])).toEqual([
      ['bob:screen', 'screensharing'],
      ['bob', 'video'],
      ['cy', undefined],
      ['me', undefined],
    ]);
  });

  it('the lobby is cleared when the moderator role is lost', () => {
    const rights = { isModerator: false, isViewer: false, publish: { audio: true, video: true, share: true }, chat: true, name: undefined };
    const room = reduceRoom({ ...joined, lobby: [{ peerId: 'x', displayName: 'X' }] }, { type: 'permissions', permissions: rights });
    expect(room.lobby).toEqual([]);
  });
});

describe('keys', () => {
  const PLAIN: Keystroke = {
    ...{ key: '', code: '', hasCtrl: false, hasAlt: false, hasShift: false, hasMeta: false, hasAltGraph: false },
    ...{ isComposing: false, target: 'page' },
  };
  const HELD = { c: 'hasCtrl', a: 'hasAlt', s: 'hasShift', m: 'hasMeta', g: 'hasAltGraph' } as const;
  /** "c+d" is Ctrl and D; a second part names the place of the key. */
  const stroke = (keys: string, change: Partial<Keystroke> = {}): Keystroke => {
    const parts = keys.split('+');
    const held = Object.fromEntries(parts.slice(0, -1).map((one) => [HELD[one as keyof typeof HELD], true]));
    return { ...PLAIN, ...held, key: parts.at(-1) ?? '', ...change };
  };
  const PC = { isApple: false, hasPushToTalk: true };
  const APPLE = { isApple: true, hasPushToTalk: true };

  it.each(['text', 'control', 'page'] as const)('without modifiers do nothing (%s)', (target) => {
    for (const key of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789?/.,-ßéж') {
      for (const keyboard of [PC, APPLE]) {
        expect(commandOf(stroke(key, { target, code: `Key${key.toUpperCase()}` }), keyboard)).toBeUndefined();
        expect(commandOf(stroke(key, { target, hasShift: true }), keyboard)).toBeUndefined();
      }
    }
  });

  it.each<[Keystroke, string | undefined]>([
    [stroke('c+d'), 'microphone'],
    [stroke('c+D'), 'microphone'],
    [stroke('c+в', { code: 'KeyD' }), 'microphone'],
    [stroke('c+e', { code: 'KeyD' }), 'camera'],
    [stroke('c+d', { target: 'control' }), 'microphone'],
    [stroke('c+d', { target: 'text' }), undefined],
    [stroke('c+d', { isComposing: true }), undefined],
    [stroke('c+s+d'), undefined],
    [stroke('m+d'), undefined],
    [stroke('a+d'), undefined],
    [stroke('c+a+d'), undefined],
    [stroke('c+a+c'), 'chat'],
    [stroke('c+c'), undefined],
    [stroke('g+ć', { code: 'KeyC' }), 'chat'],
    [stroke('g+ć', { code: 'KeyC', target: 'text' }), undefined],
    [stroke('c+/'), 'help'],
    [stroke('c+s+/'), 'help'],
    [stroke('c+-', { code: 'Slash' }), undefined],
  ])('with Ctrl: %j is %s', (keystroke, command) => expect(commandOf(keystroke, PC)).toBe(command));

  it.each<[Keystroke, string | undefined]>([
    [stroke('m+d'), 'microphone'],
    [stroke('c+d'), undefined],
    [stroke('a+m+d'), undefined],
    [stroke('c+m+h'), 'hand'],
    [stroke('a+ç', { code: 'KeyC' }), undefined],
  ])('with ⌘: %j is %s', (keystroke, command) => expect(commandOf(keystroke, APPLE)).toBe(command));

  it('the space bar talks only on the page itself, and nowhere when that is turned off', () => {
    const press = (target: Keystroke['target']): Keystroke => stroke(' ', { target, code: 'Space' });
    expect([press('page'), press('control'), press('text')].map((one) => commandOf(one, PC))).toEqual(['talk', undefined, undefined]);
    const off = { ...PC, hasPushToTalk: false };
    expect([commandOf(press('page'), off), shortcutsFor(off).some(({ command }) => command === 'talk')]).toEqual([undefined, false]);
  });

  it('are shown as labeled', () => {
    const words = { ctrl: 'Strg', space: 'Leertaste' };
    const caps = (keyboard: typeof PC): string[] => shortcutsFor(keyboard).map((one) => keyCaps(one, keyboard, words).join(' '));
    expect(caps(PC).slice(0, 4)).toEqual(['Strg D', 'Strg E', 'Leertaste', 'Strg Alt S']);
    expect(caps(APPLE).slice(0, 4)).toEqual(['⌘ D', '⌘ E', 'Leertaste', '⌃ ⌘ S']);
  });
});

it.each<[string | null, string[], object]>([
  [null, ['fr-FR', 'de-AT', 'en'], { language: 'de', theme: 'system', layout: 'auto' }],
  [null, ['fr'], { language: 'en' }],
  [
    '{"language":"es","theme":"dark","cameraHeight":360,"noiseSuppression":false}',
    ['de'],
    { language: 'es', theme: 'dark', cameraHeight: 360, noiseSuppression: false },
  ],
  ['{"language":"xx","theme":7,"cameraHeight":5000,"speakerId":{}}', ['en'], { language: 'en', theme: 'system', cameraHeight: 720, speakerId: undefined }],
  ['nonsense', ['en'], { language: 'en' }],
  ['[1]', ['en'], { language: 'en' }],
])('settings %s %j', (stored, languages, settings) => expect(readSettings(stored, languages)).toMatchObject(settings));

it.each([
  ['Scheduled', 'scheduled'],
  ['NoPodReady', 'starting'],
  ['PoolFull', 'capacity'],
  ['ImagePullFailed', 'broken'],
  ['PoolDeleting', 'broken'],
  ['NamespaceShareUsed', 'capacity'],
  ['DedicatedNotAllowed', 'broken'],
  ['SomethingNew', 'other'],
  ['FinalizersNotWritten', 'broken'],
  ['AdmissionKeyMissing', 'starting'],
])('waiting for %s is %s', (reason, kind) => expect(waitingKindOf({ reason, message: '' })).toBe(kind));

it('rates and losses come from two samples', () => {
  const stats = (takenAt: number, bytes: number, lost: number): CallStats => ({
    takenAt,
    path: undefined,
    sent: [{ kind: 'camera', bytesSent: bytes, frameWidth: 640, frameHeight: 360, framesPerSecond: 29.7, codec: 'VP8', activeLayers: 2 }],
    received: [
      {
        ...{ peerId: 'bob', consumerId: 'c', kind: 'video', framesDecoded: 1, audioLevel: 0, bytesReceived: bytes, frameWidth: 0, frameHeight: 0 },
        ...{ framesPerSecond: 0, packetsReceived: bytes / 100, packetsLost: lost, jitterSeconds: 0, codec: 'VP8' },
      },
    ],
  });
  expect(statisticsOf(undefined, stats(0, 1000, 0)).sent[0]).toMatchObject({ kilobitsPerSecond: 0, size: '640×360', framesPerSecond: 30 });
  const view = statisticsOf(stats(0, 0, 0), stats(2000, 250_000, 500));
  expect([view.sent[0]?.kilobitsPerSecond, view.joining]).toEqual([1000, []]);
  expect(view.received[0]).toMatchObject({ kilobitsPerSecond: 1000, lossPercent: 16.7 });
});
