// The order of messages (section 2.3 of the contract): applications throw when a message arrives too early.
import type { Dialect, Guest } from '../support/people/guest.ts';
import { ProtooClient } from '../support/protoo.ts';
import { waitUntil } from '../support/wait.ts';
import { consumerOf, everyoneSeesAndHears, producerOf, seesAndHears } from './evidence.ts';
import { expect, test } from './fixtures.ts';
import { other } from './meeting.ts';

const DIALECTS: readonly Dialect[] = ['L', 'T3'];
/** Packets of a sender after which a consumer that is not paused would have received some. */
const PACKETS = 50;

type Data = Readonly<Record<string, unknown>>;

/** Every offer is of a peer that is known at that moment, and none comes before the answer to `join`. */
function orderProblems(guest: Guest): string[] {
  const problems: string[] = [];
  const known = new Set<unknown>();
  let hasJoined = false;
  const idKey = guest.dialect === 'L' ? 'id' : 'peerId';
  const joins = guest.wire.requests('sent', 'join');
  for (const [at, { way, message }] of guest.wire.entries.entries()) {
    if (way === 'sent') continue;
    const data = (message.data ?? {}) as Data;
    const join = joins.find(({ answeredAt }) => answeredAt === at);
    if (join !== undefined) {
      hasJoined = true;
      for (const peer of data['peers'] as Data[]) known.add(peer[idKey]);
    } else if (message.method === 'newPeer') {
      known.add(guest.dialect === 'L' ? data['id'] : (data['peer'] as Data)['peerId']);
    } else if (message.method === 'peerClosed') {
      known.delete(data['peerId']);
    } else if (message.request === true) {
      if (!hasJoined) problems.push(`${String(message.method)} before the answer to join`);
      const isBot = message.method === 'newDataConsumer' && typeof data['peerId'] !== 'string';
      if (!isBot && !known.has(data['peerId'])) problems.push(`${String(message.method)} of ${String(data['peerId'])}, who is unknown`);
    }
  }
  return problems;
}

test('no client learns of a consumer before its sender, with peers joining and leaving, in both dialects', async ({ pod, guests }) => {
  const room = 'coming-and-going';
  const first = await guests.join(pod, room, 'L');
  // At the same time, so that their producers and their joining cross.
  const [second, third] = await Promise.all([guests.join(pod, room, 'T3'), guests.join(pod, room, 'L', { camera: false })]);
  await third.do('leave');
  const fourth = await guests.join(pod, room, 'T3', { camera: false });
  await everyoneSeesAndHears([first, second]);
  for (const guest of [first, second]) await seesAndHears(guest, fourth, { video: false });
  for (const guest of [first, second, third, fourth]) expect(orderProblems(guest), guest.name).toEqual([]);
});

for (const dialect of DIALECTS) {
  test(`${dialect}: the version comes first, and the answer to join before what follows from it`, async ({ pod, guests }) => {
    const room = `first-${dialect}`;
    const sender = await guests.join(pod, room, other(dialect));
    await producerOf(sender, 'video');
    const guest = await guests.join(pod, room, dialect);
    await consumerOf(guest, sender, 'video');
    const received = guest.wire.entries.filter(({ way }) => way === 'received').map(({ message }) => message);
    expect(received[0]?.method).toMatch(/^mediasoup-?[vV]ersion$/);
    expect(orderProblems(guest)).toEqual([]);
  });

  test(`${dialect}: nothing is sent to a consumer before it is accepted`, async ({ pod, guests }) => {
    const room = `held-${dialect}`;
    const sender = await guests.join(pod, room, other(dialect));
    const producerId = await producerOf(sender, 'video');
    const guest = await guests.join(pod, room, dialect, { holdConsumers: true });
    const idKey = dialect === 'L' ? 'id' : 'consumerId';
    const offers = (): Data[] => guest.wire.requests('received', 'newConsumer').map(({ data }) => data as Data);
    await waitUntil('the video is offered', 10, () => (offers().some((data) => data['producerId'] === producerId) ? undefined : 'it is not'));
    const consumerId = offers().find((data) => data['producerId'] === producerId)?.[idKey];
    const packets = async (of: Guest, method: string, data: object): Promise<number> => {
      const { data: answer } = await of.do('request', method, data);
      const stats = (Array.isArray(answer) ? answer : (answer as Data)['stats']) as Data[];
      // One entry for each stream of a producer; of a consumer's, the first is its own.
      const own = method === 'getProducerStats' ? stats : stats.slice(0, 1);
      return own.reduce((sum, { packetCount }) => sum + Number(packetCount), 0);
    };
    const sent = async (): Promise<number> => packets(sender, 'getProducerStats', { producerId });
    const before = await sent();
    await waitUntil('the sender continues', 20, async () => ((await sent()) - before > PACKETS ? undefined : 'it does not'));
    expect(await packets(guest, 'getConsumerStats', { consumerId })).toBe(0);
    await guest.do('releaseConsumers');
    await seesAndHears(guest, sender);
  });
}

test('producing needs a join, creating a transport does not', async ({ pod }) => {
  const client = await ProtooClient.connect(pod.demoUrl('before-join', 'impatient'));
  const transport = await client.request('createWebRtcTransport', { forceTcp: false, producing: true, consuming: false });
  expect(transport.ok).toBe(true);
  const transportId = transport.data?.['id'];
  const produced = await client.request('produce', {
    transportId,
    kind: 'audio',
    rtpParameters: { codecs: [], encodings: [] },
    appData: {},
  });
  expect(produced.ok).not.toBe(true);
  expect(produced.errorReason).toMatch(/join/);
  const channel = await client.request('produceData', {
    transportId,
    sctpStreamParameters: { streamId: 0 },
    label: 'chat',
    protocol: '',
    appData: {},
  });
  expect(channel.ok).not.toBe(true);
  client.close();
});
