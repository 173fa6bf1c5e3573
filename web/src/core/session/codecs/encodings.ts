/** Codecs, sizes and bitrates of what is sent. Pure. */

import type { types } from 'mediasoup-client';
import type { SendKind } from '../connection/send-kind';

/** Size of a picture. */
export interface PictureSize {
  width: number;
  height: number;
}

/** That of a camera whose size is not known. */
const USUAL: PictureSize = { width: 1280, height: 720 };

/**
 * Browsers send no more simulcast layers than fit into the picture, and leave out the largest: one that is announced and never
 * sent makes the media pod wait for it. The lines are those of Chromium for 16:9.
 */
const THREE_LAYERS_FROM = 540;
const TWO_LAYERS_FROM = 270;

/** 180 lines get 150 kbit/s, 360 lines 500, 720 lines 1,700: twice the lines need 3.4 times the bits, since larger areas compress better. */
const BITRATE_AT = { lines: 180, bitsPerSecond: 150_000, exponent: 1.75 };

function bitrateFor(lines: number): number {
  const { lines: base, bitsPerSecond, exponent } = BITRATE_AT;
  return Math.round((bitsPerSecond * (lines / base) ** exponent) / 10_000) * 10_000;
}

/** Up to three sizes of the camera video, the smallest first; the media pod forwards the one that fits to each receiver. */
function cameraLayers({ width, height }: PictureSize): types.RtpEncodingParameters[] {
  // Phones held upright send as many pixels as across.
  const lines = Math.min(width, height);
  const scales = lines >= THREE_LAYERS_FROM ? [4, 2, 1] : lines >= TWO_LAYERS_FROM ? [2, 1] : [1];
  return scales.map((scale) => ({ scaleResolutionDownBy: scale, maxBitrate: bitrateFor(lines / scale), scalabilityMode: 'L1T3' }));
}

/** A screen has one size, so that text stays readable, with lower frame rates for slow receivers. */
const SCREEN_ENCODINGS: types.RtpEncodingParameters[] = [{ maxBitrate: 3_000_000, scalabilityMode: 'L1T3' }];

const START_BITRATE_KBPS = 1000;

/** One stream with three spatial layers that depend on each other only at key frames. */
const CAMERA_IN_ONE: types.RtpEncodingParameters[] = [{ maxBitrate: 4_000_000, scalabilityMode: 'L3T3_KEY' }];

/** `codec` is for video; without one the library uses the first common codec, in one size. `size` is that of the camera. */
export function producerOptions(kind: SendKind, codec: types.RtpCodecCapability | undefined, size = USUAL): Partial<types.ProducerOptions> {
  switch (kind) {
    case 'microphone':
      return { codecOptions: { opusDtx: true, opusFec: true, opusNack: true } };
    case 'screenSound':
      // Music and films: stereo and without DTX.
      return { codecOptions: { opusStereo: true, opusFec: true, opusNack: true } };
    case 'camera':
      return pictureOptions(codec, cameraEncodings(codec, size));
    case 'screen':
      return pictureOptions(codec, SCREEN_ENCODINGS);
  }
}

/** The size of what a track delivers; undefined until the browser knows it. */
export function sizeOf(track: MediaStreamTrack): PictureSize | undefined {
  const { width = 0, height = 0 } = track.getSettings();
  return width > 0 && height > 0 ? { width, height } : undefined;
}

/** VP8 and H264 use simulcast, VP9 spatial layers in one stream; AV1 is sent in one size. */
function cameraEncodings(codec: types.RtpCodecCapability | undefined, size: PictureSize): types.RtpEncodingParameters[] {
  switch (codec?.mimeType.toLowerCase()) {
    case 'video/vp9':
      return CAMERA_IN_ONE;
    case 'video/av1':
      return SCREEN_ENCODINGS;
    default:
      return cameraLayers(size);
  }
}

function pictureOptions(codec: types.RtpCodecCapability | undefined, encodings: types.RtpEncodingParameters[]): Partial<types.ProducerOptions> {
  const codecOptions = { videoGoogleStartBitrate: START_BITRATE_KBPS };
  return codec === undefined ? { codecOptions } : { codec, codecOptions, encodings };
}
