// Programs without a browser publish to and receive from a meeting by the HTTP API (section 2.10 of the contract), as the demo's
// scripts do: ffmpeg and GStreamer from the distribution, both variants of the API, browsers of both dialects.
import type { Guest } from '../support/people/guest.ts';
import { Broadcaster, type Variant } from '../support/programs/broadcaster.ts';
import { decodedFrames, listensAt, publishByFfmpeg, publishByGStreamer, receiveByFfmpeg } from '../support/programs/players.ts';
import { freeBlock } from '../support/programs/ports.ts';
import { producerOf, seesAndHears } from './evidence.ts';
import { expect, test } from './fixtures.ts';
import { meetingOfThisFile } from './meeting.ts';

const ROOM = 'broadcast';

const meeting = meetingOfThisFile(ROOM);

const both = (): readonly Guest[] => Object.values(meeting().guests);

const SENDERS: readonly { tool: 'ffmpeg' | 'gst-launch-1.0'; variant: Variant; rtcpMux: boolean }[] = [
  { tool: 'ffmpeg', variant: 'L', rtcpMux: false },
  { tool: 'ffmpeg', variant: 'T', rtcpMux: false },
  { tool: 'gst-launch-1.0', variant: 'L', rtcpMux: false },
  { tool: 'gst-launch-1.0', variant: 'T', rtcpMux: false },
  { tool: 'ffmpeg', variant: 'T', rtcpMux: true },
  { tool: 'gst-launch-1.0', variant: 'L', rtcpMux: true },
];

for (const [index, { tool, variant, rtcpMux }] of SENDERS.entries()) {
  test(`${tool} publishes by variant ${variant}${rtcpMux ? ' with RTP and RTCP on one port' : ''}: both browsers watch and hear it until it is deleted`, async ({
    pod,
  }, info) => {
    const broadcaster = new Broadcaster(pod.url(''), ROOM, variant, `broadcaster${String(index)}`);
    const destinations = await broadcaster.publish('The broadcaster', rtcpMux);
    const player = (tool === 'ffmpeg' ? publishByFfmpeg : publishByGStreamer)(destinations);
    try {
      await Promise.all(both().map((guest) => seesAndHears(guest, broadcaster)));
      for (const guest of both()) {
        const seen = (await guest.state()).peers.find(({ id }) => id === broadcaster.peerId);
        expect(seen).toMatchObject({ displayName: 'The broadcaster', deviceName: 'FFmpeg' });
      }
    } finally {
      await player.kill();
      await info.attach('player.log', { body: player.output });
    }
    await broadcaster.end();
    for (const guest of both()) {
      await guest.waitFor('hears that it is gone', ({ peers, consumers }) =>
        [...peers.map(({ id }) => id), ...consumers.map(({ peerId }) => peerId)].includes(broadcaster.peerId) ? 'it is there' : undefined,
      );
      expect(guest.wire.notifications('received', 'peerClosed').map(({ data }) => data)).toContainEqual({ peerId: broadcaster.peerId });
    }
  });
}

interface ProducerInfo {
  readonly producerId: string;
  readonly kind: 'audio' | 'video';
  readonly source: string;
  readonly consumableCodecs: readonly {
    readonly mimeType: string;
    readonly payloadType: number;
    readonly clockRate: number;
    readonly channels?: number;
  }[];
}

/** RTP capabilities of a receiver: exactly the codec that is sent. */
function capabilitiesFor({ kind, consumableCodecs }: ProducerInfo): object {
  const codecs = consumableCodecs.map(({ payloadType, ...codec }) => ({ ...codec, kind, preferredPayloadType: payloadType }));
  return { codecs, headerExtensions: [] };
}

test('ffmpeg receives audio and video of a browser by variant T, and its recording can be decoded', async ({ pod }, info) => {
  const sender = meeting().guests.T3;
  const [audioProducer, videoProducer] = [await producerOf(sender, 'audio'), await producerOf(sender, 'video')];
  const receiver = new Broadcaster(pod.url(''), ROOM, 'T', 'receiver');
  await receiver.create('The recorder');
  const options = { comedia: false, rtcpMux: false };
  const [audio, video] = [await receiver.plainTransport('consumer', options), await receiver.plainTransport('consumer', options)];
  const port = await freeBlock(4);
  await receiver.ok('POST', `~/transports/${audio.id}/connect`, { ip: '127.0.0.1', port, rtcpPort: port + 1 });
  await receiver.ok('POST', `~/transports/${video.id}/connect`, { ip: '127.0.0.1', port: port + 2, rtcpPort: port + 3 });
  await receiver.ok('POST', '~/join');

  const { peerProducersInfos } = await receiver.ok('GET', '~/peerProducersInfos');
  const ofSender = (peerProducersInfos as { peerId: string; producers: ProducerInfo[] }[]).find(({ peerId }) => peerId === sender.peerId);
  const infoOf = (id: string): ProducerInfo => {
    const found = ofSender?.producers.find(({ producerId }) => producerId === id);
    if (found === undefined) throw new Error(`${id} is missing in ${JSON.stringify(peerProducersInfos)}`);
    return found;
  };
  const [sound, picture] = [infoOf(audioProducer), infoOf(videoProducer)];
  const consume = async (transportId: string, of: ProducerInfo, paused: boolean): Promise<string> => {
    const body = { transportId, producerId: of.producerId, paused, rtpCapabilities: capabilitiesFor(of) };
    return String((await receiver.ok('POST', '~/consumers', body))['consumerId']);
  };
  await consume(audio.id, sound, false);
  const videoConsumer = await consume(video.id, picture, true);

  const output = info.outputPath('received.webm');
  const player = receiveByFfmpeg(
    { port, rtcpPort: port + 1, payloadType: sound.consumableCodecs[0]?.payloadType ?? 0 },
    { port: port + 2, rtcpPort: port + 3, payloadType: picture.consumableCodecs[0]?.payloadType ?? 0 },
    info.outputPath('receiver.sdp'),
    output,
    4,
  );
  try {
    await listensAt(port + 2);
    await receiver.ok('POST', `~/consumers/${videoConsumer}/resume`);
    expect(await player.ended(30)).toMatchObject({ code: 0 });
  } finally {
    await player.kill();
    await info.attach('player.log', { body: player.output });
  }
  const frames = await decodedFrames(output);
  expect(frames.audio).toBeGreaterThan(50);
  expect(frames.video).toBeGreaterThan(10);
  await receiver.end();
});
