/**
 * Sends one's own microphone and camera over one connection, by bringing the producers in line with the state of LocalMedia.
 *
 * It never opens or stops a device.
 */

import type { types } from 'mediasoup-client';
import type { Log } from '../log';
import { ConveneError, toConveneError } from '../errors';
import { trackOf, type LocalDevice, type LocalMediaState } from '../media/local-media';
import type { DeviceKind } from '../media/devices';
import type { Requester } from '../signaling/requester';

/** Three sizes of the camera picture; the media pod forwards to everybody the one that fits. */
const CAMERA_ENCODINGS: types.RtpEncodingParameters[] = [
  { scaleResolutionDownBy: 4, maxBitrate: 500_000, scalabilityMode: 'L1T3' },
  { scaleResolutionDownBy: 2, maxBitrate: 1_000_000, scalabilityMode: 'L1T3' },
  { scaleResolutionDownBy: 1, maxBitrate: 5_000_000, scalabilityMode: 'L1T3' },
];

const START_BITRATE_KBPS = 1000;

export interface PublisherContext {
  device: types.Device;
  transport: types.Transport;
  signaling: Requester;
  log: Log;
  onError(kind: DeviceKind, error: ConveneError): void;
}

export class Publisher {
  readonly #context: PublisherContext;
  readonly #producers: Record<DeviceKind, types.Producer | undefined> = { microphone: undefined, camera: undefined };
  #wanted: LocalMediaState | undefined;
  #running: Promise<void> | undefined;

  constructor(context: PublisherContext) {
    this.#context = context;
  }

  /** Brings what is sent in line with `wanted`. Calls while one runs are joined to the latest wish. */
  sync(wanted: LocalMediaState): Promise<void> {
    this.#wanted = wanted;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    for (let wanted = this.#take(); wanted !== undefined; wanted = this.#take()) {
      await Promise.all([this.#bring('microphone', wanted.microphone), this.#bring('camera', wanted.camera)]);
    }
  }

  #take(): LocalMediaState | undefined {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    return this.#context.transport.closed ? undefined : wanted;
  }

  async #bring(kind: DeviceKind, device: LocalDevice): Promise<void> {
    try {
      await this.#bringTrack(kind, device);
      this.#bringPause(kind, device.status === 'muted');
    } catch (error) {
      if (this.#context.transport.closed) return;
      this.#context.log.warn(`could not send the ${kind}`, error);
      this.#context.onError(kind, toConveneError(error, 'request-refused'));
    }
  }

  async #bringTrack(kind: DeviceKind, device: LocalDevice): Promise<void> {
    const track = trackOf(device);
    const producer = this.#producers[kind];
    // While another device opens, the old producer stays: its track is replaced in a moment.
    if (device.status === 'opening') return;
    if (track === undefined) this.#close(kind);
    else if (producer === undefined) this.#producers[kind] = await this.#produce(kind, track);
    else if (producer.track !== track) await producer.replaceTrack({ track });
  }

  #bringPause(kind: DeviceKind, isPaused: boolean): void {
    const producer = this.#producers[kind];
    if (producer === undefined || producer.closed || producer.paused === isPaused) return;
    const data = { producerId: producer.id };
    if (isPaused) {
      producer.pause();
      this.#context.signaling.notify('pauseProducer', data);
    } else {
      producer.resume();
      this.#context.signaling.notify('resumeProducer', data);
    }
  }

  #close(kind: DeviceKind): void {
    const producer = this.#producers[kind];
    if (producer === undefined) return;
    this.#producers[kind] = undefined;
    producer.close();
    this.#context.signaling.notify('closeProducer', { producerId: producer.id });
  }

  #produce(kind: DeviceKind, track: MediaStreamTrack): Promise<types.Producer> {
    const { device, transport } = this.#context;
    const mediaKind = kind === 'microphone' ? 'audio' : 'video';
    if (!device.canProduce(mediaKind)) {
      throw new ConveneError('codec-unsupported', `no ${mediaKind} codec is known to both the browser and the server`);
    }
    // Devices belong to LocalMedia: it alone stops and disables tracks.
    const common = { track, stopTracks: false, disableTrackOnPause: false, appData: { source: mediaKind } };
    return transport.produce(kind === 'microphone' ? { ...common, ...MICROPHONE_OPTIONS } : { ...common, ...cameraOptions(device) });
  }
}

const MICROPHONE_OPTIONS: Partial<types.ProducerOptions> = {
  codecOptions: { opusDtx: true, opusFec: true, opusNack: true },
};

/** VP8 simulcast; where VP8 is missing, the first codec both sides know, in one size. */
function cameraOptions(device: types.Device): Partial<types.ProducerOptions> {
  const codecs = device.sendRtpCapabilities.codecs ?? [];
  const codec = codecs.find(({ mimeType }) => mimeType.toLowerCase() === 'video/vp8');
  const codecOptions = { videoGoogleStartBitrate: START_BITRATE_KBPS };
  return codec === undefined ? { codecOptions } : { codec, codecOptions, encodings: CAMERA_ENCODINGS };
}
