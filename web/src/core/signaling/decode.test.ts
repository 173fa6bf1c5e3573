import { expect, it } from 'vitest';
import { decodeJoin, decodeNewConsumer, decodeNotification, sourceScoreOf } from './decode';
import { isRecord, type JsonRecord } from './json';

/** Every message of the media pod, from the goldens of its tests. */
const GOLDENS = import.meta.glob<unknown>('../../../../crates/protocol/tests/golden/server/*.json', { eager: true, import: 'default' });

const JOIN = import.meta.glob<unknown>('../../../../crates/protocol/tests/golden/client/join.json', { eager: true, import: 'default' });

const recordOf = (value: unknown): JsonRecord => (isRecord(value) ? value : {});

const frames = Object.values(GOLDENS).flatMap((golden) => {
  const { examples } = recordOf(golden);
  return Array.isArray(examples) ? examples.map((example: unknown) => recordOf(recordOf(example)['frame'])) : [];
});

const dataOf = (frame: JsonRecord): JsonRecord => recordOf(frame['data']);

it('finds the goldens', () => {
  expect(frames.length).toBeGreaterThan(25);
});

it.each(frames.filter(({ notification }) => notification === true).map((frame) => [String(frame['method']), dataOf(frame)] as const))(
  'knows %s',
  (method, data) => {
    expect(decodeNotification(method, data)).toEqual({ kind: 'known', message: { method, data } });
  },
);

it('reads every offer of a stream', () => {
  const offers = frames.filter(({ method }) => method === 'newConsumer').map((frame) => decodeNewConsumer(dataOf(frame)).appData.source);
  expect(offers).toEqual(['video', 'screensharing']);
});

it('reads what peers send, and whether they are connected, in the join response', () => {
  const { answers } = recordOf(Object.values(JOIN)[0]);
  const answer = recordOf(recordOf(Array.isArray(answers) ? answers[0] : undefined)['frame']);
  expect(decodeJoin(answer['data'])).toMatchObject([
    { peerId: 'bob', sends: { audio: true, video: false, share: false }, peerStatus: { isDisconnected: false } },
  ]);
});

it.each<[object, object]>([
  [{}, { sends: undefined, peerStatus: { isDisconnected: false } }],
  [
    { sends: 'all', connected: 'no' },
    { sends: undefined, peerStatus: { isDisconnected: false } },
  ],
  [
    { sends: { audio: true, video: 1 }, connected: false },
    { sends: { audio: true, video: false, share: false }, peerStatus: { isDisconnected: true } },
  ],
])('accepts %j from other servers', (fields, peer) => {
  expect(decodeJoin({ peers: [{ peerId: 'bob', displayName: 'Bob', ...fields }] })).toMatchObject([peer]);
});

it.each([{ peerId: 'bob' }, { peerId: 'bob', sends: [] }, { sends: {} }])('drops the peerSends %j', (data) => {
  expect(decodeNotification('peerSends', data)).toEqual({ kind: 'malformed' });
});

it.each([
  [{ score: 10, producerScore: 0, producerScores: [0, 9, 0] }, 9],
  [{ score: 10, producerScore: 10, producerScores: [0] }, 0],
  [{ score: 10, producerScore: 10, producerScores: [] }, 0],
  [{ score: 10 }, 0],
  ['ten', 0],
])('the score of the incoming stream in %j', (score, received) => expect(sourceScoreOf(score)).toBe(received));
