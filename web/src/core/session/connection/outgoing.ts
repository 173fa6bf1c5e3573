/**
 * One stream to the server: first negotiated with the browser, then announced to the server. A stream that is held sends nothing until it
 * is released, so it can be negotiated before its user joins.
 *
 * It decides nothing, and never stops or disables its track.
 */

import type { types } from 'mediasoup-client';
import type { Source } from '../../../generated/messages';
import { decodeProduce } from '../../signaling/decode';
import type { Requester } from '../../signaling/requester';

export interface OutgoingContext {
  transport: types.Transport;
  signaling: Requester;
}

export interface Negotiated {
  track: MediaStreamTrack;
  source: Source;
  options: Partial<types.ProducerOptions>;
  isHeld: boolean;
}

export class Outgoing {
  readonly producer: types.Producer;
  readonly #context: OutgoingContext;
  #isHeld: boolean;
  #id: string | undefined;
  #announcing: Promise<void> | undefined;

  private constructor(producer: types.Producer, isHeld: boolean, context: OutgoingContext) {
    this.producer = producer;
    this.#isHeld = isHeld;
    this.#context = context;
  }

  static async negotiate({ track, source, options, isHeld }: Negotiated, context: OutgoingContext): Promise<Outgoing> {
    // Tracks belong to LocalMedia, which alone stops and disables them.
    const common = { track, stopTracks: false, disableTrackOnPause: false, appData: { source } };
    // A sender without a track is negotiated as one with it. Called before the browser negotiates.
    const onRtpSender = (sender: RTCRtpSender): void => void sender.replaceTrack(null);
    const producer = await context.transport.produce({ ...common, ...options, ...(isHeld ? { onRtpSender } : {}) });
    return new Outgoing(producer, isHeld, context);
  }

  /** The server's id; undefined until it has answered. */
  get id(): string | undefined {
    return this.#id;
  }

  /** Tells the server of the stream, once. Throws if the server refuses it, and may be called again then. */
  announce(): Promise<void> {
    if (this.#id !== undefined) return Promise.resolve();
    this.#announcing ??= this.#announce().finally(() => (this.#announcing = undefined));
    return this.#announcing;
  }

  /** The server is notified now, or with the announcement. */
  setPaused(isPaused: boolean): void {
    if (this.producer.closed || this.producer.paused === isPaused) return;
    if (isPaused) this.producer.pause();
    else this.producer.resume();
    this.#notify(isPaused ? 'pauseProducer' : 'resumeProducer');
  }

  close(): void {
    this.producer.close();
    this.#notify('closeProducer');
  }

  /** Lets the media flow. */
  async release(): Promise<void> {
    if (!this.#isHeld || this.producer.closed) return;
    this.#isHeld = false;
    await this.producer.rtpSender?.replaceTrack(this.producer.track);
  }

  async #announce(): Promise<void> {
    const { transport, signaling } = this.#context;
    const { kind, rtpParameters, appData } = this.producer;
    const data = { transportId: transport.id, kind, rtpParameters, appData: { source: appData['source'] as Source } };
    const startsPaused = this.producer.paused;
    this.#id = decodeProduce(await signaling.request('produce', startsPaused ? { ...data, paused: true } : data)).producerId;
    if (this.producer.closed) this.#notify('closeProducer');
    // Also if it starts paused: older servers do not know that.
    else if (this.producer.paused) this.#notify('pauseProducer');
    else if (startsPaused) this.#notify('resumeProducer');
  }

  #notify(method: 'pauseProducer' | 'resumeProducer' | 'closeProducer'): void {
    if (this.#id !== undefined) this.#context.signaling.notify(method, { producerId: this.#id });
  }
}
