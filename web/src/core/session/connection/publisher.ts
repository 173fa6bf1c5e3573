/**
 * Sends one's own microphone, camera and screen over one connection, by bringing the producers in line with the state of LocalMedia.
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
import { producerOptions } from '../codecs/encodings';
import { SEND_KINDS, type SendKind, type SentMedia } from './send-kind';
import { isLimitedByProcessor } from './stats';
import { Unheard } from './unheard';

const SOURCES: Readonly<Record<SendKind, { kind: 'audio' | 'video'; source: Source }>> = {
  microphone: { kind: 'audio', source: 'audio' },
  camera: { kind: 'video', source: 'video' },
  screen: { kind: 'video', source: 'screensharing' },
  screenSound: { kind: 'audio', source: 'screensharing' },
};

/** What is sent where nothing better is known: there is nothing to look after. */
const CHEAP: ReadonlySet<string> = new Set(['video/vp8', 'video/h264']);

/** What is to be sent of one kind. What the system lets nothing through of is paused: others see that nothing comes. */
interface Wanted {
  track: MediaStreamTrack | undefined;
  isPaused: boolean;
  /** While another device opens, the old producer stays: its track is replaced in a moment. */
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
/** How often the encoders are looked at while they do more than they must. */
const LOOK_MS = 5000;

export class Publisher {
  readonly #context: PublisherContext;
  /** The camera alone: what does not move or make a noise is rightly not sent. */
  readonly #unseen = new Unheard(() => void this.#sendCameraAnew());
  #looking: ReturnType<typeof setInterval> | undefined;
  /** The latest wish that was carried out. */
  #latest: LocalMediaState | undefined;
  readonly #producers = new Map<SendKind, types.Producer>();
  #wanted: LocalMediaState | undefined;
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();

  constructor(context: PublisherContext) {
    this.#context = context;
  }

  /** Brings what is sent in line with `wanted`. Calls while one runs are joined to the latest wish. */
  sync(wanted: LocalMediaState): Promise<void> {
    this.#wanted = wanted;
    if (!this.#isRunning) this.#running = this.#run();
    return this.#running;
  }

  /** What the server says of a stream of ours: 0 for one of which nothing arrives. */
  noteScore(producerId: string, score: number): void {
    if (this.#producers.get('camera')?.id === producerId) this.#unseen.note(score);
  }

  /** What has been sent so far, for statistics. */
  async reports(): Promise<SentMedia[]> {
    const open = [...this.#producers].filter(([, producer]) => !producer.closed);
    return Promise.all(open.map(async ([kind, producer]) => ({ kind, report: await producer.getStats() })));
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let wanted = this.#take(); wanted !== undefined; wanted = this.#take()) {
      const state = wanted;
      this.#latest = state;
      await Promise.all(SEND_KINDS.map((kind) => this.#bring(kind, wantedOf(state, kind))));
    }
    // In the same turn in which nothing more was wanted: a wish that comes later is not to be taken for one that is looked after.
    this.#isRunning = false;
  }

  #take(): LocalMediaState | undefined {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    return this.#context.transport.closed ? undefined : wanted;
  }

  async #bring(kind: SendKind, wanted: Wanted): Promise<void> {
    try {
      await this.#bringTrack(kind, wanted);
      // Muting is for at once, unmuting for when there is something to hear.
      if (wanted.isPaused || !wanted.isOpening) this.#bringPause(kind, wanted.isPaused);
    } catch (error) {
      if (this.#context.transport.closed) return;
      this.#context.log.warn(`could not send the ${kind}`, error);
      this.#context.onError(kind, toConveneError(error, 'request-refused'));
    }
  }

  async #bringTrack(kind: SendKind, { track, isOpening }: Wanted): Promise<void> {
    if (isOpening) return;
    const producer = this.#producers.get(kind);
    if (track === undefined) this.#close(kind);
    else if (producer === undefined) this.#producers.set(kind, await this.#produce(kind, track));
    else if (producer.track !== track) await producer.replaceTrack({ track });
  }

  #bringPause(kind: SendKind, isPaused: boolean): void {
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
    if (kind === 'camera') this.#unseen.stop();
    producer.close();
    this.#context.signaling.notify('closeProducer', { producerId: producer.id });
  }

  /** While the connection is mended nothing can arrive; that has its own limits. */
  async #sendCameraAnew(): Promise<void> {
    const { transport, log } = this.#context;
    if (transport.closed || this.#producers.get('camera')?.paused !== false || this.#latest === undefined) return;
    // The server says it once, so it has to be remembered until then.
    if (transport.connectionState !== 'connected') {
      this.#unseen.note(0);
      return;
    }
    log.warn('nothing of the camera arrives at the server: it is sent anew');
    this.#close('camera');
    await this.sync(this.#wanted ?? this.#latest);
  }

  #produce(kind: SendKind, track: MediaStreamTrack): Promise<types.Producer> {
    const { device, transport } = this.#context;
    const { kind: mediaKind, source } = SOURCES[kind];
    if (!device.canProduce(mediaKind)) {
      throw new ConveneError('codec-unsupported', `no ${mediaKind} codec is known to both the browser and the server`);
    }
    // Devices belong to LocalMedia: it alone stops and disables tracks.
    const common = { track, stopTracks: false, disableTrackOnPause: false, appData: { source } };
    const codec = mediaKind === 'video' ? this.#context.codecs.choose(device) : undefined;
    if (codec !== undefined && !CHEAP.has(codec.mimeType.toLowerCase())) this.#look();
    return transport.produce({ ...common, ...producerOptions(kind, codec) });
  }

  /** Looks from now on whether the processor keeps up with what is sent. */
  #look(): void {
    this.#looking ??= setInterval(() => void this.#lookOnce(), LOOK_MS);
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
    log.warn('the processor does not keep up with the codec: pictures are sent in one that costs less');
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
