// The payloads of both dialects, as shapes: what the older one (L) and the newer one (T3) find in each message.
import type { Dialect } from '../support/people/guest.ts';
import { type Shape, absent, anyText, anything, flag, is, list, nothing, nullable, number, object, optional, text } from './shape.ts';

export type PerDialect = Readonly<Record<Dialect, Shape>>;

const codec = object({
  kind: is('audio', 'video'),
  mimeType: text,
  clockRate: number,
  preferredPayloadType: number,
  rtcpFeedback: list(anything),
});
const headerExtension = object({ kind: is('audio', 'video'), uri: text, preferredId: number, direction: text });
const rtpCapabilities = object({ codecs: list(codec, 6), headerExtensions: list(headerExtension, 4) });

const iceParameters = object({ usernameFragment: text, password: text });
/** The older mediasoup-client reads `ip`, the newer one `address`. */
const candidate = {
  foundation: text,
  priority: number,
  protocol: is('udp', 'tcp'),
  port: number,
  type: is('host'),
  tcpType: optional(is('passive')),
};
const dtlsParameters = object({ fingerprints: list(object({ algorithm: text, value: text }), 1) });
const sctpParameters: PerDialect = {
  L: object({ port: is(5000), OS: number, MIS: number, maxMessageSize: number }),
  T3: object({ port: is(5000), maxSendMessageSize: number, maxReceiveMessageSize: number }),
};

const rtpParameters = object({
  mid: text,
  codecs: list(object({ mimeType: text, payloadType: number, clockRate: number, rtcpFeedback: list(anything) }), 1),
  headerExtensions: list(object({ uri: text, id: number })),
  encodings: list(object({ ssrc: number }), 1),
  rtcp: object({ cname: text }),
});

const score = object({ score: number, producerScore: number, producerScores: list(number) });
const device = object({ flag: text, name: text, version: text });

const peer: PerDialect = {
  L: object({ id: text, displayName: text, device }),
  T3: object({ peerId: text, displayName: text, device, remoteAddress: anyText }),
};

function transport(dialect: Dialect): Shape {
  const address = dialect === 'L' ? { ip: text } : { address: text };
  return object({
    ...(dialect === 'L' ? { id: text } : { transportId: text }),
    iceParameters,
    iceCandidates: list(object({ ...candidate, ...address }), 1),
    dtlsParameters,
    sctpParameters: sctpParameters[dialect],
  });
}

/** Every entry of a statistics answer has at least these. */
const statistics = list(object({ type: text, timestamp: number }), 1);
const wrapped: PerDialect = { L: statistics, T3: object({ stats: statistics }) };

const empty: PerDialect = { L: nothing, T3: nothing };

/** Answers to requests of the client (section by section as in the contract). */
export const ANSWERS = {
  getRtcStatsUrl: { L: anything, T3: object({ rtcstatsUrl: optional(text) }) },
  getRouterRtpCapabilities: { L: rtpCapabilities, T3: object({ routerRtpCapabilities: rtpCapabilities }) },
  createWebRtcTransport: { L: transport('L'), T3: transport('T3') },
  connectWebRtcTransport: empty,
  restartIce: { L: iceParameters, T3: object({ iceParameters }) },
  join: { L: object({ peers: list(peer.L, 1) }), T3: object({ peers: list(peer.T3, 1) }) },
  produce: { L: object({ id: text }), T3: object({ producerId: text }) },
  produceData: { L: object({ id: text }), T3: object({ dataProducerId: text }) },
  closeProducer: empty,
  pauseProducer: empty,
  resumeProducer: empty,
  pauseConsumer: empty,
  resumeConsumer: empty,
  requestConsumerKeyFrame: empty,
  setConsumerPreferredLayers: empty,
  setConsumerPriority: empty,
  changeDisplayName: empty,
  getTransportStats: wrapped,
  getProducerStats: wrapped,
  getConsumerStats: wrapped,
  getDataProducerStats: wrapped,
  getDataConsumerStats: wrapped,
} satisfies Record<string, PerDialect>;

/** The requests of the older client; checks the client itself, so that its answers are meaningful. */
export const PAYLOADS = {
  getRtcStatsUrl: { L: anything, T3: nothing },
  getRouterRtpCapabilities: { L: nothing, T3: nothing },
  createWebRtcTransport: {
    L: object({ forceTcp: flag, producing: flag, consuming: flag, sctpCapabilities: object({ numStreams: anything }), appData: absent }),
    T3: object({ forceTcp: flag, appData: object({ direction: is('producer', 'consumer') }), producing: absent, sctpCapabilities: absent }),
  },
  connectWebRtcTransport: { L: object({ transportId: text, dtlsParameters }), T3: object({ transportId: text, dtlsParameters }) },
  restartIce: { L: object({ transportId: text }), T3: object({ transportId: text }) },
  join: {
    L: object({
      displayName: text,
      device,
      rtpCapabilities: object({ codecs: list(anything, 1) }),
      sctpCapabilities: object({ numStreams: anything }),
    }),
    T3: object({ displayName: text, device, rtpCapabilities: object({ codecs: list(anything, 1) }), sctpCapabilities: absent }),
  },
  produce: {
    L: object({ transportId: text, kind: is('audio', 'video'), rtpParameters: anything, appData: object({ source: absent }) }),
    T3: object({
      transportId: text,
      kind: is('audio', 'video'),
      rtpParameters: anything,
      appData: object({ source: text, share: absent }),
    }),
  },
  produceData: {
    L: object({
      transportId: text,
      sctpStreamParameters: anything,
      label: is('chat', 'bot'),
      protocol: anyText,
      appData: object({ channel: absent }),
    }),
    T3: object({
      transportId: text,
      sctpStreamParameters: anything,
      label: text,
      protocol: anyText,
      appData: object({ channel: is('chat', 'bot') }),
    }),
  },
} satisfies Record<string, PerDialect>;

/** Requests of the media pod. */
export const SERVER_REQUESTS = {
  newConsumer: {
    L: object({
      peerId: text,
      producerId: text,
      id: text,
      kind: is('audio', 'video'),
      rtpParameters,
      type: text,
      appData: object({}),
      producerPaused: flag,
    }),
    T3: object({
      ...{ peerId: text, transportId: text, consumerId: text, producerId: text, kind: is('audio', 'video'), rtpParameters },
      ...{ type: is('simple', 'simulcast', 'svc'), producerPaused: flag, consumerScore: score },
      appData: object({ peerId: text, source: is('audio', 'video', 'screensharing') }),
    }),
  },
  newDataConsumer: {
    L: object({
      ...{ peerId: text, dataProducerId: text, id: text, sctpStreamParameters: object({ streamId: number }), label: is('chat') },
      ...{ protocol: anyText, appData: object({}) },
    }),
    T3: object({
      ...{
        peerId: text,
        transportId: text,
        dataConsumerId: text,
        dataProducerId: text,
        sctpStreamParameters: object({ streamId: number }),
      },
      ...{ label: text, protocol: anyText, appData: object({ peerId: text, channel: is('chat') }) },
    }),
  },
  newDataConsumerOfBot: {
    L: object({
      peerId: is(null),
      dataProducerId: text,
      id: text,
      sctpStreamParameters: object({ streamId: number }),
      label: is('bot'),
      protocol: anyText,
    }),
    T3: object({
      ...{ peerId: is(undefined, null), transportId: text, dataConsumerId: text, dataProducerId: text },
      ...{ sctpStreamParameters: object({ streamId: number }), label: text, appData: object({ peerId: absent, channel: is('bot') }) },
    }),
  },
} satisfies Record<string, PerDialect>;

const version = object({ version: text });
const renamed = object({ peerId: text, displayName: text, oldDisplayName: text });
const producerScore = object({
  producerId: text,
  score: list(object({ encodingIdx: number, ssrc: number, rid: optional(text), score: number }), 1),
});
const ofConsumer = object({ consumerId: text });
const bitrates = object({ desiredBitrate: number, effectiveDesiredBitrate: number, availableBitrate: number });
const both = (shape: Shape): PerDialect => ({ L: shape, T3: shape });

/** Notifications of the media pod. */
export const SERVER_NOTIFICATIONS = {
  newPeer: { L: peer.L, T3: object({ peer: peer.T3 }) },
  peerClosed: both(object({ peerId: text })),
  peerDisplayNameChanged: both(renamed),
  producerScore: both(producerScore),
  consumerScore: both(object({ consumerId: text, score })),
  consumerPaused: both(ofConsumer),
  consumerResumed: both(ofConsumer),
  consumerClosed: both(ofConsumer),
  consumerLayersChanged: {
    L: object({ consumerId: text, spatialLayer: nullable(number), temporalLayer: nullable(number) }),
    T3: object({ consumerId: text, layers: optional(object({ spatialLayer: number, temporalLayer: number })) }),
  },
  dataConsumerClosed: both(object({ dataConsumerId: text })),
  activeSpeaker: { L: object({ peerId: nullable(text), volume: optional(number) }), T3: object({ peerId: optional(text) }) },
  speakingPeers: { L: anything, T3: object({ peerVolumes: list(object({ peerId: text, volume: number })) }) },
  downlinkBwe: both(bitrates),
} satisfies Record<string, PerDialect>;

/** The notification of the version has a different name in each dialect. */
export const VERSION: Readonly<Record<Dialect, { readonly method: string; readonly shape: Shape }>> = {
  L: { method: 'mediasoup-version', shape: version },
  T3: { method: 'mediasoupVersion', shape: version },
};
