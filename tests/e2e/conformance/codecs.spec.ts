// Codecs and layers between browsers: what the sender encodes arrives, and the receiver chooses its layers.
import type { Guest } from '../support/people/guest.ts';
import type { MediaPod } from '../support/programs/media-pod.ts';
import { waitUntil } from '../support/wait.ts';
import type { Codec } from './clients/api.ts';
import { arrivesInWidth, consumerOf, receivedBy, receives, seesAndHears } from './evidence.ts';
import { Guests, expect, startPod, test } from './fixtures.ts';

const ROOM = 'codecs';
const WIDTHS = [320, 640, 1280] as const;

let open: Guests;
/** The newer client sends and the older one receives, unless stated otherwise. */
let newer: Guest;
let older: Guest;

test.beforeAll(async ({ browser, pages, pod }) => {
  open = new Guests(browser, pages);
  [newer, older] = await Promise.all([open.join(pod, ROOM, 'T3', { camera: false }), open.join(pod, ROOM, 'L', { camera: false })]);
  await seesAndHears(older, newer, { video: false });
});
test.afterEach(async ({}, info) => {
  if (info.status !== info.expectedStatus) open.dump(info);
  expect(await open.faults()).toEqual([]);
});
test.afterAll(async () => {
  await open.closeAll();
});

/** Sends, passes the receiver's consumer on, and stops. */
async function whileSending(
  [sender, receiver]: readonly [Guest, Guest],
  options: { readonly codec: Codec; readonly scalabilityMode?: string },
  run: (consumerId: string) => Promise<void>,
): Promise<void> {
  await sender.do('startCamera', options);
  const id = await consumerOf(receiver, sender, 'video');
  await seesAndHears(receiver, sender, { audio: false });
  expect((await receivedBy(receiver, id)).codec).toBe(`video/${options.codec}`);
  await run(id);
  await sender.do('stopCamera');
  await receiver.waitFor('loses the picture', ({ consumers }) => (consumers.some((one) => one.id === id) ? 'it is there' : undefined));
}

async function currentLayersAre(receiver: Guest, id: string, spatialLayer: number, temporalLayer: number): Promise<void> {
  await receiver.waitFor(`is notified of layers ${String(spatialLayer)} and ${String(temporalLayer)}`, ({ consumers }) => {
    const current = consumers.find((one) => one.id === id)?.currentLayers;
    return current?.spatialLayer === spatialLayer && current.temporalLayer === temporalLayer ? undefined : `they are ${JSON.stringify(current)}`;
  });
}

/** Down, up and to the middle: the decoded video has the size of the layer. */
async function layersSwitch(receiver: Guest, id: string, temporalLayer: number): Promise<void> {
  for (const spatialLayer of [0, 2, 1, 2]) {
    await receiver.do('setPreferredLayers', id, spatialLayer, 2);
    await arrivesInWidth(receiver, id, WIDTHS[spatialLayer] ?? 0);
    await currentLayersAre(receiver, id, spatialLayer, temporalLayer);
  }
}

for (const codec of ['VP8', 'H264'] as const) {
  for (const direction of ['newer to older', 'older to newer'] as const) {
    test(`${codec} simulcast, ${direction}: three layers arrive, and the receiver chooses one`, async () => {
      const pair = direction === 'newer to older' ? ([newer, older] as const) : ([older, newer] as const);
      await whileSending(pair, { codec }, async (id) => {
        const consumer = (await pair[1].state()).consumers.find((one) => one.id === id);
        expect(consumer).toMatchObject({ type: 'simulcast', spatialLayers: 3, temporalLayers: 3 });
        // Temporal layers of H264 need a header extension that the older mediasoup-client does not send.
        await layersSwitch(pair[1], id, codec === 'H264' && pair[0] === older ? 0 : 2);
      });
    });
  }
}

for (const direction of ['newer to older', 'older to newer'] as const) {
  test(`VP9 SVC, ${direction}: three layers arrive in one stream, and the receiver chooses one`, async () => {
    const pair = direction === 'newer to older' ? ([newer, older] as const) : ([older, newer] as const);
    await whileSending(pair, { codec: 'VP9', scalabilityMode: 'L3T3_KEY' }, async (id) => {
      const consumer = (await pair[1].state()).consumers.find((one) => one.id === id);
      expect(consumer).toMatchObject({ type: 'svc', spatialLayers: 3, temporalLayers: 3 });
      await layersSwitch(pair[1], id, 2);
    });
  });
}

test('AV1 is not offered: clients would send it with spatial layers, which cannot be forwarded', async () => {
  await expect(newer.do('startCamera', { codec: 'AV1', scalabilityMode: 'L3T3_KEY' })).rejects.toThrow();
  await whileSending([newer, older], { codec: 'VP8' }, async () => undefined);
});

test.describe('where AV1 is offered', () => {
  let pod: MediaPod;
  let guests: Guests;
  let sender: Guest;
  let receiver: Guest;

  test.beforeAll(async ({ browser, pages }) => {
    pod = await startPod(pages, { args: ['--codecs', 'opus,VP8,AV1'] });
    guests = new Guests(browser, pages);
    [sender, receiver] = await Promise.all([guests.join(pod, ROOM, 'T3', { camera: false }), guests.join(pod, ROOM, 'L', { camera: false })]);
  });
  test.afterAll(async () => {
    await guests.closeAll();
    await pod.program.kill();
  });

  test('it arrives with temporal layers, and the receiver chooses the frame rate', async () => {
    await whileSending([sender, receiver], { codec: 'AV1', scalabilityMode: 'L1T3' }, async (id) => {
      await receiver.do('setPreferredLayers', id, 0, 0);
      await currentLayersAre(receiver, id, 0, 0);
      await receives(receiver, id, 'a lower frame rate', ({ framesPerSecond: rate }) => (rate > 0 && rate <= 5 ? undefined : `it is ${String(rate)}`));
      await receiver.do('setPreferredLayers', id, 0, 2);
      await currentLayersAre(receiver, id, 0, 2);
      await receives(receiver, id, 'the full frame rate', ({ framesPerSecond: rate }) => (rate >= 7 ? undefined : `it is ${String(rate)}`));
    });
  });

  test('spatial layers are rejected with a reason, and the camera works without them afterwards', async () => {
    await expect(sender.do('startCamera', { codec: 'AV1', scalabilityMode: 'L3T3' })).rejects.toThrow(/AV1.*temporal layers only/i);
    await whileSending([sender, receiver], { codec: 'VP8' }, async () => undefined);
  });
});

for (const codec of ['PCMU', 'PCMA'] as const) {
  test(`${codec} is heard`, async () => {
    await newer.do('stopMicrophone');
    await newer.do('startMicrophone', { codec });
    const id = await consumerOf(older, newer, 'audio');
    await seesAndHears(older, newer, { video: false });
    expect((await receivedBy(older, id)).codec).toBe(`audio/${codec}`);
  });
}

test('Opus is offered and received in stereo, with NACK, FEC and DTX', async () => {
  await newer.do('stopMicrophone');
  await newer.do('startMicrophone', { codec: 'opus' });
  const id = await consumerOf(older, newer, 'audio');
  await seesAndHears(older, newer, { video: false });
  expect((await receivedBy(older, id)).codec).toBe('audio/opus');
  interface Offer {
    id: string;
    rtpParameters: { codecs: { channels: number; parameters: object; rtcpFeedback: object[] }[] };
  }
  let offer: Offer | undefined;
  await waitUntil('the offer is on the wire', 5, () => {
    offer = older.wire
      .requests('received', 'newConsumer')
      .map(({ data }) => data as Offer)
      .find((one) => one.id === id);
    return offer === undefined ? 'it is not' : undefined;
  });
  const [opus] = offer?.rtpParameters.codecs ?? [];
  expect(opus).toMatchObject({ mimeType: 'audio/opus', channels: 2, parameters: { useinbandfec: 1, usedtx: 1, 'sprop-stereo': 1 } });
  expect(opus?.rtcpFeedback).toContainEqual({ type: 'nack', parameter: '' });
});
