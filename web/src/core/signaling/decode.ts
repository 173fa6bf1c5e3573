/**
 * The edge: what a server sends is checked here before anything relies on its shape.
 *
 * RTP, ICE and DTLS parameters are only checked to be objects or lists; mediasoup-client checks their insides itself.
 */

import type {
  JoinAnswer,
  NewConsumer,
  PeerInfo,
  ProduceAnswer,
  RouterCapabilitiesAnswer,
  ServerNotification,
  TransportAnswer,
  IceParametersAnswer,
} from '../../generated/messages';
import { ConveneError } from '../errors';
import { isRecord, isText, type JsonRecord } from './json';

type Check = (data: JsonRecord) => boolean;

const hasConsumerId: Check = ({ consumerId }) => isText(consumerId);
const hasPeerId: Check = ({ peerId }) => isText(peerId);

/** The notifications that this client acts on. Others are ignored, as the protocol wishes. */
const NOTIFICATIONS = {
  mediasoupVersion: ({ version }) => isText(version),
  newPeer: ({ peer }) => isPeer(peer),
  peerClosed: hasPeerId,
  peerDisplayNameChanged: (data) => hasPeerId(data) && isText(data['displayName']),
  consumerPaused: hasConsumerId,
  consumerResumed: hasConsumerId,
  consumerClosed: hasConsumerId,
  consumerScore: (data) => hasConsumerId(data) && isRecord(data['score']),
  consumerLayersChanged: hasConsumerId,
  producerScore: ({ producerId }) => isText(producerId),
  activeSpeaker: ({ peerId }) => peerId === undefined || peerId === null || isText(peerId),
  speakingPeers: ({ peerVolumes }) => Array.isArray(peerVolumes) && peerVolumes.every(isVolume),
} as const satisfies Partial<Record<ServerNotification['method'], Check>>;

export type KnownNotification = Extract<ServerNotification, { method: keyof typeof NOTIFICATIONS }>;

export type Decoded = { kind: 'known'; message: KnownNotification } | { kind: 'unknown' } | { kind: 'malformed' };

export function decodeNotification(method: string, data: JsonRecord): Decoded {
  if (!Object.hasOwn(NOTIFICATIONS, method)) return { kind: 'unknown' };
  const check = NOTIFICATIONS[method as keyof typeof NOTIFICATIONS];
  if (!check(data)) return { kind: 'malformed' };
  return { kind: 'known', message: { method, data } as unknown as KnownNotification };
}

export function decodeNewConsumer(data: JsonRecord): NewConsumer {
  const { peerId, consumerId, producerId, kind, rtpParameters, appData } = data;
  const isGood =
    [peerId, consumerId, producerId].every(isText) && (kind === 'audio' || kind === 'video') && isRecord(rtpParameters);
  if (!isGood) throw malformed('newConsumer');
  const source = isRecord(appData) && isText(appData['source']) ? appData['source'] : kind;
  return { ...data, appData: { peerId, source } } as NewConsumer;
}

export function decodeRouterCapabilities(data: unknown): RouterCapabilitiesAnswer {
  const capabilities = isRecord(data) ? data['routerRtpCapabilities'] : undefined;
  if (!isRecord(capabilities) || !Array.isArray(capabilities['codecs'])) throw malformed('getRouterRtpCapabilities');
  return data as RouterCapabilitiesAnswer;
}

export function decodeTransport(data: unknown): TransportAnswer {
  const isGood =
    isRecord(data) &&
    isText(data['transportId']) &&
    isRecord(data['iceParameters']) &&
    Array.isArray(data['iceCandidates']) &&
    isRecord(data['dtlsParameters']);
  if (!isGood) throw malformed('createWebRtcTransport');
  return data as TransportAnswer;
}

export function decodeIceParameters(data: unknown): IceParametersAnswer {
  if (!isRecord(data) || !isRecord(data['iceParameters'])) throw malformed('restartIce');
  return data as unknown as IceParametersAnswer;
}

/** Peers that cannot be read are left out rather than keeping everybody from joining. */
export function decodeJoin(data: unknown): JoinAnswer {
  if (!isRecord(data) || !Array.isArray(data['peers'])) throw malformed('join');
  return { peers: data['peers'].filter(isPeer) };
}

export function decodeProduce(data: unknown): ProduceAnswer {
  if (!isRecord(data) || !isText(data['producerId'])) throw malformed('produce');
  return data as ProduceAnswer;
}

function isPeer(value: unknown): value is PeerInfo {
  return isRecord(value) && isText(value['peerId']) && typeof value['displayName'] === 'string';
}

function isVolume(value: unknown): boolean {
  return isRecord(value) && isText(value['peerId']) && typeof value['volume'] === 'number';
}

function malformed(method: string): ConveneError {
  return new ConveneError('answer-malformed', `the server's "${method}" cannot be read`);
}
