/** Statistics of received media in the few figures that tests and helpers look at. Pure. */

import { isRecord } from '../signaling/json';

export interface ReceivedMedia {
  peerId: string;
  kind: 'audio' | 'video';
  report: RTCStatsReport;
}

export interface ReceivedStats {
  peerId: string;
  kind: 'audio' | 'video';
  framesDecoded: number;
  audioLevel: number;
  bytesReceived: number;
  frameWidth: number;
}

export function summarizeReceived({ peerId, kind, report }: ReceivedMedia): ReceivedStats {
  const inbound = [...(report as ReadonlyMap<string, unknown>).values()]
    .filter(isRecord)
    .find(({ type }) => type === 'inbound-rtp');
  const figure = (name: string): number => {
    const value = inbound?.[name];
    return typeof value === 'number' ? value : 0;
  };
  return {
    peerId,
    kind,
    framesDecoded: figure('framesDecoded'),
    audioLevel: figure('audioLevel'),
    bytesReceived: figure('bytesReceived'),
    frameWidth: figure('frameWidth'),
  };
}
