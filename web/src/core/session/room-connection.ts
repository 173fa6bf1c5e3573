/**
 * One connection to a room, from its WebSocket to its media: opens, joins, publishes, receives, and ends as a whole.
 *
 * It never reconnects. A session makes a new one instead, and may let the media of the old one run on until then.
 */

import type { types } from 'mediasoup-client';
import { describeBrowser } from '../browser';
import { ConveneError, toConveneError } from '../errors';
import type { Log } from '../log';
import type { DeviceKind } from '../media/devices';
import type { LocalMediaState } from '../media/local-media';
import { Scope } from '../scope';
import {
  decodeJoin,
  decodeNewConsumer,
  decodeNotification,
  decodeRouterCapabilities,
  type KnownNotification,
} from '../signaling/decode';
import type { JsonRecord } from '../signaling/json';
import { ProtooConnection, type SocketFactory } from '../signaling/protoo';
import type { Requester } from '../signaling/requester';
import type { RoomEvent } from './events';
import { createTransport, type TransportContext } from './media-transport';
import { Publisher } from './publisher';
import { Receiver } from './receiver';
import type { ReceivedMedia } from './stats';

export interface RoomConnectionHooks {
  onOpen: () => void;
  onClose: (code: number, reason: string) => void;
  onRoomEvent: (event: RoomEvent) => void;
  onMediaConnected: () => void;
  onMediaBroken: () => void;
  onPublishError: (kind: DeviceKind, error: ConveneError) => void;
}

export interface RoomConnectionOptions {
  url: string;
  displayName: string;
  userAgent: string;
  log: Log;
  hooks: RoomConnectionHooks;
  createDevice: () => Promise<types.Device>;
  openSocket?: SocketFactory;
}

export class RoomConnection {
  readonly #options: RoomConnectionOptions;
  readonly #signaling: ProtooConnection;
  readonly #mending = new Scope();
  readonly #sending = new Scope();
  readonly #receiving = new Scope();
  #hasJoined = false;
  #publisher: Publisher | undefined;
  #receiver: Receiver | undefined;

  constructor(options: RoomConnectionOptions) {
    this.#options = options;
    const { url, log, hooks, openSocket } = options;
    this.#signaling = new ProtooConnection(url, {
      log,
      ...(openSocket === undefined ? {} : { openSocket }),
      handlers: {
        onOpen: () => hooks.onOpen(),
        onClose: (code, reason) => hooks.onClose(code, reason),
        onNotification: (method, data) => this.#receiveNotification(method, data),
        onRequest: (method, data) => this.#receiveRequest(method, data),
      },
    });
  }

  /** The join sequence of the demo protocol. Throws a ConveneError. */
  async join(): Promise<void> {
    const device = await this.#loadDevice();
    const [sendTransport, receiveTransport] = await Promise.all([
      createTransport('producer', this.#transportContext(device, this.#sending)),
      createTransport('consumer', this.#transportContext(device, this.#receiving)),
    ]);
    const { displayName, userAgent, log, hooks } = this.#options;
    this.#receiver = new Receiver(receiveTransport, hooks.onRoomEvent, log);
    this.#publisher = new Publisher({
      device,
      transport: sendTransport,
      signaling: this.#requester,
      log,
      onError: (kind, error) => hooks.onPublishError(kind, error),
    });
    const { peers } = decodeJoin(
      await this.#requester.request('join', {
        displayName,
        device: describeBrowser(userAgent),
        rtpCapabilities: device.recvRtpCapabilities,
      }),
    );
    this.#hasJoined = true;
    hooks.onRoomEvent({ type: 'joined', peers });
  }

  /** Sends what is on, stops sending what is off. Before the join nothing is sent. */
  async publish(local: LocalMediaState): Promise<void> {
    await this.#publisher?.sync(local);
  }

  async reports(): Promise<ReceivedMedia[]> {
    return (await this.#receiver?.reports()) ?? [];
  }

  /** Whether there may be pictures of this connection. */
  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  /** Ends signaling alone: pictures and voices go on for as long as the other side still sends. */
  closeSignaling(): void {
    this.#mending.end();
    this.#signaling.close();
  }

  /** Ends all but what is received: browsers show black for a track whose transport is closed, the last picture otherwise. */
  closeSending(): void {
    this.closeSignaling();
    this.#sending.end();
  }

  close(): void {
    this.closeSending();
    this.#receiving.end();
  }

  get #requester(): Requester {
    return this.#signaling as Requester;
  }

  async #loadDevice(): Promise<types.Device> {
    const answer = decodeRouterCapabilities(await this.#requester.request('getRouterRtpCapabilities', {}));
    try {
      const device = await this.#options.createDevice();
      await device.load({ routerRtpCapabilities: answer.routerRtpCapabilities });
      return device;
    } catch (error) {
      const isUnsupported = error instanceof Error && error.name === 'UnsupportedError';
      throw toConveneError(error, isUnsupported ? 'browser-unsupported' : 'codec-unsupported');
    }
  }

  #transportContext(device: types.Device, scope: Scope): TransportContext {
    const { log, hooks } = this.#options;
    return {
      device,
      signaling: this.#requester,
      scope,
      mending: this.#mending,
      log,
      onConnected: () => hooks.onMediaConnected(),
      onBroken: () => hooks.onMediaBroken(),
    };
  }

  #receiveRequest(method: string, data: JsonRecord): Promise<void> | undefined {
    return method === 'newConsumer' ? this.#addConsumer(data) : undefined;
  }

  async #addConsumer(data: JsonRecord): Promise<void> {
    if (this.#receiver === undefined) throw new ConveneError('request-refused', 'not joined yet');
    await this.#receiver.add(decodeNewConsumer(data));
  }

  #receiveNotification(method: string, data: JsonRecord): void {
    const decoded = decodeNotification(method, data);
    if (decoded.kind === 'known') this.#take(decoded.message);
    else this.#options.log.info(`ignored the ${decoded.kind} notification "${method}"`, data);
  }

  #take({ method, data }: KnownNotification): void {
    const emit = this.#options.hooks.onRoomEvent;
    switch (method) {
      case 'newPeer':
        return emit({ type: 'peerJoined', peer: data.peer });
      case 'peerClosed':
        return emit({ type: 'peerLeft', peerId: data.peerId });
      case 'peerDisplayNameChanged':
        return emit({ type: 'peerRenamed', peerId: data.peerId, displayName: data.displayName });
      case 'consumerPaused':
        return this.#receiver?.setPaused(data.consumerId, true);
      case 'consumerResumed':
        return this.#receiver?.setPaused(data.consumerId, false);
      case 'consumerClosed':
        return this.#receiver?.remove(data.consumerId);
      case 'activeSpeaker':
        return emit({ type: 'activeSpeaker', peerId: data.peerId ?? undefined });
      case 'speakingPeers':
        return emit({ type: 'speakers', volumes: data.peerVolumes });
      case 'mediasoupVersion':
        return this.#options.log.info(`the server runs mediasoup ${data.version}`);
      case 'consumerScore':
      case 'consumerLayersChanged':
      case 'producerScore':
        // Quality figures: read here so that they are known to be well-formed; no view shows them yet.
        return;
    }
  }
}
