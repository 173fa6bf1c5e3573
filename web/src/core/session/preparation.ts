/**
 * A connection that is prepared before its user decides to join: the route is found, signaling is open, the device is loaded and both
 * transports are connected, so that only the join itself is left.
 *
 * It never enters the room, and never retries: one that ends for any reason is dropped, and the session connects as without it.
 */

import { Device } from 'mediasoup-client';
import { ConveneError } from '../errors';
import type { Log } from '../log';
import type { SocketFactory } from '../signaling/protoo';
import { browserCodecEnvironment, CodecPolicy, type CodecEnvironment } from './codecs/codec-policy';
import type { VideoCodec } from './codecs/codec-choice';
import { Link, type LinkUser } from './connection/link';
import type { Route, RouteFinder } from './connection/route';
import { JoinTimeline } from './timeline';

/** RFC 6455 has no name for it; IANA calls it "Service Restart". */
const COME_BACK_CODE = 1012;

/** `unsupported`: it has ended because the pod is too old to prepare connections, so there is no point in another attempt. */
export type PreparationState = 'preparing' | 'prepared' | 'ended' | 'unsupported';

export interface PreparationOptions {
  peerId: string;
  findRoute: RouteFinder;
  log: Log;
  onChange: (state: PreparationState) => void;
  createDevice?: () => Promise<Device>;
  openSocket?: SocketFactory;
  videoCodec?: () => VideoCodec | undefined;
  codecEnvironment?: CodecEnvironment;
}

export class Preparation {
  readonly peerId: string;
  readonly findRoute: RouteFinder;
  /** Already knows the device's encoders when sending starts. */
  readonly codecs: CodecPolicy;
  readonly #options: PreparationOptions;
  readonly #timeline = new JoinTimeline();
  readonly #connected = new Set<string>();
  /** Undefined once it was dropped or ended. */
  #link: Link | Promise<Link | undefined> | undefined;
  #state: PreparationState = 'preparing';
  #isTaken = false;

  constructor(options: PreparationOptions) {
    this.#options = options;
    this.peerId = options.peerId;
    this.findRoute = options.findRoute;
    this.codecs = new CodecPolicy(options.codecEnvironment ?? browserCodecEnvironment(), options.videoCodec ?? (() => undefined));
    this.#link = this.#open();
  }

  /** Gives the link away, also while it is being prepared; undefined if there is none. */
  take(): Link | Promise<Link | undefined> | undefined {
    const link = this.#link;
    this.#isTaken = true;
    this.#link = undefined;
    return link;
  }

  /** Closes the connection, unless it was taken. */
  drop(): void {
    this.#end('ended');
  }

  #open(): Link | Promise<Link | undefined> | undefined {
    try {
      const found = this.findRoute({ isRefused: false });
      return found instanceof Promise ? this.#openLater(found) : this.#linkTo(found);
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  async #openLater(finding: Promise<Route>): Promise<Link | undefined> {
    try {
      const route = await finding;
      if (this.#state === 'ended') return undefined;
      const link = this.#linkTo(route);
      if (!this.#isTaken) this.#link = link;
      return link;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #linkTo(route: Route): Link {
    const { log, openSocket, createDevice = () => Device.factory() } = this.#options;
    this.#timeline.note('ticket');
    const options = { route, findRoute: this.findRoute, log, createDevice, openSocket, timeline: this.#timeline, isPreparation: true };
    const link = new Link(options);
    link.handTo(this.#userOf(link));
    return link;
  }

  /** Called only until the link is taken. */
  #userOf(link: Link): LinkUser {
    return {
      onOpen: () => undefined,
      onGreeting: (isPrepared) => (isPrepared ? void this.#setUp(link) : this.#end('unsupported')),
      onClose: () => this.#end('ended'),
      onCut: () => undefined,
      // The greeting comes first, unless the pod is older than greetings.
      onNotification: (method) => {
        if (method !== 'mediasoupVersion') this.#end('unsupported');
      },
      onRequest: () => undefined,
      onMediaConnected: (direction) => this.#note(direction),
      onMediaRepairing: () => undefined,
      onMediaBroken: () => this.#end('ended'),
      // The room has ended or moves: resuming would open it again.
      mayResume: (code) => code !== COME_BACK_CODE,
    };
  }

  async #setUp(link: Link): Promise<void> {
    try {
      await link.setUp();
    } catch (error) {
      this.#fail(error);
    }
  }

  #note(direction: string): void {
    this.#connected.add(direction);
    if (this.#connected.size === 2) this.#become('prepared');
  }

  #fail(error: unknown): void {
    this.#options.log.info('could not prepare the join', error instanceof ConveneError ? error.message : error);
    this.#end('ended');
  }

  #end(state: 'ended' | 'unsupported'): void {
    const link = this.#link;
    this.#link = undefined;
    if (link instanceof Link) link.close();
    if (!this.#isTaken) this.#become(state);
  }

  #become(state: PreparationState): void {
    if (this.#state === state || this.#state === 'ended' || this.#state === 'unsupported') return;
    this.#state = state;
    if (!this.#isTaken) this.#options.onChange(state);
  }
}
