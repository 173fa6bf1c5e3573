/** Statistics as the panel shows them: rates from two samples of the counters. Pure. */

import type { CallStats, PathStats } from '../../core/session/connection/stats';
import type { JoinRow } from '../../core/session/timeline';
import type { SendKind } from '../../core/session/connection/send-kind';

export interface StreamRow {
  key: string;
  /** The sender; empty for local streams. */
  peerId: string;
  kind: SendKind | 'audio' | 'video';
  codec: string;
  size: string;
  framesPerSecond: number;
  kilobitsPerSecond: number;
  /** Packets lost since the previous sample, in percent; undefined for sent streams. */
  lossPercent: number | undefined;
  layers: number | undefined;
}

export interface StatisticsView {
  path: PathStats | undefined;
  sent: StreamRow[];
  received: StreamRow[];
  /** The steps of the join, in the order of time. */
  joining: readonly JoinRow[];
}

export function statisticsOf(before: CallStats | undefined, now: CallStats): StatisticsView {
  const seconds = before === undefined ? 0 : (now.takenAt - before.takenAt) / 1000;
  const rate = (bytes: number, bytesBefore: number | undefined): number =>
    seconds <= 0 || bytesBefore === undefined || bytes < bytesBefore ? 0 : Math.round(((bytes - bytesBefore) * 8) / 1000 / seconds);
  return {
    path: now.path,
    joining: now.joining ?? [],
    sent: now.sent.map((stream) => ({
      key: stream.kind,
      peerId: '',
      kind: stream.kind,
      codec: stream.codec,
      size: sizeOf(stream),
      framesPerSecond: Math.round(stream.framesPerSecond),
      kilobitsPerSecond: rate(stream.bytesSent, before?.sent.find(({ kind }) => kind === stream.kind)?.bytesSent),
      lossPercent: undefined,
      layers: stream.activeLayers === 0 ? undefined : stream.activeLayers,
    })),
    received: now.received.map((stream) => {
      const old = before?.received.find(({ consumerId }) => consumerId === stream.consumerId);
      return {
        key: stream.consumerId,
        peerId: stream.peerId,
        kind: stream.kind,
        codec: stream.codec,
        size: sizeOf(stream),
        framesPerSecond: Math.round(stream.framesPerSecond),
        kilobitsPerSecond: rate(stream.bytesReceived, old?.bytesReceived),
        lossPercent: lossOf(stream.packetsLost - (old?.packetsLost ?? 0), stream.packetsReceived - (old?.packetsReceived ?? 0)),
        layers: undefined,
      };
    }),
  };
}

function sizeOf({ frameWidth, frameHeight }: { frameWidth: number; frameHeight: number }): string {
  return frameWidth === 0 ? '' : `${frameWidth}×${frameHeight}`;
}

function lossOf(lost: number, received: number): number {
  const all = lost + received;
  return all <= 0 ? 0 : Math.max(0, Math.round((lost / all) * 1000) / 10);
}
