/**
 * Publishes the local microphone, camera and screen over one connection, by syncing the producers with the state of LocalMedia.
 *
 * It never opens or stops a device.
 */

import type { types } from 'mediasoup-client';
import type { Source } from '../../../generated/messages';
import type { Log } from '../../log';
import { ConveneError, toConveneError } from '../../errors';
import { isInterrupted, trackOf, type LocalMediaState } from '../../media/local-media';
import type { Requester } from '../../signaling/requester';
import type { CodecPolicy } from '../codecs/codec-policy';
import { producerOptions, sizeOf } from '../codecs/encodings';
import { SEND_KINDS, type SendKind, type SentMedia } from './send-kind';
import { isLimitedByProcessor } from './stats';
import { ArrivalMonitor } from './arrival-monitor';

const SOURCES: Readonly<Record<SendKind, { kind: 'audio' | 'video'; source: Source }>> = {
  microphone: { kind: 'audio', source: 'audio' },
  camera: { kind: 'video', source: 'video' },
  screen: { kind: 'video', source: 'screensharing' },
  screenSound: { kind: 'audio', source: 'screensharing' },
};

/** Codecs cheap to encode: the CPU load is not checked for them. */
const CHEAP: ReadonlySet<string> = new Set(['video/vp8', 'video/h264']);

/** The desired state of one producer. An interrupted device is paused, so that others see it as off. */
interface Wanted {
  track: MediaStreamTrack | undefined;
  isPaused: boolean;
  /** While another device opens, the old producer stays: its track is replaced soon. */
  isOpening: boolean;
}

export interface PublisherContext {
  device: types.Device;
  transport: types.Transport;
  signaling: Requester;
  codecs: CodecPolicy;
  log: Log;
  onError(kind: SendKind, error: ConveneError): void;
}

const PICTURES: readonly SendKind[] = ['camera', 'screen'];
/** How often the CPU load is sampled while an expensive codec is in use. */
const SAMPLE_MS = 5000;

export class Publisher {
  readonly #context: PublisherContext;
  /** Checked for the camera only: a still screen and a silent microphone rightly send nothing. */
  readonly #arrival = new ArrivalMonitor(() => void this.#restartCamera());
  /** The layers that producers shall have, while that is being changed. */
  readonly #limits = new Map<types.Producer, number>();
  /** A limit for a producer that is being created. */
  #early: { producerId: string; spatialLayer: number } | undefined;
  #looking: ReturnType<typeof setInterval> | undefined;
  /** The latest state that was synced. */
  #latest: LocalMediaState | undefined;
  readonly #producers = new Map<SendKind, types.Producer>();
  /** How each producer is encoded, as text. */
  readonly #encodings = new Map<SendKind, string>();
  #wanted: LocalMediaState | undefined;
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();

  constructor(context: PublisherContext) {
    this.#context = context;
  }

  /** Syncs what is sent with `wanted`. Calls during a sync are merged: the latest state wins. */
  sync(wanted: LocalMediaState): Promise<void> {
    this.#wanted = wanted;
    if (!this.#isRunning) this.#running = this.#run();
    return this.#running;
  }

  /** The server's score of a local stream: 0 means that nothing arrives. */
  noteScore(producerId: string, score: number): void {
    if (this.#producers.get('camera')?.id === producerId) this.#arrival.note(score);
  }

  /** The highest layer that is received: higher ones are not encoded. It may arrive before the answer to `produce`. */
  limitLayers(producerId: string, spatialLayer: number): void {
    const producer = [...this.#producers.values()].find(({ id }) => id === producerId);
    if (producer === undefined) this.#early = { producerId, spatialLayer };
    else void this.#limit(producer, spatialLayer);
  }

  /** Statistics of what is sent. */
  async reports(): Promise<SentMedia[]> {
    const open = [...this.#producers].filter(([, producer]) => !producer.closed);
    return Promise.all(open.map(async ([kind, producer]) => ({ kind, report: await producer.getStats() })));
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let wanted = this.#take(); wanted !== undefined; wanted = this.#take()) {
      const state = wanted;
      this.#latest = state;
      await Promise.all(SEND_KINDS.map((kind) => this.#syncKind(kind, wantedOf(state, kind))));
    }
    // In the same turn in which nothing was left to do: a later call must start a new sync.
    this.#isRunning = false;
  }

  #take(): LocalMediaState | undefined {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    return this.#context.transport.closed ? undefined : wanted;
  }

  async #syncKind(kind: SendKind, wanted: Wanted): Promise<void> {
    try {
      await this.#syncTrack(kind, wanted);
      // Mutes immediately, but unmutes only when there is a track.
      if (wanted.isPaused || !wanted.isOpening) this.#syncPause(kind, wanted.isPaused);
    } catch (error) {
      if (this.#context.transport.closed) return;
      this.#context.log.warn(`could not send the ${kind}`, error);
      this.#context.onError(kind, toConveneError(error, 'request-refused'));
    }
  }

  async #syncTrack(kind: SendKind, { track, isOpening }: Wanted): Promise<void> {
    if (isOpening) return;
    // Another camera, or another size of it, needs other layers.
    if (track === undefined || this.#isEncodedOtherwise(kind, track)) this.#close(kind);
    if (track === undefined) return;
    const producer = this.#producers.get(kind);
    if (producer === undefined) this.#keep(kind, await this.#produce(kind, track));
    else if (producer.track !== track) await producer.replaceTrack({ track });
  }

  #keep(kind: SendKind, producer: types.Producer): void {
    this.#producers.set(kind, producer);
    if (this.#early?.producerId === producer.id) void this.#limit(producer, this.#early.spatialLayer);
  }

  /** Not essential: without it, layers are encoded that no participant receives. */
  async #limit(producer: types.Producer, spatialLayer: number): Promise<void> {
    if (producer.closed || producer.kind !== 'video') return;
    const isRunning = this.#limits.has(producer);
    this.#limits.set(producer, spatialLayer);
    // One change at a time: the library compares a new one with the last that has finished.
    if (isRunning) return;
    try {
      await this.#applyLimits(producer);
    } catch (error) {
      this.#context.log.info('could not change the layers that are sent', error);
    } finally {
      this.#limits.delete(producer);
    }
  }

  async #applyLimits(producer: types.Producer): Promise<void> {
    let applied: number | undefined;
    for (let wanted = this.#limits.get(producer); wanted !== undefined && wanted !== applied; wanted = this.#limits.get(producer)) {
      await producer.setMaxSpatialLayer(wanted);
      applied = wanted;
    }
  }

  #isEncodedOtherwise(kind: SendKind, track: MediaStreamTrack): boolean {
    const producer = this.#producers.get(kind);
    if (kind !== 'camera' || producer === undefined || producer.track === track) return false;
    return this.#encodings.get(kind) !== JSON.stringify(this.#optionsFor(kind, track));
  }

  #optionsFor(kind: SendKind, track: MediaStreamTrack): Partial<types.ProducerOptions> {
    const codec = SOURCES[kind].kind === 'video' ? this.#context.codecs.choose(this.#context.device) : undefined;
    return producerOptions(kind, codec, kind === 'camera' ? sizeOf(track) : undefined);
  }

  #syncPause(kind: SendKind, isPaused: boolean): void {
    const producer = this.#producers.get(kind);
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

  #close(kind: SendKind): void {
    const producer = this.#producers.get(kind);
    if (producer === undefined) return;
    this.#producers.delete(kind);
    if (kind === 'camera') this.#arrival.stop();
    producer.close();
    this.#context.signaling.notify('closeProducer', { producerId: producer.id });
  }

  /** While the connection is repaired nothing can arrive; repairs have their own limits. */
  async #restartCamera(): Promise<void> {
    const { transport, log } = this.#context;
    if (transport.closed || this.#producers.get('camera')?.paused !== false || this.#latest === undefined) return;
    // The server reports it once, so it is stored until the consumer exists.
    if (transport.connectionState !== 'connected') {
      this.#arrival.note(0);
      return;
    }
    log.warn('the server receives nothing from the camera: restarting it');
    this.#close('camera');
    await this.sync(this.#wanted ?? this.#latest);
  }

  #produce(kind: SendKind, track: MediaStreamTrack): Promise<types.Producer> {
    const { device, transport } = this.#context;
    const { kind: mediaKind, source } = SOURCES[kind];
    if (!device.canProduce(mediaKind)) {
      throw new ConveneError('codec-unsupported', `the browser and the server have no ${mediaKind} codec in common`);
    }
    // Tracks belong to LocalMedia, which alone stops and disables them.
    const common = { track, stopTracks: false, disableTrackOnPause: false, appData: { source } };
    const options = this.#optionsFor(kind, track);
    if (options.codec !== undefined && !CHEAP.has(options.codec.mimeType.toLowerCase())) this.#look();
    this.#encodings.set(kind, JSON.stringify(options));
    return transport.produce({ ...common, ...options });
  }

  /** Starts sampling whether the CPU keeps up. */
  #look(): void {
    this.#looking ??= setInterval(() => void this.#lookOnce(), SAMPLE_MS);
  }

  async #lookOnce(): Promise<void> {
    const { transport, codecs, log } = this.#context;
    if (transport.closed || codecs.isOverloaded) {
      clearInterval(this.#looking);
      return;
    }
    const sent = await this.reports().catch((): SentMedia[] => []);
    const isLimited = sent.some(({ kind, report }) => PICTURES.includes(kind) && isLimitedByProcessor(report));
    if (!codecs.note(isLimited) || this.#latest === undefined) return;
    log.warn('the CPU does not keep up with the codec: switching to a cheaper one');
    for (const kind of PICTURES) this.#close(kind);
    await this.sync(this.#wanted ?? this.#latest);
  }
}

function wantedOf(local: LocalMediaState, kind: SendKind): Wanted {
  if (kind === 'microphone' || kind === 'camera') {
    const device = local[kind];
    const isOpening = device.status === 'opening';
    const isPaused = isOpening ? device.isMuted : device.status === 'muted' || isInterrupted(device);
    return { track: trackOf(device), isPaused, isOpening };
  }
  const { screen } = local;
  const track = screen.status === 'on' ? (kind === 'screen' ? screen.video : screen.sound) : undefined;
  return { track, isPaused: false, isOpening: false };
}
