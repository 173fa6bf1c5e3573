/**
 * Chooses the video codec for sending. Pure.
 *
 * Every receiver must be able to decode it: by default only VP8 and VP9 are chosen, which every current browser decodes. VP9 costs the
 * sender more and gives better quality at lower bitrates, in one scalable stream of which the media pod forwards what each receiver can take. It
 * is used where the device encodes it easily, and given up for good when the CPU does not keep up.
 */

/** Named as in `mimeType`, after `video/`. */
export const VIDEO_CODECS = ['VP8', 'VP9', 'H264', 'AV1'] as const;
export type VideoCodec = (typeof VIDEO_CODECS)[number];

/** The browser's report about one encoder (Media Capabilities, `encodingInfo` of type `webrtc`). */
export interface Encoder {
  codec: VideoCodec;
  /** Keeps up with the frame rate. */
  isSmooth: boolean;
  /** Usually: encoded in hardware. */
  isPowerEfficient: boolean;
}

export interface CodecSituation {
  /** Codecs that both the room and the browser support. */
  offered: readonly VideoCodec[];
  encoders: readonly Encoder[];
  /** Logical CPU cores. */
  cores: number;
  /** A more expensive codec was tried, and the CPU did not keep up. */
  isOverloaded: boolean;
  /** The user's choice. */
  preferred: VideoCodec | undefined;
}

/** Cheapest to encode first. AV1 is last: older Safari does not decode it. */
const BY_COST: readonly VideoCodec[] = ['VP8', 'H264', 'VP9', 'AV1'];
/** With this many cores a software encoder leaves enough CPU for everything else. */
const MANY_CORES = 8;

/** The codec to send; `undefined` if no known codec is offered. A choice that the room or the browser does not support is ignored. */
export function chooseCodec({ offered, encoders, cores, isOverloaded, preferred }: CodecSituation): VideoCodec | undefined {
  if (preferred !== undefined && offered.includes(preferred)) return preferred;
  const encoder = encoders.find(({ codec }) => codec === 'VP9');
  const isEasy = encoder !== undefined && encoder.isSmooth && (encoder.isPowerEfficient || cores >= MANY_CORES);
  if (isEasy && !isOverloaded && offered.includes('VP9')) return 'VP9';
  return BY_COST.find((codec) => offered.includes(codec));
}

/** How the CPU has kept up so far. */
export interface Load {
  /** Consecutive samples in which the encoder was limited by the CPU. */
  limitedSamples: number;
  isOverloaded: boolean;
}

export const NO_LOAD: Load = { limitedSamples: 0, isOverloaded: false };

/** Loading a page or starting another program is brief; this many consecutive samples are not. */
const SAMPLES_UNTIL_OVERLOADED = 4;

/** Stays overloaded: switching back and forth would interrupt the video each time. */
export function updateLoad(load: Load, isLimitedByProcessor: boolean): Load {
  const limitedSamples = isLimitedByProcessor ? load.limitedSamples + 1 : 0;
  return { limitedSamples, isOverloaded: load.isOverloaded || limitedSamples >= SAMPLES_UNTIL_OVERLOADED };
}
