/**
 * Receives other people's media over one connection: one mediasoup consumer for each `newConsumer` of the server.
 *
 * Pauses and closings may overtake the making of a consumer; they are remembered, so that nothing closed comes to life.
 */

import type { types } from 'mediasoup-client';
import type { ConsumerScore, NewConsumer } from '../../../generated/messages';
import type { Log } from '../../log';
import { sourceScoreOf } from '../../signaling/decode';
import type { RoomEvent } from '../events';
import type { ExpectedPicture } from '../pictures/picture-mender';
import { summarizeReceived, type ReceivedMedia } from './stats';

/** A consumer that is being made, or is there. */
interface Slot {
  peerId: string;
  isScreen: boolean;
  consumer: types.Consumer | undefined;
  isPaused: boolean;
  /** Nothing comes from the sender, as the server says. */
  isSenderSilent: boolean;
  /** The server forwards nothing, for want of bandwidth or because it has nothing. */
  hasNoLayers: boolean;
}

export class Receiver {
  readonly #transport: types.Transport;
  readonly #emit: (event: RoomEvent) => void;
  readonly #log: Log;
  readonly #slots = new Map<string, Slot>();

  constructor(transport: types.Transport, emit: (event: RoomEvent) => void, log: Log) {
    this.#transport = transport;
    this.#emit = emit;
    this.#log = log;
  }

  /** Makes the consumer. Only when this is done may the request be answered: then the server lets media flow. */
  async add(offer: NewConsumer): Promise<void> {
    const { consumerId, peerId, producerId, kind, rtpParameters, producerPaused, appData, consumerScore } = offer;
    if (this.#slots.has(consumerId)) return;
    const isScreen = appData.source === 'screensharing';
    const slot: Slot = { peerId, isScreen, consumer: undefined, isPaused: producerPaused, isSenderSilent: false, hasNoLayers: false };
    this.#slots.set(consumerId, slot);
    try {
      // Microphone and camera of a person share a stream id, so the browser keeps lips and voice together.
      const streamId = `${peerId}-${isScreen ? 'screen' : 'person'}`;
      slot.consumer = await this.#transport.consume({ id: consumerId, producerId, kind, rtpParameters, streamId });
    } catch (error) {
      this.#slots.delete(consumerId);
      throw error;
    }
    if (this.#slots.get(consumerId) !== slot) {
      slot.consumer.close();
      return;
    }
    const { track } = slot.consumer;
    const remote = { consumerId, peerId, kind, source: appData.source, track, isPaused: slot.isPaused, sourceScore: sourceScoreOf(consumerScore) };
    this.#emit({ type: 'trackAdded', remote });
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

  /** The pictures that their senders do not hold back. */
  pictures(): ExpectedPicture[] {
    return [...this.#slots].flatMap(([consumerId, { consumer, isPaused, isScreen, isSenderSilent, hasNoLayers }]) =>
      consumer?.kind !== 'video' || consumer.closed || isPaused ? [] : [{ consumerId, isScreen, isWithheld: isSenderSilent || hasNoLayers }],
    );
  }

  /** How many frames each of these has shown so far. */
  async frames(consumerIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const wanted = new Set(consumerIds);
    const reports = await this.#reportsOf(({ id }) => wanted.has(id));
    return new Map(reports.map((media) => [media.consumerId, summarizeReceived(media).framesDecoded]));
  }

  /** What has arrived so far, for statistics. */
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
          this.#log.info('no statistics for a consumer that just closed', error);
          return [];
        }
      }),
    );
    return reports.flat();
  }

  has(consumerId: string): boolean {
    return this.#slots.has(consumerId);
  }
}
