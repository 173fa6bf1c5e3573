/**
 * What is known of this device's encoders and how they keep up, for as long as somebody is in a meeting: a connection that is made anew
 * does not try again what was too much before.
 *
 * It asks the browser once and decides nothing by itself; `codec-choice` does.
 */

import type { types } from 'mediasoup-client';
import { chooseCodec, judgeLoad, NO_LOAD, VIDEO_CODECS, type Encoder, type Load, type VideoCodec } from './codec-choice';

/** What the encoders are asked about: the picture that most people send. */
const PICTURE = { width: 1280, height: 720, bitrate: 1_500_000, framerate: 30 };

export interface CodecEnvironment {
  cores: number;
  /** `undefined` where the browser cannot tell. */
  encodingInfo: ((configuration: MediaEncodingConfiguration) => Promise<MediaCapabilitiesEncodingInfo>) | undefined;
}

export class CodecPolicy {
  readonly #cores: number;
  readonly #wish: () => VideoCodec | undefined;
  #encoders: Encoder[] = [];
  #load: Load = NO_LOAD;

  constructor(environment: CodecEnvironment, wish: () => VideoCodec | undefined) {
    this.#cores = environment.cores;
    this.#wish = wish;
    void this.#learn(environment);
  }

  /** Whether the processor has not kept up. */
  get isOverloaded(): boolean {
    return this.#load.isOverloaded;
  }

  /** The codec to send in, as the room and the browser agreed on it. What the browser has not told yet is not waited for. */
  choose(device: types.Device): types.RtpCodecCapability | undefined {
    const codecs = device.sendRtpCapabilities.codecs ?? [];
    const offered = VIDEO_CODECS.filter((codec) => find(codecs, codec) !== undefined);
    const situation = { offered, encoders: this.#encoders, cores: this.#cores, isOverloaded: this.isOverloaded, wish: this.#wish() };
    const chosen = chooseCodec(situation);
    return chosen === undefined ? undefined : find(codecs, chosen);
  }

  /** Notes one look at the encoders. Returns whether this is the moment to send something that costs less. */
  note(isLimitedByProcessor: boolean): boolean {
    const before = this.isOverloaded;
    this.#load = judgeLoad(this.#load, isLimitedByProcessor);
    return this.isOverloaded && !before && this.#wish() === undefined;
  }

  async #learn({ encodingInfo }: CodecEnvironment): Promise<void> {
    if (encodingInfo === undefined) return;
    const asked = VIDEO_CODECS.map(async (codec): Promise<Encoder> => {
      const video = { ...PICTURE, contentType: `video/${codec}` };
      const { supported, smooth, powerEfficient } = await encodingInfo({ type: 'webrtc', video });
      return { codec, isSmooth: supported && smooth, isPowerEfficient: supported && powerEfficient };
    });
    const told = await Promise.allSettled(asked);
    this.#encoders = told.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }
}

/** VP9 and H264 have profiles, of which every browser knows the first that is listed. */
function find(codecs: readonly types.RtpCodecCapability[], codec: VideoCodec): types.RtpCodecCapability | undefined {
  return codecs.find(({ mimeType }) => mimeType.toLowerCase() === `video/${codec.toLowerCase()}`);
}

export function browserCodecEnvironment(): CodecEnvironment {
  const browser = (globalThis as { navigator?: Partial<Navigator> }).navigator;
  const capabilities = browser?.mediaCapabilities;
  return {
    cores: browser?.hardwareConcurrency ?? 1,
    encodingInfo: capabilities === undefined ? undefined : (configuration) => capabilities.encodingInfo(configuration),
  };
}
