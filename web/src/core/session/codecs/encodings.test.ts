import { describe, expect, it } from 'vitest';
import { producerOptions } from './encodings';

const VP8 = { kind: 'video', mimeType: 'video/VP8', clockRate: 90_000, preferredPayloadType: 96 } as const;

describe('the layers of a camera', () => {
  const layersOf = (width: number, height: number): [number | undefined, number | undefined][] =>
    (producerOptions('camera', VP8, { width, height }).encodings ?? []).map(({ scaleResolutionDownBy, maxBitrate }) => [scaleResolutionDownBy, maxBitrate]);

  it.each<[string, number, number, [number, number][]]>([
    [
      'HD',
      1280,
      720,
      [
        [4, 150_000],
        [2, 500_000],
        [1, 1_700_000],
      ],
    ],
    [
      'full HD',
      1920,
      1080,
      [
        [4, 300_000],
        [2, 1_030_000],
        [1, 3_450_000],
      ],
    ],
    [
      'a phone held upright',
      720,
      1280,
      [
        [4, 150_000],
        [2, 500_000],
        [1, 1_700_000],
      ],
    ],
    [
      'small',
      640,
      360,
      [
        [2, 150_000],
        [1, 500_000],
      ],
    ],
    [
      '4:3',
      640,
      480,
      [
        [2, 250_000],
        [1, 830_000],
      ],
    ],
    ['tiny', 320, 180, [[1, 150_000]]],
  ])('%s', (_what, width, height, layers) => {
    expect(layersOf(width, height)).toEqual(layers);
  });

  it('are those of HD for a camera that does not tell its size', () => {
    expect(producerOptions('camera', VP8).encodings).toEqual(producerOptions('camera', VP8, { width: 1280, height: 720 }).encodings);
  });
});

it('speech is sent with DTX and FEC, the sound of a screen without DTX', () => {
  expect(producerOptions('microphone', undefined).codecOptions).toMatchObject({ opusDtx: true, opusFec: true });
  expect(producerOptions('screenSound', undefined).codecOptions).not.toHaveProperty('opusDtx');
});
