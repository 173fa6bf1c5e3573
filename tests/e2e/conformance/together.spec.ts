// Clients of both dialects in one meeting (section 2.14 of the contract): with all features, and each without one.
import type { Dialect, Guest } from '../support/people/guest.ts';
import type { MediaPod } from '../support/programs/media-pod.ts';
import { freePort } from '../support/programs/ports.ts';
import { ProtooClient } from '../support/protoo.ts';
import { waitUntil } from '../support/wait.ts';
import { consumerOf, everyoneSeesAndHears, producerOf, receives, seesAndHears } from './evidence.ts';
import { type GuestOptions, type Guests, expect, startPod, test } from './fixtures.ts';
import { other } from './meeting.ts';

const DIALECTS: readonly Dialect[] = ['L', 'T3'];

async function bothDialects(guests: Guests, pod: MediaPod, room: string): Promise<[Guest, Guest]> {
  return Promise.all([guests.join(pod, room, 'L'), guests.join(pod, room, 'T3')]);
}

/** The guest has something special; the host is of the other dialect. */
async function hostAndGuest(guests: Guests, pod: MediaPod, room: string, dialect: Dialect, options: GuestOptions): Promise<[Guest, Guest]> {
  return Promise.all([guests.join(pod, room, other(dialect)), guests.join(pod, room, dialect, options)]);
}

async function channelsAreOpen(guest: Guest, labels: number): Promise<void> {
  await guest.waitFor(`has ${String(labels)} data channels to receive by`, ({ dataConsumers, dataProducers }) => {
    const open = [...dataConsumers, ...dataProducers].filter(({ isOpen }) => isOpen).length;
    return dataConsumers.length === labels && open === labels + dataProducers.length ? undefined : `${String(open)} are open`;
  });
}

async function reads(guest: Guest, from: string | undefined, text: string): Promise<void> {
  await guest.waitFor(`reads ${JSON.stringify(text)}`, ({ lines }) =>
    lines.some((line) => line.from === from && line.text.includes(text)) ? undefined : `it reads ${JSON.stringify(lines)}`,
  );
}

test('both see and hear each other, chat both ways, and the bot answers', async ({ pod, guests }) => {
  const [older, newer] = await bothDialects(guests, pod, 'together');
  await everyoneSeesAndHears([older, newer]);
  for (const [one, another] of [
    [older, newer],
    [newer, older],
  ] as const) {
    expect((await one.state()).peers).toEqual([expect.objectContaining({ id: another.peerId, displayName: another.name })]);
    await channelsAreOpen(one, 2);
  }
  await older.do('say', 'hello from the older one');
  await reads(newer, older.peerId, 'hello from the older one');
  await newer.do('say', 'hello from the newer one');
  await reads(older, newer.peerId, 'hello from the newer one');
  for (const guest of [older, newer]) {
    await guest.do('tellBot', `a secret of ${guest.name}`);
    for (const reader of [older, newer]) {
      await reads(reader, undefined, `a secret of ${guest.name}`);
      await reads(reader, undefined, guest.name);
    }
  }
  // Messages to the bot reach no other peer.
  for (const guest of [older, newer]) expect((await guest.state()).lines.some(({ from, text }) => from !== undefined && text.includes('secret'))).toBe(false);

  // The statistics panel: two transports, two producers, two consumers, and as many data channels.
  for (const guest of [older, newer]) {
    const panel = await guest.do('statisticsPanel');
    expect(Object.keys(panel).sort()).toEqual(['getConsumerStats', 'getDataConsumerStats', 'getDataProducerStats', 'getProducerStats', 'getTransportStats']);
    expect(panel).toMatchObject({ getTransportStats: 2, getDataProducerStats: 2, getDataConsumerStats: 2 });
  }
});

for (const dialect of DIALECTS) {
  test(`${dialect} with consume=false sends, and rejects what it is offered`, async ({ pod, guests }) => {
    const room = `no-consume-${dialect}`;
    const [host, guest] = await hostAndGuest(guests, pod, room, dialect, { consume: false });
    await seesAndHears(host, guest);
    const { consumers, connection } = await guest.state();
    expect({ consumers, connection }).toEqual({ consumers: [], connection: 'joined' });
  });

  test(`${dialect} with produce=false sees and hears, and sends nothing`, async ({ pod, guests }) => {
    const room = `no-produce-${dialect}`;
    const [host, guest] = await hostAndGuest(guests, pod, room, dialect, { produce: false });
    await seesAndHears(guest, host);
    await host.waitFor('shows the silent one', ({ peers }) => (peers.some(({ id }) => id === guest.peerId) ? undefined : 'it does not'));
    expect((await host.state()).consumers).toEqual([]);
  });

  test(`${dialect} with datachannel=false sees and hears, and has no chat`, async ({ pod, guests }) => {
    const room = `no-data-${dialect}`;
    const [host, guest] = await hostAndGuest(guests, pod, room, dialect, { datachannel: false });
    await everyoneSeesAndHears([host, guest]);
    const { dataConsumers, dataProducers, connection } = await guest.state();
    expect({ dataConsumers, dataProducers, connection }).toEqual({ dataConsumers: [], dataProducers: [], connection: 'joined' });
  });

  test(`${dialect} with forceTcp=true sends and receives by TCP`, async ({ pod, guests }) => {
    const room = `tcp-${dialect}`;
    const [host, guest] = await hostAndGuest(guests, pod, room, dialect, { forceTcp: true });
    await everyoneSeesAndHears([host, guest]);
    expect(await guest.do('ways')).toEqual(['tcp', 'tcp']);
    expect(await host.do('ways')).toEqual(['udp', 'udp']);
    for (const { answer } of guest.wire.requests('sent', 'createWebRtcTransport')) {
      const { iceCandidates } = answer?.data as { iceCandidates: { protocol: string }[] };
      expect(new Set(iceCandidates.map(({ protocol }) => protocol))).toEqual(new Set(['tcp']));
    }
  });

  test(`${dialect} with consumerReplicas=2 receives everything three times`, async ({ pod, guests }) => {
    const room = `replicas-${dialect}`;
    const [host, guest] = await hostAndGuest(guests, pod, room, dialect, { camera: false, query: { consumerReplicas: '2' } });
    const producers = [await producerOf(host, 'audio'), await producerOf(host, 'video')];
    const state = await guest.waitFor('has three consumers of each', ({ consumers }) =>
      consumers.length === 6 ? undefined : `it has ${String(consumers.length)}`,
    );
    for (const producer of producers) expect(state.consumers.filter(({ producerId }) => producerId === producer)).toHaveLength(3);
    for (const { id } of state.consumers) await receives(guest, id, 'media by each', ({ packets }) => (packets > 0 ? undefined : 'there is none'));
    await consumerOf(host, guest, 'audio');
    expect((await host.state()).consumers).toHaveLength(1);
  });
}

test('usePipeTransports=true: two workers host the meeting, and all participants see and hear each other', async ({ pod, guests }) => {
  const room = 'pipes';
  const first = await guests.join(pod, room, 'T3', { query: { usePipeTransports: 'true' } });
  const second = await guests.join(pod, room, 'L');
  await everyoneSeesAndHears([first, second]);
  for (const guest of [first, second]) await channelsAreOpen(guest, 2);
  await first.do('say', 'through the pipe');
  await reads(second, first.peerId, 'through the pipe');
  await second.do('tellBot', 'through the pipe too');
  await reads(first, undefined, 'through the pipe too');
  await first.do('stopCamera');
  await second.waitFor('loses the picture', ({ consumers }) => (consumers.some(({ kind }) => kind === 'video') ? 'it is there' : undefined));
});

/** Reasons to reject a join: something this media pod does not support, and a full meeting. */
const DENIALS = [
  { why: 'for which there are too few workers', query: { usePipeTransports: 'true' } },
  { why: 'to a meeting that is full', query: {} },
] as const;

for (const { why, query } of DENIALS) {
  test(`an entry ${why} is closed with 4000, and clients of both dialects stay closed`, async ({ guests, pages }) => {
    const small = await startPod(pages, { workers: 1, args: ['--max-peers', '1'] });
    try {
      const first = await ProtooClient.connect(small.demoUrl('denied', 'first'));
      expect((await first.join('First')).ok).toBe(true);
      const denied = await ProtooClient.connect(small.demoUrl('denied', 'second', query));
      expect((await denied.closed(5)).code).toBe(4000);
      for (const dialect of DIALECTS) {
        const guest = await guests.open(small, 'denied', dialect, { query });
        await guest.waitFor('is closed', ({ connection }) => (connection === 'closed' ? undefined : `it is ${connection}`));
        const { joins, failures } = await guest.state();
        expect({ joins, failures, connections: guest.wire.connections }).toEqual({ joins: 0, failures: 0, connections: 1 });
      }
      first.close();
    } finally {
      await small.program.kill();
    }
  });
}

test("both see and hear each other at the demo's own address: TLS on its own port", async ({ guests, pages }) => {
  const demoPort = await freePort();
  const pod = await startPod(pages, { args: ['--demo-listen', `127.0.0.1:${String(demoPort)}`] });
  try {
    const both = await Promise.all(DIALECTS.map((dialect) => guests.join(pod, 'secure', dialect, { port: demoPort })));
    for (const guest of both) expect(guest.url).toContain(`wss://localhost:${String(demoPort)}/?roomId=secure&peerId=`);
    await everyoneSeesAndHears(both);
  } finally {
    await pod.program.kill();
  }
});

test('the media pod is killed: both clients reconnect to its successor, and see and hear again', async ({ guests, pages }) => {
  test.setTimeout(90_000);
  const pod = await startPod(pages);
  let last = pod;
  try {
    const both = await bothDialects(guests, pod, 'phoenix');
    await everyoneSeesAndHears(both);
    await pod.program.kill();
    for (const guest of both) await guest.waitFor('has lost its connection', ({ failures }) => (failures > 0 ? undefined : 'it has not'));
    last = await startPod(pages, { port: pod.port, rtcPort: pod.rtcPort });
    for (const guest of both) await guest.waitFor('has joined again', ({ joins }) => (joins === 2 ? undefined : `${String(joins)} times`), 40);
    await everyoneSeesAndHears(both, 30);
    for (const guest of both) await channelsAreOpen(guest, 2);
    await both[0].do('say', 'here I am again');
    await reads(both[1], both[0].peerId, 'here I am again');
  } finally {
    await pod.program.kill();
    await last.program.kill();
  }
});

test('a client whose id is claimed by another one stays, and the other one is rejected', async ({ pod, guests }) => {
  for (const dialect of DIALECTS) {
    const guest = await guests.join(pod, `again-${dialect}`, dialect, { camera: false });
    const claimant = await ProtooClient.connect(pod.demoUrl(`again-${dialect}`, guest.peerId));
    await waitUntil('the other one is closed', 10, () => (claimant.isOpen ? 'it is open' : undefined));
    await guest.isJoined();
    expect(guest.wire.connections).toBe(1);
  }
});

test('the URL needs a room and a peer', async ({ pod }) => {
  const address = pod.url('').replace('http', 'ws');
  await expect(ProtooClient.connect(`${address}/?roomId=somewhere`)).rejects.toThrow(/400/);
  await expect(ProtooClient.connect(`${address}/?peerId=first`)).rejects.toThrow(/400/);
});
