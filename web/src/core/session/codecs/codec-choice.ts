/**
 * Which video codec one's own pictures are sent in. Pure.
 *
 * Nobody may be left without a picture: by itself it takes only codecs that every browser of today decodes (VP8 and VP9). VP9 costs the
 * sender more and gives better pictures for fewer bits, in one stream of which the media pod forwards as much as each receiver can take; it
 * is taken where the device encodes it with ease, and given up for good when the processor turns out not to keep up.
 */

/** As they are called in the wire's `mimeType`, behind `video/`. */
export const VIDEO_CODECS = ['VP8', 'VP9', 'H264', 'AV1'] as const;
export type VideoCodec = (typeof VIDEO_CODECS)[number];

/** What the browser says of one encoder (Media Capabilities, `encodingInfo` of type `webrtc`). */
export interface Encoder {
  codec: VideoCodec;
  /** Keeps up with the pictures. */
  isSmooth: boolean;
  /** Done by hardware made for it. */
  isPowerEfficient: boolean;
}

export interface CodecSituation {
  /** What both the room and the browser know. */
  offered: readonly VideoCodec[];
  encoders: readonly Encoder[];
  /** Processors of the device. */
  cores: number;
  /** A costlier codec was tried, and the processor did not keep up. */
  isOverloaded: boolean;
  /** What the person asks for. */
  wish: VideoCodec | undefined;
}

/** The codec that costs least comes first. AV1 is last: older Safari does not decode it. */
const BY_COST: readonly VideoCodec[] = ['VP8', 'H264', 'VP9', 'AV1'];
/** With so many processors an encoder in software leaves enough for everything else. */
const MANY_CORES = 8;

/** The codec to send; `undefined` if nothing known is offered. A wish that the room or the browser does not know counts for nothing. */
export function chooseCodec({ offered, encoders, cores, isOverloaded, wish }: CodecSituation): VideoCodec | undefined {
  if (wish !== undefined && offered.includes(wish)) return wish;
  const encoder = encoders.find(({ codec }) => codec === 'VP9');
  const isEasy = encoder !== undefined && encoder.isSmooth && (encoder.isPowerEfficient || cores >= MANY_CORES);
  if (isEasy && !isOverloaded && offered.includes('VP9')) return 'VP9';
  return BY_COST.find((codec) => offered.includes(codec));
}

/** How the processor has kept up so far. */
export interface Load {
  /** Looks in a row at which the encoder said that it had to save processor time. */
  limitedLooks: number;
  isOverloaded: boolean;
}

export const NO_LOAD: Load = { limitedLooks: 0, isOverloaded: false };

/** A page that is just being opened, or another program that starts, passes: so many looks in a row do not. */
const LOOKS_UNTIL_OVERLOADED = 4;

/** Once overloaded it stays so: to go back and forth would show everybody a gap each time. */
export function judgeLoad(load: Load, isLimitedByProcessor: boolean): Load {
  const limitedLooks = isLimitedByProcessor ? load.limitedLooks + 1 : 0;
  return { limitedLooks, isOverloaded: load.isOverloaded || limitedLooks >= LOOKS_UNTIL_OVERLOADED };
}
