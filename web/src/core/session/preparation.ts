/**
 * A connection that is prepared before its user decides to join: the route is found, signaling is open, the device is loaded, both
 * transports are connected, and microphone and camera are negotiated with the browser, so that only the join itself is left.
 *
 * It never enters the room, sends no media, and never retries: one that ends for any reason is dropped, and the session connects as
 * without it.
 */

import { Device } from 'mediasoup-client';
import { ConveneError } from '../errors';
import type { Log } from '../log';
import type { LocalMedia } from '../media/local-media';
import { Scope } from '../scope';
import type { SocketFactory } from '../signaling/protoo';
import { browserCodecEnvironment, CodecPolicy, type CodecEnvironment } from './codecs/codec-policy';
import type { VideoCodec } from './codecs/codec-choice';
import type { Direction } from '../../generated/messages';
import { Link, type LinkUser } from './connection/link';
import type { Publisher } from './connection/publisher';
import type { Route, RouteFinder } from './connection/route';
import { JoinTimeline } from './timeline';

/** RFC 6455 has no name for it; IANA calls it "Service Restart". */
const COME_BACK_CODE = 1012;

/** `unsupported`: it has ended because the pod is too old to prepare connections, so there is no point in another attempt. */
export type PreparationState = 'preparing' | 'prepared' | 'ended' | 'unsupported';

export interface PreparationOptions {
  peerId: string;
  findRoute: RouteFinder;
  localMedia: Pick<LocalMedia, 'state' | 'subscribe'>;
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
  readonly #scope = new Scope();
  readonly #done = new Set<string>();
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
    this.#scope.end();
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
    const { codecs, findRoute } = this;
    const link = new Link({ route, findRoute, log, createDevice, codecs, openSocket, timeline: this.#timeline, isPreparation: true });
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
      // Tried again with the join.
      onPublishError: () => undefined,
      // The room has ended or moves: resuming would open it again.
      mayResume: (code) => code !== COME_BACK_CODE,
    };
  }

  async #setUp(link: Link): Promise<void> {
    try {
      const { publisher } = await link.setUp();
      await this.#negotiate(publisher);
      this.#note('streams');
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What is sent after the join, while the user may still change it. */
  async #negotiate(publisher: Publisher): Promise<void> {
    const { localMedia } = this.#options;
    if (this.#scope.ended) return;
    this.#scope.onEnd(localMedia.subscribe((local) => void publisher.sync(local)));
    await publisher.sync(localMedia.state);
  }

  #note(done: Direction | 'streams'): void {
    this.#done.add(done);
    if (this.#done.size === 3) this.#become('prepared');
  }

  #fail(error: unknown): void {
    this.#options.log.info('could not prepare the join', error instanceof ConveneError ? error.message : error);
    this.#end('ended');
  }

  #end(state: 'ended' | 'unsupported'): void {
    const link = this.#link;
    this.#link = undefined;
    this.#scope.end();
    if (link instanceof Link) link.close();
    if (!this.#isTaken) this.#become(state);
  }

  #become(state: PreparationState): void {
    if (this.#state === state || this.#state === 'ended' || this.#state === 'unsupported') return;
    this.#state = state;
    if (!this.#isTaken) this.#options.onChange(state);
  }
}
