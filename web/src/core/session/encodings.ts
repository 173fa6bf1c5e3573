/** In which codec and sizes one's own media is sent. Pure. */

import type { types } from 'mediasoup-client';
import type { SendKind } from './publisher';

/** Three sizes of the camera picture; the media pod forwards to everybody the one that fits. */
const CAMERA_ENCODINGS: types.RtpEncodingParameters[] = [
  { scaleResolutionDownBy: 4, maxBitrate: 500_000, scalabilityMode: 'L1T3' },
  { scaleResolutionDownBy: 2, maxBitrate: 1_000_000, scalabilityMode: 'L1T3' },
  { scaleResolutionDownBy: 1, maxBitrate: 5_000_000, scalabilityMode: 'L1T3' },
];

/** A screen comes in one size, so that text stays readable, with fewer pictures for who cannot take all. */
const SCREEN_ENCODINGS: types.RtpEncodingParameters[] = [{ maxBitrate: 3_000_000, scalabilityMode: 'L1T3' }];

const START_BITRATE_KBPS = 1000;

export function producerOptions(kind: SendKind, device: types.Device): Partial<types.ProducerOptions> {
  switch (kind) {
    case 'microphone':
      return { codecOptions: { opusDtx: true, opusFec: true, opusNack: true } };
    case 'screenSound':
      // Music and films: stereo, and no pauses cut out.
      return { codecOptions: { opusStereo: true, opusFec: true, opusNack: true } };
    case 'camera':
      return pictureOptions(device, CAMERA_ENCODINGS);
    case 'screen':
      return pictureOptions(device, SCREEN_ENCODINGS);
  }
}

/** VP8 simulcast; where VP8 is missing, the first codec both sides know, in one size. */
function pictureOptions(device: types.Device, encodings: types.RtpEncodingParameters[]): Partial<types.ProducerOptions> {
  const codecs = device.sendRtpCapabilities.codecs ?? [];
  const codec = codecs.find(({ mimeType }) => mimeType.toLowerCase() === 'video/vp8');
  const codecOptions = { videoGoogleStartBitrate: START_BITRATE_KBPS };
  return codec === undefined ? { codecOptions } : { codec, codecOptions, encodings };
}
