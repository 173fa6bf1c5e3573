import fc from 'fast-check';
import type { types } from 'mediasoup-client';
import { describe, expect, it } from 'vitest';
import { chooseCodec, updateLoad, NO_LOAD, VIDEO_CODECS, type CodecSituation, type Encoder, type VideoCodec } from './codec-choice';
import { CodecPolicy } from './codec-policy';

const vp9 = (isSmooth: boolean, isPowerEfficient: boolean): Encoder => ({ codec: 'VP9', isSmooth, isPowerEfficient });
const ALL = [...VIDEO_CODECS];
const PLAIN: CodecSituation = { offered: ALL, encoders: [], cores: 4, isOverloaded: false, preferred: undefined };

describe('the codec for sending video', () => {
  it.each<[string, Partial<CodecSituation>, VideoCodec | undefined]>([
    ['nothing is known of the encoders', {}, 'VP8'],
    ['hardware encodes VP9', { encoders: [vp9(true, true)], cores: 2 }, 'VP9'],
    ['hardware encodes VP9, but too slowly', { encoders: [vp9(false, true)], cores: 16 }, 'VP8'],
    ['software encodes VP9 with few processors', { encoders: [vp9(true, false)], cores: 7 }, 'VP8'],
    ['software encodes VP9 with many processors', { encoders: [vp9(true, false)], cores: 8 }, 'VP9'],
    ['VP9 turned out to be too much', { encoders: [vp9(true, true)], isOverloaded: true }, 'VP8'],
    ['the room takes no VP9', { encoders: [vp9(true, true)], offered: ['VP8', 'H264'] }, 'VP8'],
    ['the room takes H264 and AV1', { offered: ['AV1', 'H264'] }, 'H264'],
    ['the room takes AV1 alone', { offered: ['AV1'] }, 'AV1'],
    ['nothing is shared', { offered: [] }, undefined],
    ['AV1 is chosen', { preferred: 'AV1' }, 'AV1'],
    ['VP9 is chosen although the CPU is overloaded', { preferred: 'VP9', isOverloaded: true }, 'VP9'],
    ['a codec is chosen that the room does not support', { preferred: 'AV1', offered: ['VP8', 'VP9'] }, 'VP8'],
  ])('when %s', (_, situation, expected) => {
    expect(chooseCodec({ ...PLAIN, ...situation })).toBe(expected);
  });

  it('is supported by both sides, and never AV1 unless it is chosen or the only one', () => {
    const encoder = fc.record({ codec: fc.constantFrom(...ALL), isSmooth: fc.boolean(), isPowerEfficient: fc.boolean() });
    const situation = fc.record({
      offered: fc.subarray(ALL),
      encoders: fc.array(encoder),
      cores: fc.integer({ min: 1, max: 64 }),
      isOverloaded: fc.boolean(),
      preferred: fc.constant(undefined),
    });
    fc.assert(
      fc.property(situation, (given) => {
        const codec = chooseCodec(given);
        expect(codec === undefined).toBe(given.offered.length === 0);
        if (codec !== undefined) expect(given.offered).toContain(codec);
        if (codec === 'AV1') expect(given.offered).toEqual(['AV1']);
      }),
    );
  });
});

describe('the CPU', () => {
  const after = (looks: readonly boolean[]): boolean => looks.reduce(updateLoad, NO_LOAD).isOverloaded;

  it('counts as overloaded for good after several limited samples in a row', () => {
    expect(after([true, true, true])).toBe(false);
    expect(after([true, true, true, false, true])).toBe(false);
    expect(after([true, true, true, true])).toBe(true);
    expect(after([true, true, true, true, false, false])).toBe(true);
  });
});

describe("the device's encoders", () => {
  const codecs = [{ mimeType: 'video/VP8' }, { mimeType: 'video/VP9', parameters: { 'profile-id': 0 } }, { mimeType: 'video/VP9' }];
  const device = { sendRtpCapabilities: { codecs } } as unknown as types.Device;
  const info = { supported: true, smooth: true, powerEfficient: true, configuration: {} as MediaEncodingConfiguration };
  const encodingInfo = ({ video }: MediaEncodingConfiguration): Promise<MediaCapabilitiesEncodingInfo> =>
    video?.contentType === 'video/AV1' ? Promise.reject(new TypeError('not known')) : Promise.resolve(info);
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

  it('count once the browser has answered; until then, and without an answer, VP8 is sent', async () => {
    const policy = new CodecPolicy({ cores: 2, encodingInfo }, () => undefined);
    expect(policy.choose(device)).toBe(codecs[0]);
    await settled();
    expect(policy.choose(device)).toBe(codecs[1]);
    const silent = new CodecPolicy({ cores: 64, encodingInfo: undefined }, () => undefined);
    await settled();
    expect(silent.choose(device)).toBe(codecs[0]);
  });

  it('lead to a cheaper codec once, unless the user has chosen one', async () => {
    const policy = new CodecPolicy({ cores: 2, encodingInfo }, () => undefined);
    await settled();
    expect([1, 2, 3, 4, 5, 6].map(() => policy.note(true))).toEqual([false, false, false, true, false, false]);
    expect(policy.choose(device)).toBe(codecs[0]);
    const stubborn = new CodecPolicy({ cores: 2, encodingInfo }, () => 'VP9');
    expect([1, 2, 3, 4, 5].some(() => stubborn.note(true))).toBe(false);
    expect(stubborn.choose(device)).toBe(codecs[1]);
  });
});
