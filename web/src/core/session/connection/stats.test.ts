import { describe, expect, it } from 'vitest';
import { summarizeSent } from './stats';

const reportOf = (...entries: Record<string, unknown>[]): RTCStatsReport => new Map(entries.map((entry, index) => [String(index), entry]));

const layer = (frameWidth: number, active?: boolean): Record<string, unknown> => ({
  type: 'outbound-rtp',
  bytesSent: 10,
  framesPerSecond: 30,
  frameWidth,
  ...(active === undefined ? {} : { active }),
});

describe('what is sent', () => {
  it('counts layers that are off in neither number nor size', () => {
    const sent = summarizeSent({ kind: 'camera', report: reportOf(layer(320, true), layer(640, true), layer(1280, false)) });
    expect(sent).toMatchObject({ activeLayers: 2, frameWidth: 640, bytesSent: 30 });
  });

  it('counts every layer with frames where the browser does not tell which are off', () => {
    const sent = summarizeSent({ kind: 'camera', report: reportOf(layer(320), layer(640), { ...layer(0), framesPerSecond: 0 }) });
    expect(sent).toMatchObject({ activeLayers: 2, frameWidth: 640 });
  });
});
