/**
 * The part of a connection that a join needs before its request: signaling, device and both media transports.
 *
 * It never joins, sends or receives media, and knows no room. Its user can change: a preparation hands it to a session.
 */

import type { types } from 'mediasoup-client';
import type { Direction } from '../../../generated/messages';
import { ConveneError, toConveneError } from '../../errors';
import type { Log } from '../../log';
import { Scope } from '../../scope';
import { decodeRouterCapabilities } from '../../signaling/decode';
import type { JsonRecord } from '../../signaling/json';
import { openBrowserSocket, ProtooConnection, type SocketFactory } from '../../signaling/protoo';
import type { Requester, RoomRequests } from '../../signaling/requester';
import { ResumableSocket } from '../../signaling/resumable-socket';
import type { CodecPolicy } from '../codecs/codec-policy';
import type { JoinTimeline } from '../timeline';
import { LEFTOVERS_MS } from './renewal';
import { connectEarly, createTransport, type RepairedTransport, type TransportContext } from './media-transport';
import { Publisher } from './publisher';
import type { SendKind } from './send-kind';
import { withMoves, withPreparation, subprotocolsOf, type Route, type RouteFinder } from './route';

export interface LinkUser {
  onOpen: () => void;
  /** The pod has greeted the first socket; tells whether it keeps this connection prepared, without entering the room. */
  onGreeting: (isPrepared: boolean) => void;
  onClose: (code: number, reason: string) => void;
  /** Called when signaling has been down for a noticeable time and may resume, and when it has resumed. */
  onCut: (isDisconnected: boolean) => void;
  onNotification: (method: string, data: JsonRecord) => void;
  onRequest: (method: string, data: JsonRecord) => Promise<void> | undefined;
  onMediaConnected: (direction: Direction) => void;
  /** Called when media of a direction is interrupted and being repaired. */
  onMediaRepairing: (direction: Direction) => void;
  onMediaBroken: () => void;
  onPublishError: (kind: SendKind, error: ConveneError) => void;
  /** Whether signaling that was closed with this code is worth resuming; by default it is. */
  mayResume?: (code: number) => boolean;
}

/** Round trips from here on are worth saving even if the browser has more to do at once, in milliseconds. */
const FAR_MS = 40;

const NO_USER: LinkUser = {
  onOpen: () => undefined,
  onGreeting: () => undefined,
  onClose: () => undefined,
  onCut: () => undefined,
  onNotification: () => undefined,
  onRequest: () => undefined,
  onMediaConnected: () => undefined,
  onMediaRepairing: () => undefined,
  onMediaBroken: () => undefined,
  onPublishError: () => undefined,
};

export interface LinkOptions {
  route: Route;
  /** Finds the route for the next socket after a disconnect. */
  findRoute: RouteFinder;
  log: Log;
  createDevice: () => Promise<types.Device>;
  codecs: CodecPolicy;
  openSocket?: SocketFactory | undefined;
  timeline: JoinTimeline;
  /** Asks the pod not to let this connection enter before its join, and connects the transports before there is media. */
  isPreparation?: boolean;
}

export interface LinkMedia {
  device: types.Device;
  sending: types.Transport;
  receiving: RepairedTransport;
  /** Negotiates and sends only on request. */
  publisher: Publisher;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #signaling: ProtooConnection;
  readonly #repairing = new Scope();
  /** The lifetime of repairs of the current transports. */
  #mediaRepairing = new Scope();
  #sending = new Scope();
  #receiving = new Scope();
  #user = NO_USER;
  readonly #interrupted = new Set<Direction>();
  #iceServers: Route['iceServers'];
  #isOpen = false;
  #isFar = false;
  #settingUp: Promise<LinkMedia> | undefined;
  #media: LinkMedia | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { log, timeline } = options;
    this.#iceServers = options.route.iceServers;
    const { url, protocols } = addressOf(options.route, options);
    this.#signaling = new ProtooConnection(url, {
      log,
      protocols,
      openSocket: this.#resumable(),
      handlers: {
        onOpen: () => {
          this.#isOpen = true;
          timeline.note('socket');
          this.#user.onOpen();
        },
        onClose: (code, reason) => this.#user.onClose(code, reason),
        onNotification: (method, data) => this.#user.onNotification(method, data),
        onRequest: (method, data) => this.#user.onRequest(method, data),
      },
    });
  }

  /** From now on, `user` is called instead of the previous one. */
  handTo(user: LinkUser): void {
    this.#user = user;
  }

  get timeline(): JoinTimeline {
    return this.#options.timeline;
  }

  get isPreparation(): boolean {
    return this.#options.isPreparation === true;
  }

  /** Whether the socket has opened. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether the server answers late. */
  get isFar(): boolean {
    return this.#isFar;
  }

  /** Directions in which media is being repaired. */
  get interrupted(): ReadonlySet<Direction> {
    return this.#interrupted;
  }

  get signaling(): Requester {
    return this.#signaling as Requester;
  }

  /** Sends a request of the user to the room. */
  ask<M extends keyof RoomRequests>(method: M, data: RoomRequests[M]): Promise<unknown> {
    return this.#signaling.request(method, data);
  }

  /** The lifetime of repairs: ends with signaling, which they need. */
  get repairing(): Scope {
    return this.#repairing;
  }

  /** Device and transports, once they exist. */
  get media(): LinkMedia | undefined {
    return this.#media;
  }

  /** Loads the device and creates the transports, once. Throws a ConveneError. */
  setUp(): Promise<LinkMedia> {
    this.#settingUp ??= this.#setUp();
    return this.#settingUp;
  }

  /** Creates other transports instead of those that the server has lost, with everything on them. Throws a ConveneError. */
  async renew(): Promise<LinkMedia> {
    const { device } = await this.setUp();
    this.#mediaRepairing.end();
    this.#sending.end();
    // Browsers keep the last frame of a track until its transport is closed.
    const receiving = this.#receiving;
    const timer = setTimeout(() => receiving.end(), LEFTOVERS_MS);
    this.#repairing.onEnd(() => {
      clearTimeout(timer);
      receiving.end();
    });
    [this.#sending, this.#receiving, this.#mediaRepairing] = [new Scope(), new Scope(), new Scope()];
    for (const direction of this.#interrupted) this.#user.onMediaConnected(direction);
    this.#interrupted.clear();
    await this.#renewIceServers();
    if (this.#repairing.ended) throw new ConveneError('connection-closed', 'the connection was closed while transports were renewed');
    return this.#createMedia(device);
  }

  /** Credentials of TURN servers expire during a call. */
  async #renewIceServers(): Promise<void> {
    try {
      this.#iceServers = (await this.#options.findRoute({ isRefused: false })).iceServers;
    } catch (error) {
      this.#options.log.info('could not renew the ICE servers', error);
    }
  }

  /** Closes signaling only: media continues while the server still sends. */
  closeSignaling(): void {
    this.#mediaRepairing.end();
    this.#repairing.end();
    this.#signaling.close();
  }

  /** Closes everything except receiving. */
  closeSending(): void {
    this.closeSignaling();
    this.#sending.end();
  }

  close(): void {
    this.closeSending();
    this.#receiving.end();
  }

  async #setUp(): Promise<LinkMedia> {
    const { timeline } = this.#options;
    const media = await this.#createMedia(await this.#loadDevice());
    timeline.note('transports');
    if (this.isPreparation) for (const transport of [media.sending, media.receiving.transport]) connectEarly(transport, this.#options.log);
    return media;
  }

  async #createMedia(device: types.Device): Promise<LinkMedia> {
    const [sending, receiving] = await Promise.all([
      createTransport('producer', this.#transportContext(device, this.#sending)),
      createTransport('consumer', this.#transportContext(device, this.#receiving)),
    ]);
    this.#media = { device, sending: sending.transport, receiving, publisher: this.#createPublisher(device, sending.transport) };
    return this.#media;
  }

  #createPublisher(device: types.Device, transport: types.Transport): Publisher {
    const { codecs, log } = this.#options;
    const onError = (kind: SendKind, error: ConveneError): void => this.#user.onPublishError(kind, error);
    return new Publisher({ device, transport, signaling: this.signaling, codecs, log, onError });
  }

  async #loadDevice(): Promise<types.Device> {
    // The device asks the browser while the server answers.
    const created = this.#createDevice();
    const askedAt = performance.now();
    const answer = decodeRouterCapabilities(await this.signaling.request('getRouterRtpCapabilities', {}));
    this.#isFar = performance.now() - askedAt >= FAR_MS;
    this.#options.timeline.note('capabilities');
    try {
      const device = await created;
      if ('error' in device) throw device.error;
      await device.load({ routerRtpCapabilities: answer.routerRtpCapabilities });
      return device;
    } catch (error) {
      const isUnsupported = error instanceof Error && error.name === 'UnsupportedError';
      throw toConveneError(error, isUnsupported ? 'browser-unsupported' : 'codec-unsupported');
    }
  }

  #createDevice(): Promise<types.Device | { error: unknown }> {
    return this.#options.createDevice().catch((error: unknown) => ({ error }));
  }

  #transportContext(device: types.Device, scope: Scope): TransportContext {
    return {
      device,
      iceServers: this.#iceServers,
      signaling: this.signaling,
      scope,
      repairing: this.#mediaRepairing,
      log: this.#options.log,
      onConnected: (direction) => {
        this.timeline.note(direction === 'producer' ? 'sending' : 'receiving');
        this.#interrupted.delete(direction);
        this.#user.onMediaConnected(direction);
      },
      onRepairing: (direction) => {
        this.#interrupted.add(direction);
        this.#user.onMediaRepairing(direction);
      },
      onBroken: () => this.#user.onMediaBroken(),
    };
  }

  /** Sockets that survive disconnects. */
  #resumable(): SocketFactory {
    const { findRoute, openSocket = openBrowserSocket } = this.#options;
    const findAddress = async (last: { isRefused: boolean }): Promise<Address> => addressOf(await findRoute(last), this.#options);
    const network = typeof window === 'undefined' ? {} : { network: window };
    return (url, protocols) =>
      new ResumableSocket(
        { url, protocols },
        {
          openSocket,
          findAddress,
          onCut: (isDisconnected) => this.#user.onCut(isDisconnected),
          mayResume: (code) => this.#user.mayResume?.(code) ?? true,
          onGreeting: ({ prepared }) => this.#user.onGreeting(prepared),
          ...network,
        },
      );
  }
}

interface Address {
  url: string;
  protocols: string | string[];
}

/** Also when a session is resumed: if the pod no longer knows it, the new connection must not enter the room either. */
function addressOf(route: Route, { isPreparation = false }: LinkOptions): Address {
  const url = withMoves(route.url);
  return { url: isPreparation ? withPreparation(url) : url, protocols: subprotocolsOf(route) };
}
