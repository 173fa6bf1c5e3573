/**
 * Receives remote media over one connection: one mediasoup consumer for each `newConsumer` of the server.
 *
 * Pauses and closes may arrive before a consumer is created; they are stored, so that a closed consumer is never announced.
 */

import type { types } from 'mediasoup-client';
import type { ConsumerScore, NewConsumer } from '../../../generated/messages';
import { afterMessages } from '../../after-messages';
import type { Log } from '../../log';
import { sourceScoreOf } from '../../signaling/decode';
import type { RoomEvent } from '../events';
import type { ExpectedVideo } from '../video/video-repair';
import { summarizeReceived, type ReceivedMedia } from './stats';

/** A consumer that exists or is being created. */
interface Slot {
  peerId: string;
  isScreen: boolean;
  consumer: types.Consumer | undefined;
  isPaused: boolean;
  /** The server receives nothing from the sender. */
  isSenderSilent: boolean;
  /** The server forwards nothing: it has no bandwidth for it, or receives nothing. */
  hasNoLayers: boolean;
}

/** Offers that are not taken after this long no longer delay what is sent. */
const OFFERS_MS = 300;

const nextTask = (): Promise<void> => new Promise(afterMessages);

export class Receiver {
  readonly #transport: types.Transport;
  readonly #emit: (event: RoomEvent) => void;
  readonly #log: Log;
  readonly #slots = new Map<string, Slot>();
  /** Offers that are being taken. */
  readonly #taking = new Set<Promise<unknown>>();
  #noteOffer: () => void = () => undefined;
  readonly #firstOffer = new Promise<void>((resolve) => (this.#noteOffer = resolve));
  /** Resolves when the offers that have arrived are known. */
  #gathering: Promise<void> | undefined;

  constructor(transport: types.Transport, emit: (event: RoomEvent) => void, log: Log) {
    this.#transport = transport;
    this.#emit = emit;
    this.#log = log;
  }

  /** Creates the consumer. The request must be answered only after this: then the server starts sending media. */
  async add(offer: NewConsumer): Promise<void> {
    const { consumerId, peerId, producerId, kind, rtpParameters, producerPaused, appData, consumerScore } = offer;
    if (this.#slots.has(consumerId)) return;
    const isScreen = appData.source === 'screensharing';
    const slot: Slot = { peerId, isScreen, consumer: undefined, isPaused: producerPaused, isSenderSilent: false, hasNoLayers: false };
    this.#slots.set(consumerId, slot);
    try {
      // Microphone and camera of a participant share a stream id, so that the browser keeps them in sync.
      const streamId = `${peerId}-${isScreen ? 'screen' : 'person'}`;
      slot.consumer = await this.#take({ id: consumerId, producerId, kind, rtpParameters, streamId });
    } catch (error) {
      this.#slots.delete(consumerId);
      throw error;
    }
    if (this.#slots.get(consumerId) !== slot) {
      slot.consumer.close();
      return;
    }
    const { track, rtpReceiver } = slot.consumer;
    // The browser names a source once something of it is played.
    const hasArrived = (): boolean => (rtpReceiver?.getSynchronizationSources().length ?? 0) > 0;
    const remote = { consumerId, peerId, kind, source: appData.source, track, hasArrived, isPaused: slot.isPaused };
    this.#emit({ type: 'trackAdded', remote: { ...remote, sourceScore: sourceScoreOf(consumerScore) } });
  }

  /** Resolves once no offer is being taken, after the first one if some are expected; after a while in any case. */
  async settled({ isExpecting }: { isExpecting: boolean }): Promise<void> {
    const late = new Promise((resolve) => setTimeout(resolve, OFFERS_MS));
    await Promise.race([late, this.#taken(isExpecting)]);
  }

  async #taken(isExpecting: boolean): Promise<void> {
    if (isExpecting) await this.#firstOffer;
    await nextTask();
    await Promise.allSettled(this.#taking);
  }

  /** Offers that arrived together are negotiated together: the library takes those of one task. */
  async #take(options: types.ConsumerOptions): Promise<types.Consumer> {
    this.#gathering ??= nextTask().finally(() => (this.#gathering = undefined));
    const taking = this.#gathering.then(() => this.#transport.consume(options));
    this.#taking.add(taking);
    this.#noteOffer();
    try {
      return await taking;
    } finally {
      this.#taking.delete(taking);
    }
  }

  setPaused(consumerId: string, isPaused: boolean): void {
    const slot = this.#slots.get(consumerId);
    if (slot === undefined) return;
    slot.isPaused = isPaused;
    if (slot.consumer !== undefined) this.#emit({ type: 'trackPaused', consumerId, isPaused });
  }

  remove(consumerId: string): void {
    const slot = this.#slots.get(consumerId);
    if (slot === undefined) return;
    this.#slots.delete(consumerId);
    slot.consumer?.close();
    this.#emit({ type: 'trackRemoved', consumerId });
  }

  noteScore(consumerId: string, { producerScores }: Partial<ConsumerScore>): void {
    const slot = this.#slots.get(consumerId);
    if (slot !== undefined) slot.isSenderSilent = Array.isArray(producerScores) && producerScores.length > 0 && producerScores.every((score) => score === 0);
  }

  noteLayers(consumerId: string, hasLayers: boolean): void {
    const slot = this.#slots.get(consumerId);
    if (slot !== undefined) slot.hasNoLayers = !hasLayers;
  }

  /** Videos that their senders have not paused. */
  pictures(): ExpectedVideo[] {
    return [...this.#slots].flatMap(([consumerId, { consumer, isPaused, isScreen, isSenderSilent, hasNoLayers }]) =>
      consumer?.kind !== 'video' || consumer.closed || isPaused ? [] : [{ consumerId, isScreen, isWithheld: isSenderSilent || hasNoLayers }],
    );
  }

  /** Decoded frames of each consumer so far. */
  async frames(consumerIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const wanted = new Set(consumerIds);
    const reports = await this.#reportsOf(({ id }) => wanted.has(id));
    return new Map(reports.map((media) => [media.consumerId, summarizeReceived(media).framesDecoded]));
  }

  /** Statistics of what is received. */
  reports(): Promise<ReceivedMedia[]> {
    return this.#reportsOf(() => true);
  }

  async #reportsOf(isWanted: (consumer: types.Consumer) => boolean): Promise<ReceivedMedia[]> {
    const consumers = [...this.#slots.values()].flatMap(({ peerId, consumer }) =>
      consumer === undefined || consumer.closed || !isWanted(consumer) ? [] : [{ peerId, consumer }],
    );
    const reports = await Promise.all(
      consumers.map(async ({ peerId, consumer }) => {
        try {
          return [{ peerId, consumerId: consumer.id, kind: consumer.kind, report: await consumer.getStats() }];
        } catch (error) {
          this.#log.info('could not get the statistics of a consumer: it has just closed', error);
          return [];
        }
      }),
    );
    return reports.flat();
  }

  /** Whether nothing is received. */
  get isEmpty(): boolean {
    return this.#slots.size === 0;
  }

  has(consumerId: string): boolean {
    return this.#slots.has(consumerId);
  }
}
