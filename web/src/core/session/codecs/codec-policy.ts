/**
 * Remembers this device's encoders and CPU load for the whole stay in a meeting, so that a new connection does not
 * retry what was too much before.
 *
 * It queries the browser once and decides nothing; `codec-choice` does.
 */

import type { types } from 'mediasoup-client';
import { chooseCodec, updateLoad, NO_LOAD, VIDEO_CODECS, type Encoder, type Load, type VideoCodec } from './codec-choice';

/** The configuration that encoders are queried for: the usual camera video. */
const PICTURE = { width: 1280, height: 720, bitrate: 1_500_000, framerate: 30 };

export interface CodecEnvironment {
  cores: number;
  /** `undefined` where the browser lacks Media Capabilities. */
  encodingInfo: ((configuration: MediaEncodingConfiguration) => Promise<MediaCapabilitiesEncodingInfo>) | undefined;
}

export class CodecPolicy {
  readonly #cores: number;
  readonly #preferred: () => VideoCodec | undefined;
  #encoders: Encoder[] = [];
  #load: Load = NO_LOAD;

  constructor(environment: CodecEnvironment, preferred: () => VideoCodec | undefined) {
    this.#cores = environment.cores;
    this.#preferred = preferred;
    void this.#learn(environment);
  }

  /** Whether the CPU could not keep up. */
  get isOverloaded(): boolean {
    return this.#load.isOverloaded;
  }

  /** The codec to send, as negotiated by room and browser. Does not wait for the browser's answers. */
  choose(device: types.Device): types.RtpCodecCapability | undefined {
    const codecs = device.sendRtpCapabilities.codecs ?? [];
    const offered = VIDEO_CODECS.filter((codec) => find(codecs, codec) !== undefined);
    const situation = { offered, encoders: this.#encoders, cores: this.#cores, isOverloaded: this.isOverloaded, preferred: this.#preferred() };
    const chosen = chooseCodec(situation);
    return chosen === undefined ? undefined : find(codecs, chosen);
  }

  /** Records one sample. Returns whether to switch to a cheaper codec now. */
  note(isLimitedByProcessor: boolean): boolean {
    const before = this.isOverloaded;
    this.#load = updateLoad(this.#load, isLimitedByProcessor);
    return this.isOverloaded && !before && this.#preferred() === undefined;
  }

  async #learn({ encodingInfo }: CodecEnvironment): Promise<void> {
    if (encodingInfo === undefined) return;
    const asked = VIDEO_CODECS.map(async (codec): Promise<Encoder> => {
      const video = { ...PICTURE, contentType: `video/${codec}` };
      const { supported, smooth, powerEfficient } = await encodingInfo({ type: 'webrtc', video });
      return { codec, isSmooth: supported && smooth, isPowerEfficient: supported && powerEfficient };
    });
    const answers = await Promise.allSettled(asked);
    this.#encoders = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }
}

/** VP9 and H264 have profiles; every browser supports the first one listed. */
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
