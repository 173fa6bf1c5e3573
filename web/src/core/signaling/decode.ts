/**
 * The edge: what a server sends is checked here before anything relies on its shape.
 *
 * RTP, ICE and DTLS parameters are only checked to be objects or lists; mediasoup-client checks their insides itself.
 */

import type {
  ChatMessage,
  ConsumerScore,
  NewConsumer,
  PeerInfo,
  Reaction,
  ProduceAnswer,
  RouterCapabilitiesAnswer,
  ServerNotification,
  TransportAnswer,
  IceParametersAnswer,
} from '../../generated/messages';
import { ConveneError } from '../errors';
import { isRecord, isText, type JsonRecord } from './json';
import { REACTIONS } from './reactions';
import { peerOf, type Peer } from './standing';

type Check = (data: JsonRecord) => boolean;

const hasConsumerId: Check = ({ consumerId }) => isText(consumerId);
const hasPeerId: Check = ({ peerId }) => isText(peerId);

/** Every notification of the media pod, also those that this client does nothing with. Others are ignored, as the protocol wishes. */
const NOTIFICATIONS = {
  session: ({ id, resumed }) => isText(id) && typeof resumed === 'boolean',
  'mediasoup-version': ({ version }) => isText(version),
  mediasoupVersion: ({ version }) => isText(version),
  newPeer: ({ peer }) => isPeer(peer),
  peerClosed: hasPeerId,
  peerDisplayNameChanged: (data) => hasPeerId(data) && isText(data['displayName']),
  consumerPaused: hasConsumerId,
  consumerResumed: hasConsumerId,
  consumerClosed: hasConsumerId,
  consumerScore: (data) => hasConsumerId(data) && isRecord(data['score']) && isNumber(data['score']['score']),
  consumerLayersChanged: hasConsumerId,
  dataConsumerClosed: ({ dataConsumerId }) => isText(dataConsumerId),
  downlinkBwe: ({ availableBitrate }) => isNumber(availableBitrate),
  producerScore: ({ producerId, score }) => isText(producerId) && isListOf(score, (one) => isRecord(one) && isNumber(one['score'])),
  chatMessage: isChatMessage,
  permissions: ({ moderator, publish }) => typeof moderator === 'boolean' && isRecord(publish),
  lobby: ({ state }) => state === 'waiting' || state === 'admitted',
  lobbyPeers: ({ peers }) => isListOf(peers, isPeer),
  roomState: ({ title, locked, lobby }) => typeof title === 'string' && typeof locked === 'boolean' && (lobby === undefined || typeof lobby === 'boolean'),
  peerChanged: (data) => hasPeerId(data) && typeof data['moderator'] === 'boolean',
  peerSends: (data) => hasPeerId(data) && isRecord(data['sends']),
  mutedByModerator: ({ source }) => source === 'audio' || source === 'video' || source === 'share',
  unmuteRequested: () => true,
  handRaised: (data) => hasPeerId(data) && typeof data['raised'] === 'boolean',
  reaction: (data) => hasPeerId(data) && REACTIONS.includes(data['reaction'] as Reaction),
  activeSpeaker: ({ peerId }) => peerId === undefined || peerId === null || isText(peerId),
  speakingPeers: ({ peerVolumes }) => isListOf(peerVolumes, isVolume),
} as const satisfies Record<ServerNotification['method'], Check>;

export type Decoded = { kind: 'known'; message: ServerNotification } | { kind: 'unknown' } | { kind: 'malformed' };

export function decodeNotification(method: string, data: JsonRecord): Decoded {
  if (!Object.hasOwn(NOTIFICATIONS, method)) return { kind: 'unknown' };
  const check = NOTIFICATIONS[method as keyof typeof NOTIFICATIONS];
  if (!check(data)) return { kind: 'malformed' };
  return { kind: 'known', message: { method, data } as unknown as ServerNotification };
}

export function decodeNewConsumer(data: JsonRecord): NewConsumer {
  const { peerId, consumerId, producerId, kind, rtpParameters, appData } = data;
  const isGood =
    [peerId, consumerId, producerId].every(isText) && (kind === 'audio' || kind === 'video') && isRecord(rtpParameters);
  if (!isGood) throw malformed('newConsumer');
  const source = isRecord(appData) && isText(appData['source']) ? appData['source'] : kind;
  return { ...data, consumerScore: scoreOf(data['consumerScore']), appData: { peerId, source } } as NewConsumer;
}

/** What is not told counts as nothing received yet. */
function scoreOf(value: unknown): ConsumerScore {
  const { score, producerScore, producerScores } = isRecord(value) ? value : {};
  return {
    score: isNumber(score) ? score : 0,
    producerScore: isNumber(producerScore) ? producerScore : 0,
    producerScores: Array.isArray(producerScores) ? producerScores.filter(isNumber) : [],
  };
}

/** How well the server receives a stream itself, in the best of its sizes: 0 when nothing comes. Which size is forwarded now is another matter. */
export function sourceScoreOf(score: unknown): number {
  return Math.max(0, ...scoreOf(score).producerScores);
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
export function decodeJoin(data: unknown): Peer[] {
  if (!isRecord(data) || !Array.isArray(data['peers'])) throw malformed('join');
  return data['peers'].filter(isPeer).map(peerOf);
}

/** A part of the chat, oldest message first. */
export interface ChatPage {
  messages: readonly ChatMessage[];
  /** Whether the room keeps older messages than these. */
  hasMore: boolean;
}

/** Messages that cannot be read are left out rather than hiding the others. */
export function decodeChatHistory(data: unknown): ChatPage {
  if (!isRecord(data) || !Array.isArray(data['messages'])) throw malformed('getChatHistory');
  const messages = data['messages'].filter((one): one is ChatMessage => isRecord(one) && isChatMessage(one));
  // Pods without pages send everything they keep, and no "more".
  return { messages, hasMore: data['more'] === true };
}

/** Number and time of a message of one's own. */
export function decodeChatSent(data: unknown): { id: number; sentAt: number } {
  if (!isRecord(data) || !isNumber(data['id']) || !isNumber(data['sentAt'])) throw malformed('sendChatMessage');
  return { id: data['id'], sentAt: data['sentAt'] };
}

export function decodeProduce(data: unknown): ProduceAnswer {
  if (!isRecord(data) || !isText(data['producerId'])) throw malformed('produce');
  return data as ProduceAnswer;
}

function isPeer(value: unknown): value is PeerInfo {
  return isRecord(value) && isText(value['peerId']) && typeof value['displayName'] === 'string';
}

function isChatMessage({ id, peerId, displayName, text, sentAt }: JsonRecord): boolean {
  return isNumber(id) && isText(peerId) && typeof displayName === 'string' && typeof text === 'string' && isNumber(sentAt);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isListOf(value: unknown, isGood: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isGood);
}

function isVolume(value: unknown): boolean {
  return isRecord(value) && isText(value['peerId']) && typeof value['volume'] === 'number';
}

function malformed(method: string): ConveneError {
  return new ConveneError('answer-malformed', `the server's "${method}" cannot be read`);
}
