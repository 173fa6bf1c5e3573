// The state of an application of the older dialect, and how notifications change it. It throws where the application's
// own store would.
import type { types } from 'mediasoup-client-2024';
import type { ProtooRequest } from 'protoo-client';

import type { ClientState, Line, SeenPeer } from '../api.ts';
import { fields, listOf, numberOf, textOf } from '../fields.ts';

interface ShownPeer extends SeenPeer {
  readonly consumers: Set<string>;
  readonly dataConsumers: Set<string>;
}

interface ShownConsumer {
  readonly consumer: types.Consumer;
  readonly peerId: string;
  readonly isShare: boolean;
  readonly type: string;
  readonly spatialLayers: number;
  readonly temporalLayers: number;
  readonly element: HTMLMediaElement;
  isRemotelyPaused: boolean;
  spatialLayer: number | null;
  temporalLayer: number | null;
  score: number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** The sender left while its consumer was created. The application throws then too, but nothing is wrong. */
export class PeerLeft extends Error {}

export class RoomState {
  readonly peers = new Map<string, ShownPeer>();
  readonly consumers = new Map<string, ShownConsumer>();
  readonly dataConsumers = new Map<string, types.DataConsumer>();
  readonly lines: Line[] = [];
  #activeSpeaker: string | null = null;

  reset(): void {
    for (const { element } of this.consumers.values()) element.remove();
    this.peers.clear();
    this.consumers.clear();
    this.dataConsumers.clear();
    this.#activeSpeaker = null;
  }

  addPeer(peer: Fields): void {
    const id = textOf(peer, 'id');
    const deviceName = textOf(fields(peer['device'], 'device'), 'name');
    const displayName = textOf(peer, 'displayName');
    this.peers.set(id, { id, displayName, deviceName, consumers: new Set(), dataConsumers: new Set() });
  }

  addConsumer(shown: ShownConsumer): void {
    this.#present(shown.peerId, shown.consumer).consumers.add(shown.consumer.id);
    this.consumers.set(shown.consumer.id, shown);
  }

  addDataConsumer(consumer: types.DataConsumer, peerId: string | null): void {
    if (peerId !== null) this.#present(peerId, consumer).dataConsumers.add(consumer.id);
    this.dataConsumers.set(consumer.id, consumer);
    consumer.on('message', (message: unknown) => {
      if (typeof message === 'string') this.#arrived(consumer, message);
    });
  }

  /** The label tells the kind; the sender of a chat line is the owner of the data consumer. */
  #arrived(consumer: types.DataConsumer, text: string): void {
    if (consumer.label === 'bot') {
      this.lines.push({ from: undefined, text });
      return;
    }
    const sender = [...this.peers.values()].find((peer) => peer.dataConsumers.has(consumer.id));
    if (sender !== undefined) this.lines.push({ from: sender.id, text });
  }

  #present(id: string, consumer: { close(): void }): ShownPeer {
    const peer = this.peers.get(id);
    if (peer !== undefined) return peer;
    consumer.close();
    throw new PeerLeft('the sender left');
  }

  peer(id: string): ShownPeer {
    const peer = this.peers.get(id);
    if (peer === undefined) throw new Error(`peer ${id} is unknown`);
    return peer;
  }

  notified({ method, data }: ProtooRequest): void {
    const given = fields(data, method);
    if (method === 'mediasoup-version') {
      textOf(given, 'version');
    } else if (method === 'newPeer') {
      this.addPeer(given);
    } else if (method === 'peerClosed') {
      this.peers.delete(textOf(given, 'peerId'));
    } else if (method === 'peerDisplayNameChanged') {
      const peer = this.peer(textOf(given, 'peerId'));
      textOf(given, 'oldDisplayName');
      this.peers.set(peer.id, { ...peer, displayName: textOf(given, 'displayName') });
    } else if (method === 'producerScore') {
      textOf(given, 'producerId');
      for (const stream of listOf(given, 'score')) numberOf(fields(stream, 'score'), 'ssrc');
    } else if (method === 'activeSpeaker') {
      const { peerId } = given;
      if (peerId !== null && typeof peerId !== 'string') throw new Error('activeSpeaker: peerId is missing');
      this.#activeSpeaker = peerId;
    } else if (method === 'downlinkBwe') {
      for (const key of ['desiredBitrate', 'effectiveDesiredBitrate', 'availableBitrate']) numberOf(given, key);
    } else if (method === 'dataConsumerClosed') {
      this.#removeDataConsumer(textOf(given, 'dataConsumerId'));
    } else if (/^consumer(Closed|Paused|Resumed|Score|LayersChanged)$/.test(method)) {
      this.#consumerNotified(method, given);
    } // anything else is only logged
  }

  #removeDataConsumer(id: string): void {
    this.dataConsumers.get(id)?.close();
    this.dataConsumers.delete(id);
    for (const peer of this.peers.values()) peer.dataConsumers.delete(id);
  }

  #consumerNotified(method: string, given: Fields): void {
    const id = textOf(given, 'consumerId');
    const shown = this.consumers.get(id);
    if (shown === undefined) return; // it closed meanwhile
    if (method === 'consumerClosed') {
      shown.consumer.close();
      shown.element.remove();
      this.consumers.delete(id);
      this.peers.get(shown.peerId)?.consumers.delete(id); // the peer may be gone already
    } else if (method === 'consumerPaused') {
      shown.isRemotelyPaused = true;
    } else if (method === 'consumerResumed') {
      shown.isRemotelyPaused = false;
    } else if (method === 'consumerScore') {
      const score = fields(given['score'], 'score');
      shown.score = numberOf(score, 'score');
      numberOf(score, 'producerScore');
      listOf(score, 'producerScores');
    } else {
      shown.spatialLayer = layer(given, 'spatialLayer');
      shown.temporalLayer = layer(given, 'temporalLayer');
    }
  }

  state(): Pick<ClientState, 'peers' | 'consumers' | 'dataConsumers' | 'lines' | 'activeSpeaker'> {
    const owner = (id: string): string | undefined => [...this.peers.values()].find((peer) => peer.dataConsumers.has(id))?.id;
    return {
      peers: [...this.peers.values()].map(({ id, displayName, deviceName }) => ({ id, displayName, deviceName })),
      consumers: [...this.consumers.values()].map(({ consumer, isShare, spatialLayer, temporalLayer, ...shown }) => ({
        id: consumer.id,
        producerId: consumer.producerId,
        peerId: shown.peerId,
        kind: consumer.kind,
        source: isShare ? 'screensharing' : consumer.kind,
        type: shown.type,
        spatialLayers: shown.spatialLayers,
        temporalLayers: shown.temporalLayers,
        producerPaused: shown.isRemotelyPaused,
        currentLayers: spatialLayer === null || temporalLayer === null ? undefined : { spatialLayer, temporalLayer },
        score: shown.score,
      })),
      dataConsumers: [...this.dataConsumers].map(([id, consumer]) => ({
        ...{ id, peerId: owner(id), label: consumer.label },
        isOpen: consumer.readyState === 'open',
      })),
      lines: this.lines,
      activeSpeaker: this.#activeSpeaker ?? undefined,
    };
  }
}

/** A number, or null when nothing arrives. */
function layer(given: Fields, key: string): number | null {
  return given[key] === null ? null : numberOf(given, key);
}
