/** Codecs, sizes and bitrates of what is sent. Pure. */

import type { types } from 'mediasoup-client';
import type { SendKind } from '../connection/send-kind';

/** Three sizes of the camera video; the media pod forwards the one that fits to each receiver. */
const CAMERA_ENCODINGS: types.RtpEncodingParameters[] = [
  { scaleResolutionDownBy: 4, maxBitrate: 500_000, scalabilityMode: 'L1T3' },
  { scaleResolutionDownBy: 2, maxBitrate: 1_000_000, scalabilityMode: 'L1T3' },
  { scaleResolutionDownBy: 1, maxBitrate: 5_000_000, scalabilityMode: 'L1T3' },
];

/** A screen has one size, so that text stays readable, with lower frame rates for slow receivers. */
const SCREEN_ENCODINGS: types.RtpEncodingParameters[] = [{ maxBitrate: 3_000_000, scalabilityMode: 'L1T3' }];

const START_BITRATE_KBPS = 1000;

/** One stream with three spatial layers that depend on each other only at key frames. */
const CAMERA_IN_ONE: types.RtpEncodingParameters[] = [{ maxBitrate: 4_000_000, scalabilityMode: 'L3T3_KEY' }];

/** `codec` is for video; without one the library uses the first common codec, in one size. */
export function producerOptions(kind: SendKind, codec: types.RtpCodecCapability | undefined): Partial<types.ProducerOptions> {
  switch (kind) {
    case 'microphone':
      return { codecOptions: { opusDtx: true, opusFec: true, opusNack: true } };
    case 'screenSound':
      // Music and films: stereo and without DTX.
      return { codecOptions: { opusStereo: true, opusFec: true, opusNack: true } };
    case 'camera':
      return pictureOptions(codec, cameraEncodings(codec));
    case 'screen':
      return pictureOptions(codec, SCREEN_ENCODINGS);
  }
}

/** VP8 and H264 use simulcast, VP9 spatial layers in one stream; AV1 is sent in one size. */
function cameraEncodings(codec: types.RtpCodecCapability | undefined): types.RtpEncodingParameters[] {
  switch (codec?.mimeType.toLowerCase()) {
    case 'video/vp9':
      return CAMERA_IN_ONE;
    case 'video/av1':
      return SCREEN_ENCODINGS;
    default:
      return CAMERA_ENCODINGS;
  }
}

function pictureOptions(codec: types.RtpCodecCapability | undefined, encodings: types.RtpEncodingParameters[]): Partial<types.ProducerOptions> {
  const codecOptions = { videoGoogleStartBitrate: START_BITRATE_KBPS };
  return codec === undefined ? { codecOptions } : { codec, codecOptions, encodings };
}
