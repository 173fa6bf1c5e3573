// Every route of the HTTP broadcaster API (section 2.10 of the contract), both variants: one test per route, and for its errors. The
// rows of a variant are one story: each continues where the previous one ended.
import { type Answer, Broadcaster, OPUS, VP8 } from '../support/programs/broadcaster.ts';
import { producerOf } from './evidence.ts';
import { expect, test } from './fixtures.ts';
import { meetingOfThisFile } from './meeting.ts';
import { ANSWERS } from './messages.ts';
import { type Shape, anything, assertShape, is, list, number, object, text } from './shape.ts';

const ROOM = 'routes';
const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000';
const FINGERPRINT = { algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') };

const meeting = meetingOfThisFile(ROOM);

function assertAnswer(answer: Answer, status: number, shape: Shape = anything): Record<string, unknown> {
  expect(answer.status, answer.text).toBe(status);
  assertShape(shape, answer.json, 'answer');
  return answer.json ?? {};
}

const plainTransport = { ip: text, port: number };
const codec = object({ mimeType: text, payloadType: number, clockRate: number });
const rtpParameters = object({ codecs: list(codec, 1), encodings: list(object({ ssrc: number }), 1) });
/** RTP capabilities of a receiver of the older scripts. */
const CAPABILITIES = {
  codecs: [{ kind: 'audio', mimeType: 'audio/opus', preferredPayloadType: 100, clockRate: 48000, channels: 2, parameters: {}, rtcpFeedback: [] }],
  headerExtensions: [],
};

test.describe.serial('older variant', () => {
  let broadcaster: Broadcaster;
  let sending = '';
  let webrtc = '';
  test.beforeAll(({ pod }) => {
    broadcaster = new Broadcaster(pod.url(''), ROOM, 'L', 'older-script');
  });

  test('GET /rooms/:roomId', async () => {
    assertAnswer(await broadcaster.call('GET'), 200, ANSWERS.getRouterRtpCapabilities.L);
  });

  test('POST broadcasters', async () => {
    const producerId = await producerOf(meeting().guests.T3, 'video');
    const body = { id: 'older-script', displayName: 'Older script', device: { name: 'FFmpeg' }, rtpCapabilities: CAPABILITIES };
    const peer = object({
      id: text,
      displayName: text,
      device: object({}),
      producers: list(object({ id: text, kind: is('audio', 'video') })),
    });
    const { peers } = assertAnswer(await broadcaster.call('POST', '/broadcasters', body), 200, object({ peers: list(peer, 2) }));
    const sender = (peers as { id: string; producers: { id: string }[] }[]).find(({ id }) => id === meeting().guests.T3.peerId);
    expect(sender?.producers).toContainEqual({ id: producerId, kind: 'video' });
    await meeting().guests.T3.waitFor('is notified at once', ({ peers: seen }) => (seen.some(({ id }) => id === 'older-script') ? undefined : 'it is not'));
  });

  test('POST broadcasters without rtpCapabilities returns no peers', async ({ pod }) => {
    const another = new Broadcaster(pod.url(''), ROOM, 'L', 'another-script');
    const body = { id: 'another-script', displayName: 'Another script', device: { name: 'GStreamer' } };
    expect(assertAnswer(await another.call('POST', '/broadcasters', body), 200)).toMatchObject({ peers: [] });
    await another.end();
  });

  test('POST broadcasters with a known id is an error', async () => {
    const body = { id: 'older-script', displayName: 'Again', device: { name: 'FFmpeg' } };
    expect((await broadcaster.call('POST', '/broadcasters', body)).status).toBeGreaterThanOrEqual(400);
  });

  test('POST transports, plain', async () => {
    const shape = object({ id: text, ...plainTransport, rtcpPort: number });
    const { id } = assertAnswer(await broadcaster.call('POST', '~/transports', { type: 'plain', comedia: true, rtcpMux: false }), 200, shape);
    sending = String(id);
    const muxed = assertAnswer(await broadcaster.call('POST', '~/transports', { type: 'plain', rtcpMux: true }), 200, object({ id: text, ...plainTransport }));
    expect(muxed).not.toHaveProperty('rtcpPort');
  });

  test('POST transports, webrtc, and connect', async () => {
    const { id } = assertAnswer(await broadcaster.call('POST', '~/transports', { type: 'webrtc' }), 200, ANSWERS.createWebRtcTransport.L);
    webrtc = String(id);
    const dtlsParameters = { role: 'client', fingerprints: [FINGERPRINT] };
    assertAnswer(await broadcaster.call('POST', `~/transports/${webrtc}/connect`, { dtlsParameters }), 200);
  });

  test('POST transports/:id/producers', async () => {
    const body = { kind: 'audio', rtpParameters: OPUS };
    assertAnswer(await broadcaster.call('POST', `~/transports/${sending}/producers`, body), 200, object({ id: text }));
  });

  test('POST transports/:id/consume', async () => {
    const producerId = await producerOf(meeting().guests.T3, 'audio');
    const shape = object({ id: text, producerId: is(producerId), kind: is('audio'), rtpParameters, type: text });
    assertAnswer(await broadcaster.call('POST', `~/transports/${webrtc}/consume?producerId=${producerId}`), 200, shape);
  });

  test('POST transports/:id/produce/data', async () => {
    const body = { label: 'foo', protocol: 'bar', sctpStreamParameters: { streamId: 1, ordered: true }, appData: {} };
    assertAnswer(await broadcaster.call('POST', `~/transports/${webrtc}/produce/data`, body), 200, object({ id: text }));
  });

  test('POST transports/:id/consume/data', async () => {
    const state = await meeting().guests.T3.state();
    const dataProducerId = state.dataProducers.find(({ label }) => label === 'chat')?.id;
    const shape = object({ id: text, streamId: number });
    assertAnswer(await broadcaster.call('POST', `~/transports/${webrtc}/consume/data`, { dataProducerId }), 200, shape);
  });

  test('errors: 400 for wrong types, another one for what is unknown', async () => {
    expect((await broadcaster.call('POST', '/broadcasters', { id: 7, displayName: 'Seven', device: {} })).status).toBe(400);
    expect((await broadcaster.call('POST', `~/transports/${sending}/producers`, { kind: 'smell', rtpParameters: OPUS })).status).toBe(400);
    for (const path of [`~/transports/${UNKNOWN_ID}/producers`, `/broadcasters/unknown/transports/${sending}/producers`]) {
      expect((await broadcaster.call('POST', path, { kind: 'audio', rtpParameters: OPUS })).status).toBeGreaterThanOrEqual(400);
    }
    expect((await broadcaster.call('POST', `~/transports/${webrtc}/consume?producerId=${UNKNOWN_ID}`)).status).toBeGreaterThanOrEqual(400);
  });

  test('DELETE broadcasters/:id', async () => {
    assertAnswer(await broadcaster.call('DELETE', '~'), 200);
    expect((await broadcaster.call('DELETE', '~')).status).toBeGreaterThanOrEqual(400);
    await meeting().guests.L.waitFor('is notified', ({ peers }) => (peers.some(({ id }) => id === 'older-script') ? 'it is there' : undefined));
  });
});

test.describe.serial('newer variant', () => {
  let broadcaster: Broadcaster;
  let sending = '';
  let receiving = '';
  let consumer = '';
  const hello = { peerId: 'newer-script', displayName: 'Newer script', device: { name: 'FFmpeg', flag: 'ffmpeg' } };
  test.beforeAll(({ pod }) => {
    broadcaster = new Broadcaster(pod.url(''), ROOM, 'T', 'newer-script');
  });

  test('GET /rooms/:roomId', async () => {
    assertAnswer(await broadcaster.call('GET'), 200, ANSWERS.getRouterRtpCapabilities.T3);
  });

  test('POST broadcasters in an unknown room is 404', async ({ pod }) => {
    const lost = new Broadcaster(pod.url(''), 'nowhere', 'T', 'newer-script');
    expect((await lost.call('POST', '/broadcasters', hello)).status).toBe(404);
  });

  test('POST broadcasters', async () => {
    const answer = await broadcaster.call('POST', '/broadcasters', hello);
    assertAnswer(answer, 201);
    expect(answer.headers.get('location')).toContain('newer-script');
  });

  test('POST transports', async () => {
    const shape = object({ transportId: text, ...plainTransport });
    const open = async (direction: string, rtcpMux: boolean): Promise<Record<string, unknown>> =>
      assertAnswer(await broadcaster.call('POST', '~/transports', { direction, comedia: direction === 'producer', rtcpMux }), 201, shape);
    const split = await open('producer', false);
    expect(typeof split['rtcpPort']).toBe('number');
    sending = String(split['transportId']);
    const muxed = await open('consumer', true);
    expect(muxed).not.toHaveProperty('rtcpPort');
    receiving = String(muxed['transportId']);
  });

  test('POST transports/:transportId/connect', async () => {
    assertAnswer(await broadcaster.call('POST', `~/transports/${receiving}/connect`, { ip: '127.0.0.1', port: 9 }), 200);
  });

  test('POST producers and consumers before join is 409', async () => {
    const produced = await broadcaster.call('POST', '~/producers', {
      transportId: sending,
      kind: 'audio',
      rtpParameters: OPUS,
      appData: { source: 'audio' },
    });
    expect(produced.status).toBe(409);
    expect((await meeting().guests.L.state()).peers.some(({ id }) => id === 'newer-script')).toBe(false);
  });

  test('POST join', async () => {
    assertAnswer(await broadcaster.call('POST', '~/join'), 200);
    await meeting().guests.L.waitFor('is notified only now', ({ peers }) => (peers.some(({ id }) => id === 'newer-script') ? undefined : 'it is not'));
    expect((await broadcaster.call('POST', '~/join')).status).toBe(409);
  });

  test('POST producers', async () => {
    const body = { transportId: sending, kind: 'video', rtpParameters: VP8('T'), appData: { source: 'video' } };
    assertAnswer(await broadcaster.call('POST', '~/producers', body), 201, object({ producerId: text }));
  });

  test('GET peerProducersInfos', async () => {
    const guest = meeting().guests.L;
    const producerId = await producerOf(guest, 'audio');
    const producer = object({
      producerId: text,
      kind: is('audio', 'video'),
      source: is('audio', 'video', 'screensharing'),
      consumableCodecs: list(codec, 1),
    });
    const shape = object({ peerProducersInfos: list(object({ peerId: text, producers: list(producer) }), 2) });
    const { peerProducersInfos } = assertAnswer(await broadcaster.call('GET', '~/peerProducersInfos'), 200, shape);
    const infos = peerProducersInfos as { peerId: string; producers: { producerId: string; consumableCodecs: { mimeType: string }[] }[] }[];
    expect(infos.map(({ peerId }) => peerId)).not.toContain('newer-script');
    expect(infos.find(({ peerId }) => peerId === guest.peerId)?.producers.map((one) => one.producerId)).toContain(producerId);
    expect(JSON.stringify(infos)).not.toMatch(/\/rtx/i);
  });

  test('POST consumers, and resume', async () => {
    const producerId = await producerOf(meeting().guests.L, 'audio');
    const body = { transportId: receiving, producerId, paused: true, rtpCapabilities: CAPABILITIES };
    const answer = assertAnswer(await broadcaster.call('POST', '~/consumers', body), 201, object({ consumerId: text }));
    consumer = String(answer['consumerId']);
    assertAnswer(await broadcaster.call('POST', `~/consumers/${consumer}/resume`), 200);
  });

  test('POST transports/:transportId/consume, and resume, as the first scripts of this variant had them', async () => {
    const producerId = await producerOf(meeting().guests.T3, 'audio');
    const body = { producerId, paused: true, rtpCapabilities: CAPABILITIES };
    const answer = await broadcaster.call('POST', `~/transports/${receiving}/consume`, body);
    assertShape(object({ consumerId: text }), answer.json, `answer ${String(answer.status)} ${answer.text}`);
    assertAnswer(await broadcaster.call('POST', `~/transports/${receiving}/resume`, { consumerId: answer.json?.['consumerId'] }), 200);
  });

  test('errors: 404 for what is unknown, 400 for wrong types', async () => {
    const rtp = { kind: 'audio', rtpParameters: OPUS, appData: { source: 'audio' } };
    expect((await broadcaster.call('POST', '/broadcasters/unknown/join')).status).toBe(404);
    expect((await broadcaster.call('POST', '~/producers', { ...rtp, transportId: UNKNOWN_ID })).status).toBe(404);
    expect((await broadcaster.call('POST', `~/transports/${UNKNOWN_ID}/connect`, { ip: '127.0.0.1', port: 9 })).status).toBe(404);
    expect((await broadcaster.call('POST', '~/consumers', { transportId: receiving, producerId: UNKNOWN_ID, rtpCapabilities: CAPABILITIES })).status).toBe(404);
    expect((await broadcaster.call('POST', `~/consumers/${UNKNOWN_ID}/resume`)).status).toBe(404);
    expect((await broadcaster.call('POST', '~/transports', { direction: 'sideways' })).status).toBe(400);
    expect((await broadcaster.call('POST', '~/producers', { ...rtp, transportId: sending, kind: 'smell' })).status).toBe(400);
  });

  test('POST broadcasters with a known peerId closes that peer first', async () => {
    assertAnswer(await broadcaster.call('POST', '/broadcasters', hello), 201);
    await meeting().guests.T3.waitFor('is notified', ({ peers }) => (peers.some(({ id }) => id === 'newer-script') ? 'it is there' : undefined));
  });

  test('DELETE broadcasters/:peerId', async () => {
    assertAnswer(await broadcaster.call('DELETE', '~'), 204);
    expect((await broadcaster.call('DELETE', '~')).status).toBe(404);
  });
});
