import { expect, it } from 'vitest';
import { decodeJoin, decodeNewConsumer, decodeNotification, sourceScoreOf } from './decode';
import { isRecord, type JsonRecord } from './json';

/** Every message of the media pod, as its own tests hold it. */
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

it.each(frames.filter(({ notification }) => notification === true).map((frame) => [String(frame['method']), dataOf(frame)] as const))('knows %s', (method, data) => {
  expect(decodeNotification(method, data)).toEqual({ kind: 'known', message: { method, data } });
});

it('reads every offer of a stream', () => {
  const offers = frames.filter(({ method }) => method === 'newConsumer').map((frame) => decodeNewConsumer(dataOf(frame)).appData.source);
  expect(offers).toEqual(['video', 'screensharing']);
});

it('reads what people send, and whether they are there, where they join', () => {
  const { answers } = recordOf(Object.values(JOIN)[0]);
  const answer = recordOf(recordOf(Array.isArray(answers) ? answers[0] : undefined)['frame']);
  expect(decodeJoin(answer['data'])).toMatchObject([{ peerId: 'bob', sends: { audio: true, video: false, share: false }, standing: { isCut: false } }]);
});

it.each<[object, object]>([
  [{}, { sends: undefined, standing: { isCut: false } }],
  [{ sends: 'all', connected: 'no' }, { sends: undefined, standing: { isCut: false } }],
  [{ sends: { audio: true, video: 1 }, connected: false }, { sends: { audio: true, video: false, share: false }, standing: { isCut: true } }],
])('of servers that tell less, or other things, takes %j', (told, peer) => {
  expect(decodeJoin({ peers: [{ peerId: 'bob', displayName: 'Bob', ...told }] })).toMatchObject([peer]);
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
])('what the server itself receives of %j', (score, received) => expect(sourceScoreOf(score)).toBe(received));
