/** Statistics of a call, reduced to what the panel and tests show. Pure. */

import { isRecord, type JsonRecord } from '../../signaling/json';
import type { JoinRow } from '../timeline';
import type { SendKind, SentMedia } from './send-kind';

export interface ReceivedMedia {
  peerId: string;
  consumerId: string;
  kind: 'audio' | 'video';
  report: RTCStatsReport;
}

export interface ReceivedStats {
  peerId: string;
  consumerId: string;
  kind: 'audio' | 'video';
  framesDecoded: number;
  audioLevel: number;
  bytesReceived: number;
  frameWidth: number;
  frameHeight: number;
  framesPerSecond: number;
  packetsReceived: number;
  packetsLost: number;
  jitterSeconds: number;
  codec: string;
}

export interface SentStats {
  kind: SendKind;
  bytesSent: number;
  frameWidth: number;
  frameHeight: number;
  framesPerSecond: number;
  codec: string;
  /** Number of simulcast streams that are sent now. */
  activeLayers: number;
}

/** The selected ICE candidate pair. */
export interface PathStats {
  roundTripSeconds: number;
  /** The browser's estimate of the outgoing bandwidth, in bits per second. */
  availableBitrate: number;
  protocol: string;
  /** Local candidate type: `host`, `srflx`, `relay` … */
  localCandidate: string;
  remoteCandidate: string;
}

export interface CallStats {
  takenAt: number;
  received: ReceivedStats[];
  sent: SentStats[];
  path: PathStats | undefined;
  /** The steps of the join; added by the session. */
  joining?: readonly JoinRow[];
}

/** Whether the encoder is limited by the CPU. */
export function isLimitedByProcessor(report: RTCStatsReport): boolean {
  return limitsOf(report).includes('cpu');
}

/** Whether the encoder is limited by the CPU or by the network. */
export function isLimited(report: RTCStatsReport): boolean {
  return limitsOf(report).some((reason) => reason === 'cpu' || reason === 'bandwidth');
}

function limitsOf(report: RTCStatsReport): unknown[] {
  return entriesOf(report).flatMap((entry) => (entry['type'] === 'outbound-rtp' ? [entry['qualityLimitationReason']] : []));
}

export function summarizeReceived({ peerId, consumerId, kind, report }: ReceivedMedia): ReceivedStats {
  const entries = entriesOf(report);
  const inbound = entries.find(({ type }) => type === 'inbound-rtp') ?? {};
  return {
    peerId,
    consumerId,
    kind,
    framesDecoded: figure(inbound, 'framesDecoded'),
    audioLevel: figure(inbound, 'audioLevel'),
    bytesReceived: figure(inbound, 'bytesReceived'),
    frameWidth: figure(inbound, 'frameWidth'),
    frameHeight: figure(inbound, 'frameHeight'),
    framesPerSecond: figure(inbound, 'framesPerSecond'),
    packetsReceived: figure(inbound, 'packetsReceived'),
    packetsLost: figure(inbound, 'packetsLost'),
    jitterSeconds: figure(inbound, 'jitter'),
    codec: codecOf(entries, inbound),
  };
}

export function summarizeSent({ kind, report }: SentMedia): SentStats {
  const entries = entriesOf(report);
  const outbound = entries.filter(({ type }) => type === 'outbound-rtp');
  // A layer that is off keeps its last figures.
  const active = outbound.filter((one) => one['active'] !== false && (figure(one, 'framesPerSecond') > 0 || figure(one, 'frameWidth') > 0));
  const largest = active.reduce<JsonRecord>((best, one) => (figure(one, 'frameWidth') > figure(best, 'frameWidth') ? one : best), {});
  return {
    kind,
    bytesSent: outbound.reduce((sum, one) => sum + figure(one, 'bytesSent'), 0),
    frameWidth: figure(largest, 'frameWidth'),
    frameHeight: figure(largest, 'frameHeight'),
    framesPerSecond: figure(largest, 'framesPerSecond'),
    codec: codecOf(entries, outbound[0] ?? {}),
    activeLayers: active.length,
  };
}

export function summarizePath(report: RTCStatsReport): PathStats | undefined {
  const entries = entriesOf(report);
  const pair = entries.find((one) => one['type'] === 'candidate-pair' && one['nominated'] === true && one['state'] === 'succeeded');
  if (pair === undefined) return undefined;
  const candidate = (key: string): JsonRecord => entries.find(({ id }) => id === pair[key]) ?? {};
  const local = candidate('localCandidateId');
  return {
    roundTripSeconds: figure(pair, 'currentRoundTripTime'),
    availableBitrate: figure(pair, 'availableOutgoingBitrate'),
    protocol: word(local, 'relayProtocol') || word(local, 'protocol'),
    localCandidate: word(local, 'candidateType'),
    remoteCandidate: word(candidate('remoteCandidateId'), 'candidateType'),
  };
}

function entriesOf(report: RTCStatsReport): JsonRecord[] {
  return [...(report as ReadonlyMap<string, unknown>).values()].filter(isRecord);
}

function codecOf(entries: JsonRecord[], stream: JsonRecord): string {
  const codec = entries.find((one) => one['type'] === 'codec' && one['id'] === stream['codecId']);
  return codec === undefined ? '' : (word(codec, 'mimeType').split('/')[1] ?? '');
}

function figure(entry: JsonRecord, name: string): number {
  const value = entry[name];
  return typeof value === 'number' ? value : 0;
}

function word(entry: JsonRecord, name: string): string {
  const value = entry[name];
  return typeof value === 'string' ? value : '';
}
