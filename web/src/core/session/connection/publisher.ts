/**
 * Publishes the local microphone, camera and screen over one connection, by syncing the streams with the state of LocalMedia. Before the
 * room has admitted this client, they are only negotiated with the browser.
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
import { isMoving } from '../moving/repeat';
import { producerOptions, sizeOf } from '../codecs/encodings';
import { SEND_KINDS, type SendKind, type SentMedia } from './send-kind';
import { isLimited, isLimitedByProcessor } from './stats';
import { ArrivalMonitor } from './arrival-monitor';
import { Outgoing } from './outgoing';

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
/** At least as high as that of any video. */
const TOP_LAYER = 2;
const MOST_RECEIVED = 16;
/** Pause before a request is repeated that a room has refused because it moves. */
const REPEAT_MS = 2000;

export class Publisher {
  readonly #context: PublisherContext;
  /** Checked for the camera only: a still screen and a silent microphone rightly send nothing. */
  readonly #arrival = new ArrivalMonitor(() => void this.#restartCamera());
  /** The layers that producers shall have, while that is being changed. */
  readonly #limits = new Map<types.Producer, number>();
  /** The highest layers that are received, as the server has last said, by producerId; also of streams whose id is not known yet. */
  readonly #received = new Map<string, number>();
  /** Whether only the smallest layer is sent. */
  #isSparing = false;
  /** Whether the room accepts no new streams for good. */
  #isKept = false;
  /** Whether the CPU load says something about this connection alone. */
  #isMeasured = true;
  #repeat: ReturnType<typeof setTimeout> | undefined;
  #looking: ReturnType<typeof setInterval> | undefined;
  /** The latest state that was synced. */
  #latest: LocalMediaState | undefined;
  /** Whether the room accepts streams. */
  #isAdmitted = false;
  readonly #streams = new Map<SendKind, Outgoing>();
  /** How each stream is encoded, as text. */
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

  /**
   * Announces what has been negotiated, without waiting for the answer to the join that was just requested: the server handles one after the
   * other. Streams that it does not accept yet, as in the lobby, are announced again after the admission. All are released by then: encoders
   * that start now would delay what others send.
   */
  announceEarly(): void {
    for (const [kind, stream] of this.#streams) if (this.#isCurrent(kind, stream)) void this.#announceEarly(kind, stream);
  }

  /** Whether the stream is what would be negotiated now: its device is not being replaced, and another codec was not chosen meanwhile. */
  #isCurrent(kind: SendKind, { producer: { track } }: Outgoing): boolean {
    if (this.#latest === undefined || track === null || wantedOf(this.#latest, kind).isOpening) return false;
    return !this.#isEncodedOtherwise(kind, track);
  }

  /** Whether nothing is sent. */
  get isEmpty(): boolean {
    return this.#streams.size === 0;
  }

  /** From now on, the room accepts streams. */
  admit(): void {
    this.#isAdmitted = true;
  }

  /** Whether the processor or the network does not let the browser send a video in the quality that is set. */
  async isShort(): Promise<boolean> {
    const reports = await this.reports();
    return reports.some(({ kind, report }) => PICTURES.includes(kind) && isLimited(report));
  }

  /** The server's score of a local stream: 0 means that nothing arrives. */
  noteScore(producerId: string, score: number): void {
    if (this.#streams.get('camera')?.id === producerId) this.#arrival.note(score);
  }

  /** The highest layer that is received: higher ones are not encoded. It may arrive before the answer to `produce`. */
  limitLayers(producerId: string, spatialLayer: number): void {
    this.#received.delete(producerId);
    this.#received.set(producerId, spatialLayer);
    // There are never as many streams; what a server says of others must not pile up.
    for (const oldest of this.#received.keys()) if (this.#received.size > MOST_RECEIVED) this.#received.delete(oldest);
    const stream = [...this.#streams.values()].find(({ id }) => id === producerId);
    if (stream !== undefined) this.#applyLimit(stream);
  }

  /** Sends only the smallest layer of each video, until it is called again: for a device that has to send everything twice. */
  spare(isSparing: boolean): void {
    if (this.#isSparing === isSparing) return;
    this.#isSparing = isSparing;
    for (const stream of this.#streams.values()) this.#applyLimit(stream);
  }

  /** From now on the room accepts no new streams: those that are sent go on, with other tracks if need be. */
  keep(): void {
    this.#isKept = true;
  }

  /** Sets whether the CPU load counts for the choice of the codec: not while another connection sends the same. */
  measure(isMeasured: boolean): void {
    this.#isMeasured = isMeasured;
  }

  #applyLimit({ producer, id }: Outgoing): void {
    const received = id === undefined ? undefined : this.#received.get(id);
    void this.#limit(producer, this.#isSparing ? 0 : (received ?? TOP_LAYER));
  }

  /** Statistics of what is sent. */
  async reports(): Promise<SentMedia[]> {
    const open = [...this.#streams].filter(([, { producer }]) => !producer.closed);
    return Promise.all(open.map(async ([kind, { producer }]) => ({ kind, report: await producer.getStats() })));
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
      if (wanted.isPaused || !wanted.isOpening) this.#streams.get(kind)?.setPaused(wanted.isPaused);
    } catch (error) {
      if (this.#context.transport.closed || this.#isSentByNext(error)) return;
      if (isMoving(error)) {
        this.#repeatLater();
        return;
      }
      this.#context.log.warn(`could not send the ${kind}`, error);
      this.#context.onError(kind, toConveneError(error, 'request-refused'));
    }
  }

  /** The meeting moves, and this connection was closed before an answer: the next one sends the same. */
  #isSentByNext(error: unknown): boolean {
    return this.#isKept && error instanceof ConveneError && error.code === 'connection-closed';
  }

  /** The meeting moves to another server: either this connection ends soon, or the room accepts streams again. */
  #repeatLater(): void {
    if (this.#repeat !== undefined) return;
    this.#repeat = setTimeout(() => {
      this.#repeat = undefined;
      const wanted = this.#wanted ?? this.#latest;
      if (wanted !== undefined && !this.#context.transport.closed) void this.sync(wanted);
    }, REPEAT_MS);
  }

  async #syncTrack(kind: SendKind, { track, isPaused, isOpening }: Wanted): Promise<void> {
    if (isOpening) return;
    if (track === undefined || this.#isNegotiatedOtherwise(kind, track)) this.#close(kind);
    if (track === undefined) return;
    const stream = this.#streams.get(kind) ?? (await this.#negotiate(kind, track));
    if (stream.producer.track !== track) await stream.producer.replaceTrack({ track });
    // Before the server learns of it: it is announced as paused.
    if (isPaused) stream.setPaused(true);
    if (this.#isAdmitted) await this.#announce(kind, stream);
  }

  async #negotiate(kind: SendKind, track: MediaStreamTrack): Promise<Outgoing> {
    const options = this.#encodingFor(kind, track);
    const isSparing = this.#isSparing;
    const negotiated = { track, source: SOURCES[kind].source, options: isSparing ? withSmallestOf(options) : options, isHeld: !this.#isAdmitted };
    const stream = await Outgoing.negotiate(negotiated, this.#context);
    this.#streams.set(kind, stream);
    // `spare` has not reached it.
    if (isSparing !== this.#isSparing) this.#applyLimit(stream);
    return stream;
  }

  async #announce(kind: SendKind, stream: Outgoing): Promise<void> {
    try {
      await this.#tell(stream);
      await stream.release();
    } catch (error) {
      stream.close();
      this.#streams.delete(kind);
      throw error;
    }
  }

  async #announceEarly(kind: SendKind, stream: Outgoing): Promise<void> {
    try {
      await this.#tell(stream);
    } catch (error) {
      this.#context.log.info(`could not announce the ${kind} with the join`, error);
    }
  }

  /** Announces the stream, and applies a limit that came before the answer. */
  async #tell(stream: Outgoing): Promise<void> {
    const before = stream.id;
    await stream.announce();
    const { id } = stream;
    if (before === undefined && id !== undefined && this.#received.has(id)) this.#applyLimit(stream);
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

  /** Another camera, or another size of it, needs other layers. A track that replaces one of a held stream would be sent at once. */
  #isNegotiatedOtherwise(kind: SendKind, track: MediaStreamTrack): boolean {
    const stream = this.#streams.get(kind);
    if (stream === undefined) return false;
    // Nothing of it has been sent, so a codec that was chosen meanwhile still applies.
    if (stream.id === undefined && this.#isEncodedOtherwise(kind, track)) return true;
    if (stream.producer.track === track || this.#isKept) return false;
    return !this.#isAdmitted || this.#isEncodedOtherwise(kind, track);
  }

  #isEncodedOtherwise(kind: SendKind, track: MediaStreamTrack): boolean {
    return kind === 'camera' && this.#encodings.get(kind) !== JSON.stringify(this.#optionsFor(kind, track));
  }

  #optionsFor(kind: SendKind, track: MediaStreamTrack): Partial<types.ProducerOptions> {
    const codec = SOURCES[kind].kind === 'video' ? this.#context.codecs.choose(this.#context.device) : undefined;
    return producerOptions(kind, codec, kind === 'camera' ? sizeOf(track) : undefined);
  }

  #close(kind: SendKind): void {
    const stream = this.#streams.get(kind);
    if (stream === undefined) return;
    this.#streams.delete(kind);
    if (stream.id !== undefined) this.#received.delete(stream.id);
    if (kind === 'camera') this.#arrival.stop();
    stream.close();
  }

  /** While the connection is repaired nothing can arrive; repairs have their own limits. */
  async #restartCamera(): Promise<void> {
    const { transport, log } = this.#context;
    if (transport.closed || this.#isKept || this.#streams.get('camera')?.producer.paused !== false || this.#latest === undefined) return;
    // The server reports it once, so it is stored until the consumer exists.
    if (transport.connectionState !== 'connected') {
      this.#arrival.note(0);
      return;
    }
    log.warn('the server receives nothing from the camera: restarting it');
    this.#close('camera');
    await this.sync(this.#wanted ?? this.#latest);
  }

  #encodingFor(kind: SendKind, track: MediaStreamTrack): Partial<types.ProducerOptions> {
    const mediaKind = SOURCES[kind].kind;
    if (!this.#context.device.canProduce(mediaKind)) {
      throw new ConveneError('codec-unsupported', `the browser and the server have no ${mediaKind} codec in common`);
    }
    const options = this.#optionsFor(kind, track);
    if (options.codec !== undefined && !CHEAP.has(options.codec.mimeType.toLowerCase())) this.#look();
    this.#encodings.set(kind, JSON.stringify(options));
    return options;
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
    if (!this.#isMeasured || this.#isKept) return;
    const isLimited = sent.some(({ kind, report }) => PICTURES.includes(kind) && isLimitedByProcessor(report));
    if (!codecs.note(isLimited) || this.#latest === undefined) return;
    log.warn('the CPU does not keep up with the codec: switching to a cheaper one');
    for (const kind of PICTURES) this.#close(kind);
    await this.sync(this.#wanted ?? this.#latest);
  }
}

/** The others can be turned on later. */
function withSmallestOf(options: Partial<types.ProducerOptions>): Partial<types.ProducerOptions> {
  if (options.encodings === undefined || options.encodings.length === 1) return options;
  return { ...options, encodings: options.encodings.map((encoding, index) => ({ ...encoding, active: index === 0 })) };
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
