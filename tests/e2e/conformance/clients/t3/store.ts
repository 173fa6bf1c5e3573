// The state of an application of the newer dialect, and how notifications change it. It throws where the application's
// own store would.
import type { types } from 'mediasoup-client';
import type { ProtooRequest } from 'protoo-client';

import type { ClientState, Line, SeenPeer, Source } from '../api.ts';
import { fields, listOf, numberOf, textOf } from '../fields.ts';

export interface Consuming {
  readonly consumer: types.Consumer;
  readonly peerId: string;
  readonly source: Source;
  readonly type: string;
  readonly spatialLayers: number;
  readonly temporalLayers: number;
  readonly element: HTMLMediaElement;
  producerPaused: boolean;
  currentLayers: { spatialLayer: number; temporalLayer: number } | undefined;
  score: number | undefined;
}

interface ConsumingData {
  readonly consumer: types.DataConsumer;
  readonly peerId: string | undefined;
  readonly channel: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** The sender left while its consumer was queued. The application throws then too, but nothing is wrong. */
export class SenderLeft extends Error {}

export class Store {
  readonly peers = new Map<string, SeenPeer>();
  readonly consumers = new Map<string, Consuming>();
  readonly dataConsumers = new Map<string, ConsumingData>();
  readonly lines: Line[] = [];
  #activeSpeaker: string | undefined;

  clear(): void {
    for (const { element } of this.consumers.values()) element.remove();
    for (const all of [this.peers, this.consumers, this.dataConsumers]) all.clear();
    this.#activeSpeaker = undefined;
  }

  meet(peer: unknown): void {
    const given = fields(peer, 'peer');
    const id = textOf(given, 'peerId');
    const device = fields(given['device'], 'device');
    if (typeof given['remoteAddress'] !== 'string') throw new Error('remoteAddress is missing');
    this.peers.set(id, { id, displayName: textOf(given, 'displayName'), deviceName: textOf(device, 'name') });
  }

  /** A consumer of an unknown peer cannot be shown. */
  addConsumer(consuming: Consuming): void {
    if (!this.peers.has(consuming.peerId)) throw leftBefore(consuming);
    this.consumers.set(consuming.consumer.id, consuming);
  }

  addDataConsumer(consuming: ConsumingData): void {
    const { consumer, peerId, channel } = consuming;
    if (channel !== 'bot' && !this.peers.has(peerId ?? '')) throw leftBefore(consuming);
    this.dataConsumers.set(consumer.id, consuming);
    consumer.on('message', (message) => {
      if (typeof message === 'string') this.lines.push({ from: channel === 'bot' ? undefined : peerId, text: message });
    });
  }

  /** When an offer arrives, its sender must be known; the bot is not a peer. */
  mustKnowSenderOf(offer: unknown): void {
    const { peerId } = fields(offer, 'the offer');
    if (peerId !== undefined && peerId !== null) this.#mustKnow(String(peerId));
  }

  #mustKnow(peerId: string | undefined): SeenPeer {
    const peer = this.peers.get(peerId ?? '');
    if (peer === undefined) throw new Error(`peer ${String(peerId)} is unknown`);
    return peer;
  }

  onNotification({ method, data }: ProtooRequest): void {
    const given = fields(data, method);
    switch (method) {
      case 'mediasoupVersion':
        textOf(given, 'version');
        break;
      case 'newPeer':
        this.meet(given['peer']);
        break;
      case 'peerClosed':
        this.peers.delete(textOf(given, 'peerId'));
        break;
      case 'peerDisplayNameChanged': {
        const peer = this.#mustKnow(textOf(given, 'peerId'));
        textOf(given, 'oldDisplayName');
        this.peers.set(peer.id, { ...peer, displayName: textOf(given, 'displayName') });
        break;
      }
      case 'producerScore':
        this.#producerScore(textOf(given, 'producerId'), listOf(given, 'score'));
        break;
      case 'activeSpeaker':
        this.#activeSpeaker = given['peerId'] === undefined || given['peerId'] === null ? undefined : textOf(given, 'peerId');
        break;
      case 'speakingPeers':
        for (const one of listOf(given, 'peerVolumes')) {
          const { peerId, volume } = fields(one, 'peerVolumes');
          if (typeof peerId !== 'string' || typeof volume !== 'number') throw new Error('a volume without a peer');
        }
        break;
      case 'dataConsumerClosed':
        this.dataConsumers.get(textOf(given, 'dataConsumerId'))?.consumer.close();
        this.dataConsumers.delete(textOf(given, 'dataConsumerId'));
        break;
      case 'downlinkBwe':
        for (const key of ['desiredBitrate', 'effectiveDesiredBitrate', 'availableBitrate']) numberOf(given, key);
        break;
      default:
        this.#toldOfConsumer(method, given);
    }
  }

  #producerScore(_producerId: string, score: readonly unknown[]): void {
    for (const one of score) numberOf(fields(one, 'score'), 'score');
  }

  #toldOfConsumer(method: string, given: Fields): void {
    const known = ['consumerClosed', 'consumerPaused', 'consumerResumed', 'consumerScore', 'consumerLayersChanged'];
    if (!known.includes(method)) return; // the application logs "unknown notification"
    const id = textOf(given, 'consumerId');
    const consuming = this.consumers.get(id);
    if (consuming === undefined) return; // crossed with a close
    switch (method) {
      case 'consumerClosed':
        consuming.consumer.close();
        consuming.element.remove();
        this.consumers.delete(id);
        break;
      case 'consumerPaused':
      case 'consumerResumed':
        consuming.producerPaused = method === 'consumerPaused';
        break;
      case 'consumerScore':
        consuming.score = numberOf(fields(given['score'], 'score'), 'score');
        break;
      default: {
        const layers = given['layers'] === undefined || given['layers'] === null ? undefined : fields(given['layers'], 'layers');
        consuming.currentLayers =
          layers === undefined ? undefined : { spatialLayer: numberOf(layers, 'spatialLayer'), temporalLayer: numberOf(layers, 'temporalLayer') };
      }
    }
  }

  state(): Pick<ClientState, 'peers' | 'consumers' | 'dataConsumers' | 'lines' | 'activeSpeaker'> {
    return {
      peers: [...this.peers.values()],
      consumers: [...this.consumers.values()].map(({ consumer, element, ...seen }) => ({
        ...seen,
        id: consumer.id,
        producerId: consumer.producerId,
        kind: consumer.kind,
      })),
      dataConsumers: [...this.dataConsumers].map(([id, { consumer, peerId, channel }]) => ({
        ...{ id, peerId, label: channel },
        isOpen: consumer.readyState === 'open',
      })),
      lines: this.lines,
      activeSpeaker: this.#activeSpeaker,
    };
  }
}

function leftBefore({ consumer }: { readonly consumer: { close(): void } }): SenderLeft {
  consumer.close();
  return new SenderLeft('the sender left');
}
