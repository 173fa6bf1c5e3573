// Requests and notifications of clients (sections 2.4 and 2.5 of the contract): one test per message and dialect. The older dialect
// uses requests for everything; the newer one sends changes as notifications.
import type { Dialect, Guest } from '../support/people/guest.ts';
import { ProtooClient } from '../support/protoo.ts';
import { waitUntil } from '../support/wait.ts';
import type { Exchange } from '../support/wire.ts';
import { arrivesInWidth, consumerOf, producerOf, receivedBy, receives, seesAndHears, standsStill } from './evidence.ts';
import { expect, test } from './fixtures.ts';
import { meetingOfThisFile, other } from './meeting.ts';
import { ANSWERS, PAYLOADS } from './messages.ts';
import { assertShape } from './shape.ts';

const DIALECTS: readonly Dialect[] = ['L', 'T3'];
/** Far below protoo's 22 seconds, and far above the response time of a busy machine. */
const AT_ONCE_MILLISECONDS = 1000;
const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000';

const meeting = meetingOfThisFile('requests');

async function answered(guest: Guest, method: string, count: number): Promise<Exchange[]> {
  await waitUntil(`${guest.name} has ${String(count)} answers to ${method}`, 10, () => {
    const all = guest.wire.requests('sent', method);
    return all.length >= count && all.every(({ answer }) => answer !== undefined) ? undefined : `${String(all.length)} were sent`;
  });
  return guest.wire.requests('sent', method);
}

function assertAccepted(exchange: Exchange, what: string): void {
  const { ok, errorCode, errorReason } = exchange.answer ?? {};
  expect({ ok, errorCode, errorReason }, what).toMatchObject({ ok: true });
}

/** Requests of the join sequence, as the client made them when the meeting was opened, and how many of each. */
const ENTERING = [
  { method: 'getRtcStatsUrl', times: 1, dialects: ['T3'] },
  { method: 'getRouterRtpCapabilities', times: 1, dialects: DIALECTS },
  { method: 'createWebRtcTransport', times: 2, dialects: DIALECTS },
  { method: 'connectWebRtcTransport', times: 2, dialects: DIALECTS },
  { method: 'join', times: 1, dialects: DIALECTS },
  { method: 'produce', times: 2, dialects: DIALECTS },
  { method: 'produceData', times: 2, dialects: DIALECTS },
] as const;

for (const { method, times, dialects } of ENTERING) {
  for (const dialect of dialects) {
    test(`${dialect} request ${method}`, async () => {
      for (const exchange of (await answered(meeting().guests[dialect], method, times)).slice(0, times)) {
        assertShape(PAYLOADS[method][dialect], exchange.data, 'payload');
        assertAccepted(exchange, method);
        assertShape(ANSWERS[method][dialect], exchange.answer?.data, 'answer');
      }
    });
  }
}

interface Change {
  readonly method: keyof typeof ANSWERS;
  /** Makes the change and waits until it has taken effect. */
  readonly happens: (actor: Guest, witness: Guest) => Promise<void>;
}

/** A request in the older dialect, a notification in the newer. In this order: a later one may undo an earlier one. */
const CHANGES: readonly Change[] = [
  {
    method: 'pauseProducer',
    happens: async (actor, witness) => {
      const id = await consumerOf(witness, actor, 'audio');
      await actor.do('muteMicrophone');
      await witness.waitFor('is notified of the mute', ({ consumers }) =>
        consumers.find((one) => one.id === id)?.producerPaused === true ? undefined : 'it is not',
      );
    },
  },
  {
    method: 'resumeProducer',
    happens: async (actor, witness) => {
      const id = await consumerOf(witness, actor, 'audio');
      await actor.do('unmuteMicrophone');
      await witness.waitFor('is notified of the unmute', ({ consumers }) =>
        consumers.find((one) => one.id === id)?.producerPaused === false ? undefined : 'it is not',
      );
      await seesAndHears(witness, actor, { video: false });
    },
  },
  {
    method: 'closeProducer',
    happens: async (actor, witness) => {
      const id = await consumerOf(witness, actor, 'video');
      await actor.do('stopCamera');
      await witness.waitFor('loses the picture', ({ consumers }) => (consumers.some((one) => one.id === id) ? 'the consumer is there' : undefined));
      await actor.do('startCamera');
      await seesAndHears(witness, actor, { audio: false });
    },
  },
  {
    method: 'pauseConsumer',
    happens: async (actor, witness) => {
      const id = await consumerOf(actor, witness, 'video');
      await actor.do('pauseConsumer', id);
      await standsStill(actor, id);
    },
  },
  {
    method: 'resumeConsumer',
    happens: async (actor, witness) => {
      await actor.do('resumeConsumer', await consumerOf(actor, witness, 'video'));
      await seesAndHears(actor, witness, { audio: false });
    },
  },
  {
    method: 'requestConsumerKeyFrame',
    happens: async (actor, witness) => {
      const id = await consumerOf(actor, witness, 'video');
      const before = (await receivedBy(actor, id)).keyFrames;
      await actor.do('requestKeyFrame', id);
      await receives(actor, id, 'one more key frame', ({ keyFrames }) => (keyFrames > before ? undefined : `${String(keyFrames)} key frames`));
    },
  },
  {
    method: 'setConsumerPreferredLayers',
    happens: async (actor, witness) => {
      const id = await consumerOf(actor, witness, 'video');
      await actor.do('setPreferredLayers', id, 0, 0);
      await arrivesInWidth(actor, id, 320);
      await actor.do('setPreferredLayers', id, 1, 2);
      await arrivesInWidth(actor, id, 640);
      await actor.do('setPreferredLayers', id, 2, 2);
    },
  },
  {
    method: 'setConsumerPriority',
    happens: async (actor, witness) => {
      await actor.do('setPriority', await consumerOf(actor, witness, 'video'), 200);
      await seesAndHears(actor, witness, { audio: false });
    },
  },
  {
    method: 'changeDisplayName',
    happens: async (actor, witness) => {
      for (const name of ['Another name', actor.name]) {
        await actor.do('rename', name);
        await witness.waitFor(`sees ${name}`, ({ peers }) => {
          const seen = peers.find((peer) => peer.id === actor.peerId)?.displayName;
          return seen === name ? undefined : `it sees ${String(seen)}`;
        });
      }
    },
  },
];

for (const dialect of DIALECTS) {
  for (const { method, happens } of CHANGES) {
    test(`${dialect} ${dialect === 'L' ? 'request' : 'notification'} ${method}`, async () => {
      const { guests } = meeting();
      const actor = guests[dialect];
      const before = actor.wire.notifications('sent', method).length;
      await happens(actor, guests[other(dialect)]);
      if (dialect === 'T3') {
        expect(actor.wire.notifications('sent', method).length).toBeGreaterThan(before);
        expect(actor.wire.requests('sent', method)).toEqual([]);
        return;
      }
      for (const exchange of await answered(actor, method, 1)) {
        assertAccepted(exchange, method);
        assertShape(ANSWERS[method][dialect], exchange.answer?.data, 'answer');
      }
    });
  }

  test(`${dialect} request restartIce`, async () => {
    const { guests } = meeting();
    const actor = guests[dialect];
    await actor.do('restartIce');
    for (const exchange of await answered(actor, 'restartIce', 2)) {
      assertShape(PAYLOADS.restartIce[dialect], exchange.data, 'payload');
      assertAccepted(exchange, 'restartIce');
      assertShape(ANSWERS.restartIce[dialect], exchange.answer?.data, 'answer');
    }
    await Promise.all([seesAndHears(actor, guests[other(dialect)]), seesAndHears(guests[other(dialect)], actor)]);
  });

  const STATISTICS: Readonly<Record<string, (actor: Guest, witness: Guest) => Promise<object>>> = {
    getTransportStats: async (actor) => ({ transportId: (await actor.state()).sendTransport }),
    getProducerStats: async (actor) => ({ producerId: await producerOf(actor, 'video') }),
    getConsumerStats: async (actor, witness) => ({ consumerId: await consumerOf(actor, witness, 'video') }),
    getDataProducerStats: async (actor) => ({ dataProducerId: (await actor.state()).dataProducers[0]?.id }),
    getDataConsumerStats: async (actor) => ({ dataConsumerId: (await actor.state()).dataConsumers[0]?.id }),
  };
  for (const [method, payload] of Object.entries(STATISTICS)) {
    test(`${dialect} request ${method}`, async () => {
      const { guests } = meeting();
      const outcome = await guests[dialect].do('request', method, await payload(guests[dialect], guests[other(dialect)]));
      expect(outcome).not.toHaveProperty('errorReason');
      assertShape(ANSWERS[method as keyof typeof ANSWERS][dialect], outcome.data, 'answer');
    });
  }

  /** Network throttling is for lab use: the requests are known, and rejected. */
  for (const method of ['applyNetworkThrottle', dialect === 'L' ? 'resetNetworkThrottle' : 'stopNetworkThrottle']) {
    test(`${dialect} request ${method} is rejected with 403`, async () => {
      const options = { uplink: 100, downlink: 100, rtt: 50, packetLoss: 0 };
      const data = dialect === 'L' ? { secret: 'guessed', ...options } : { secret: 'guessed', options: { up: 100, down: 100, rtt: 50, packetLoss: 0 } };
      expect(await meeting().guests[dialect].do('request', method, data)).toMatchObject({ errorCode: 403 });
    });
  }

  test(`${dialect} unknown request is answered at once with an error`, async () => {
    const outcome = await meeting().guests[dialect].do('request', 'makeCoffee', { cups: 2 });
    expect(outcome.errorCode).toBeGreaterThanOrEqual(400);
    expect(outcome.errorReason).toContain('makeCoffee');
    expect(outcome.milliseconds).toBeLessThan(AT_ONCE_MILLISECONDS);
  });

  test(`${dialect} second join is rejected`, async () => {
    const outcome = await meeting().guests[dialect].do('request', 'join', { displayName: 'Again', device: {} });
    expect(outcome.errorCode).toBeGreaterThanOrEqual(400);
    expect(outcome.milliseconds).toBeLessThan(AT_ONCE_MILLISECONDS);
  });

  test(`${dialect} notification of an unknown consumer or producer changes nothing`, async () => {
    const { guests } = meeting();
    const actor = guests[dialect];
    for (const method of ['pauseConsumer', 'resumeConsumer', 'requestConsumerKeyFrame', 'setConsumerPreferredLayers', 'setConsumerPriority']) {
      await actor.do('notify', method, { consumerId: UNKNOWN_ID, spatialLayer: 0, temporalLayer: 0, priority: 1 });
    }
    for (const method of ['closeProducer', 'pauseProducer', 'resumeProducer']) await actor.do('notify', method, { producerId: UNKNOWN_ID });
    await actor.do('notify', 'makeCoffee', {});
    expect(await actor.do('request', 'getTransportStats', { transportId: (await actor.state()).sendTransport })).not.toHaveProperty('errorReason');
    expect((await actor.state()).connection).toBe('joined');
    await seesAndHears(actor, guests[other(dialect)]);
  });

  test(`${dialect} requests about unknown objects are answered at once with an error`, async () => {
    const actor = meeting().guests[dialect];
    for (const [method, key] of [
      ['restartIce', 'transportId'],
      ['getProducerStats', 'producerId'],
      ['getConsumerStats', 'consumerId'],
    ] as const) {
      const outcome = await actor.do('request', method, { [key]: UNKNOWN_ID });
      expect(outcome.errorCode, method).toBeGreaterThanOrEqual(400);
      expect(outcome.milliseconds).toBeLessThan(AT_ONCE_MILLISECONDS);
    }
  });
}

test('a client that leaves out what mediasoup has defaults for sends and receives', async () => {
  const { pod, room, guests } = meeting();
  const client = await ProtooClient.connect(pod.demoUrl(room, 'frugal'));
  const open = async (direction: 'producing' | 'consuming'): Promise<unknown> =>
    (await client.request('createWebRtcTransport', { [direction]: true })).data?.['id'];
  const [transportId] = [await open('producing'), await open('consuming')];
  const opus = { mimeType: 'audio/opus', clockRate: 48000, channels: 2 };
  const rtpCapabilities = { codecs: [{ ...opus, kind: 'audio', preferredPayloadType: 100 }] };
  expect((await client.request('join', { displayName: 'Frugal', device: { name: 'Frugal' }, rtpCapabilities })).ok).toBe(true);
  // Every accepted consumer has a score.
  await waitUntil('it receives', 5, () => (client.notifications.includes('consumerScore') ? undefined : 'it does not'));
  const rtpParameters = { codecs: [{ ...opus, payloadType: 100 }], encodings: [{ ssrc: 3333 }] };
  const produced = await client.request('produce', { transportId, kind: 'audio', rtpParameters });
  expect(produced, JSON.stringify(produced)).toMatchObject({ ok: true });
  for (const guest of Object.values(guests)) await consumerOf(guest, { peerId: 'frugal' }, 'audio');
  client.close();
});
