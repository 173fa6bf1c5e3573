/**
 * The boundary: whatever a server sends is validated here before it is used.
 *
 * RTP, ICE and DTLS parameters are only checked to be objects or lists; mediasoup-client validates the rest.
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
import { peerOf, type Peer } from './peers';

type Check = (data: JsonRecord) => boolean;

const hasConsumerId: Check = ({ consumerId }) => isText(consumerId);
const hasPeerId: Check = ({ peerId }) => isText(peerId);

/** Every notification of the media pod, including those that this client ignores. Unknown ones are ignored, as the protocol demands. */
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
  producerLayers: ({ producerId, spatialLayer }) => isText(producerId) && isNumber(spatialLayer),
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
  reaction: ({ peerId, reaction }) => (peerId === undefined || peerId === null || isText(peerId)) && REACTIONS.includes(reaction as Reaction),
  viewers: ({ count }) => isNumber(count),
  viewerHands: ({ count, hands }) => isNumber(count) && isListOf(hands, isPeer),
  activeSpeaker: ({ peerId }) => peerId === undefined || peerId === null || isText(peerId),
  speakingPeers: ({ peerVolumes }) => isListOf(peerVolumes, isVolume),
  moving: ({ ticket, deadlineSeconds }) => (ticket === undefined || ticket === null || isText(ticket)) && isNumber(deadlineSeconds),
  over: () => true,
  transportsLost: () => true,
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
  const isGood = [peerId, consumerId, producerId].every(isText) && (kind === 'audio' || kind === 'video') && isRecord(rtpParameters);
  if (!isGood) throw malformed('newConsumer');
  const source = isRecord(appData) && isText(appData['source']) ? appData['source'] : kind;
  return { ...data, consumerScore: scoreOf(data['consumerScore']), appData: { peerId, source } } as NewConsumer;
}

/** A missing score counts as nothing received yet. */
function scoreOf(value: unknown): ConsumerScore {
  const { score, producerScore, producerScores } = isRecord(value) ? value : {};
  return {
    score: isNumber(score) ? score : 0,
    producerScore: isNumber(producerScore) ? producerScore : 0,
    producerScores: Array.isArray(producerScores) ? producerScores.filter(isNumber) : [],
  };
}

/** The server's score of the incoming stream, of its best layer: 0 means that nothing is received. Independent of the layer forwarded. */
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

/** Invalid peers are skipped rather than failing the join. */
export function decodeJoin(data: unknown): Peer[] {
  if (!isRecord(data) || !Array.isArray(data['peers'])) throw malformed('join');
  return data['peers'].filter(isPeer).map(peerOf);
}

/** A part of the chat, oldest message first. */
export interface ChatPage {
  messages: readonly ChatMessage[];
  /** Whether the room has older messages. */
  hasMore: boolean;
}

/** Invalid messages are skipped rather than hiding the others. */
export function decodeChatHistory(data: unknown): ChatPage {
  if (!isRecord(data) || !Array.isArray(data['messages'])) throw malformed('getChatHistory');
  const messages = data['messages'].filter((one): one is ChatMessage => isRecord(one) && isChatMessage(one));
  // Pods without paging send all messages and no `more`.
  return { messages, hasMore: data['more'] === true };
}

/** Id and time of a message that was sent. */
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
  return new ConveneError('answer-malformed', `could not parse the server's "${method}"`);
}
