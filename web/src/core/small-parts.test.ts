import { describe, expect, it } from 'vitest';
import { describeBrowser, reachesLoopback } from './browser';
import { initialsOf, normalizeName, shownName } from './peer/display-name';
import { ConveneError, toConveneError } from './errors';
import { callProblem, captureProblem } from './media/environment';
import { fallbackTitle, fetchMeeting, inviteLink, meetingFromPath, signalingUrl } from './meeting/meeting';
import { newPeerId } from './peer/peer-id';
import { Scope } from './scope';
import { roomEventOf } from './session/connection/room-events';
import { summarizeReceived } from './session/connection/stats';
import { decodeChatHistory, decodeNotification } from './signaling/decode';
import type { JsonRecord } from './signaling/json';

describe('display names', () => {
  it.each<[string, string | undefined]>([
    ['  Ada   Lovelace ', 'Ada Lovelace'],
    ['Ada\n\tLovelace', 'Ada Lovelace'],
    ['Ada\u0000', 'Ada'],
    [' \u00a0 ', undefined],
    ['', undefined],
    ['x'.repeat(10_000), 'x'.repeat(64)],
    ['😀'.repeat(70), '😀'.repeat(64)],
    ['<b>Ada</b>', '<b>Ada</b>'],
    ['\u202egnitteg\u2066 si\u200f', 'gnitteg si'],
  ])('%j is sent as %j', (input, name) => expect(normalizeName(input)).toBe(name));

  it.each([
    ['y'.repeat(1_000_000), 'y'.repeat(64)],
    ['\u202e \n', '?'],
    ['محمد', 'محمد'],
  ])('of others are cleaned in the same way', (name, shown) => expect(shownName(name)).toBe(shown));

  it.each([
    ['Ada Lovelace', 'AL'],
    ['Ada King of Lovelace', 'AL'],
    ['ada', 'A'],
    ['ö.ä', 'ÖÄ'],
    ['', '?'],
    ['😀 smile', '😀S'],
  ])('%j has the initials %j', (name, initials) => expect(initialsOf(name)).toBe(initials));
});

describe('URLs', () => {
  it.each<[string, string | undefined]>([
    ['/m/hello', 'hello'],
    ['/m/team-a/stand-up', 'team-a/stand-up'],
    ['/m/team-a/stand-up/', 'team-a/stand-up'],
    ['/m/', undefined],
    ['/', undefined],
    ['/m/a/b/c', undefined],
    ['/x/hello', undefined],
  ])('%s names %s', (path, rest) => expect(meetingFromPath(path)?.rest).toBe(rest));

  it("of signaling follow the page's", () => {
    const address = { rest: 'team-a/stand-up' };
    expect(signalingUrl(address, { protocol: 'https:', host: 'meet.example' }, 'abcdefgh')).toBe('wss://meet.example/signal/team-a/stand-up?peerId=abcdefgh');
    expect(signalingUrl(address, { protocol: 'http:', host: 'localhost:8080' }, 'a&b')).toBe('ws://localhost:8080/signal/team-a/stand-up?peerId=a%26b');
  });

  it('are shared without personal tokens', () => {
    const page = new URL('https://meet.example/m/team-a/stand-up?token=mine#token=mine');
    expect(inviteLink(page)).toBe('https://meet.example/m/team-a/stand-up');
  });

  it('provide a title until it is known', () => {
    expect(fallbackTitle({ rest: 'team-a/caf%C3%A9' })).toBe('café');
    expect(fallbackTitle({ rest: 'bad%zz' })).toBe('bad%zz');
  });
});

describe('what the server reports about a meeting', () => {
  const ask = (status: number, body: string): ReturnType<typeof fetchMeeting> =>
    fetchMeeting({ rest: 'team-a/stand-up' }, () => Promise.resolve(new Response(body, { status })));

  it.each<[number, string, object]>([
    [200, '{"title":"Weekly","ready":true}', { status: 'found', title: 'Weekly', isReady: true, waitingFor: undefined }],
    [200, '{"title":"","waitingFor":7}', { status: 'found', title: 'stand-up', isReady: true, waitingFor: undefined }],
    [
      200,
      '{"ready":false,"waitingFor":{"reason":"Full","message":"no pod is free"}}',
      { isReady: false, waitingFor: { reason: 'Full', message: 'no pod is free' } },
    ],
    [200, '{}', { isRecorded: false }],
    [200, '{"recording":true}', { isRecorded: true }],
    [200, '{}', { isLoopbackOnly: false }],
    [200, '{"loopbackOnly":true}', { isLoopbackOnly: true }],
    [400, '{}', { status: 'missing' }],
    [404, '{"title":"not found"}', { status: 'missing' }],
    [503, '', { status: 'unreachable' }],
    [200, '<html>', { status: 'unreachable' }],
    [200, '[]', { status: 'unreachable' }],
  ])('%i %s', async (status, body, info) => expect(await ask(status, body)).toMatchObject(info));

  it('and a missing network', async () => {
    expect(await fetchMeeting({ rest: 'x' }, () => Promise.reject(new TypeError('offline')))).toEqual({ status: 'unreachable' });
  });
});

it.each([
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36', 'chrome', '156.0.0.0'],
  ['Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.1.2', 'edge', '156.0.1.2'],
  ['Mozilla/5.0 AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36 OPR/130.0', 'opera', '130.0'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0', 'firefox', '150.0'],
  ['Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/20.1 Safari/605.1.15', 'safari', '20.1'],
  ['curl/8', 'unknown', undefined],
])('browser %#', (userAgent, flag, version) => {
  const device = describeBrowser(userAgent);
  expect([device.flag, device.version]).toEqual([flag, version]);
});

it('peer ids are eight lower-case letters, different each time', () => {
  expect(newPeerId()).toMatch(/^[a-z]{8}$/u);
  expect(newPeerId()).not.toBe(newPeerId());
  expect(newPeerId(() => Uint8Array.of(0, 25, 26, 51, 52, 255, 1, 2))).toBe('azazavbc');
});

it.each([
  ['Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0', false],
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36', true],
  // Actually WebKit, like every browser there.
  ['Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/150.0 Mobile/15E148 Safari/605.1.15', true],
])('%s sends media to loopback addresses: %j', (userAgent, expected) => expect(reachesLoopback(userAgent)).toBe(expected));

it.each([
  [{ isSecureContext: true, hasPeerConnection: true, hasMediaDevices: true }, undefined, undefined],
  [{ isSecureContext: false, hasPeerConnection: true, hasMediaDevices: false }, undefined, 'insecure-context'],
  [{ isSecureContext: true, hasPeerConnection: false, hasMediaDevices: true }, 'webrtc-missing', undefined],
  [{ isSecureContext: true, hasPeerConnection: true, hasMediaDevices: false }, undefined, 'webrtc-missing'],
])('environment %#', (found, call, capture) => {
  const environment = { ...found, reachesLoopback: true, savesData: false };
  expect(callProblem(environment)?.code).toBe(call);
  expect(captureProblem(environment)?.code).toBe(capture);
});

it('a scope ends its resources once, the latest first, and late ones at once', () => {
  const ends: string[] = [];
  const scope = new Scope();
  scope.onEnd(() => ends.push('first'));
  scope.onEnd(() => ends.push('second'));
  scope.end();
  scope.end();
  scope.onEnd(() => ends.push('late'));
  expect(ends).toEqual(['second', 'first', 'late']);
});

it('errors keep their code, others get one', () => {
  const known = new ConveneError('device-in-use', 'busy');
  expect(toConveneError(known, 'device-failed')).toBe(known);
  expect(toConveneError('text', 'server-unreachable')).toMatchObject({ code: 'server-unreachable', category: 'network', message: 'text' });
});

it('statistics come from the inbound stream, and missing values count as zero', () => {
  const report = new Map<string, unknown>([
    ['a', { type: 'codec' }],
    ['b', { type: 'inbound-rtp', framesDecoded: 30, bytesReceived: 1234, frameWidth: 640 }],
  ]);
  expect(summarizeReceived({ peerId: 'bob', consumerId: 'c', kind: 'video', report })).toMatchObject({
    peerId: 'bob',
    consumerId: 'c',
    kind: 'video',
    framesDecoded: 30,
    audioLevel: 0,
    bytesReceived: 1234,
    frameWidth: 640,
    codec: '',
  });
  expect(summarizeReceived({ peerId: 'bob', consumerId: 'c', kind: 'audio', report: new Map() }).bytesReceived).toBe(0);
});

describe('what the server reports about a room', () => {
  const roomState = (data: JsonRecord): unknown => {
    const decoded = decodeNotification('roomState', data);
    return decoded.kind === 'known' ? roomEventOf(decoded.message) : decoded.kind;
  };

  it.each<[JsonRecord, unknown]>([
    [
      { title: 'Daily', locked: true, lobby: true },
      { type: 'roomState', title: 'Daily', isLocked: true, isLobbyOn: true },
    ],
    [
      { title: '', locked: false, lobby: false },
      { type: 'roomState', title: '', isLocked: false, isLobbyOn: false },
    ],
    [
      { title: '', locked: false },
      { type: 'roomState', title: '', isLocked: false, isLobbyOn: undefined },
    ],
    [{ title: '', locked: false, lobby: 'yes' }, 'malformed'],
    [{ title: '', lobby: true }, 'malformed'],
  ])('%j', (data, event) => expect(roomState(data)).toEqual(event));

  const message = { id: 1, peerId: 'bob', displayName: 'Bob', text: 'hello', sentAt: 7 };

  it.each<[unknown, unknown]>([
    [
      { messages: [message], more: true },
      { messages: [message], hasMore: true },
    ],
    [{ messages: [message, { ...message, id: 'x' }, 7] }, { messages: [message], hasMore: false }],
    [
      { messages: [], more: 'yes' },
      { messages: [], hasMore: false },
    ],
  ])('a page of the chat %j', (data, page) => expect(decodeChatHistory(data)).toEqual(page));

  it.each([undefined, {}, { messages: 'none' }, []])('%j is no page of the chat', (data) => expect(() => decodeChatHistory(data)).toThrow(ConveneError));
});
