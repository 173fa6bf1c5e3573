/**
 * Opens the links of a session, one after the other: the first from a preparation if there is one, the others over a fresh route.
 *
 * It never joins and never retries; a link or an error that comes after `cancel` is dropped.
 */

import { Device } from 'mediasoup-client';
import { toConveneError, type ConveneError } from '../errors';
import type { Log } from '../log';
import type { SocketFactory } from '../signaling/protoo';
import type { CodecPolicy } from './codecs/codec-policy';
import { Link } from './connection/link';
import type { Route, RouteFinder } from './connection/route';
import type { Preparation } from './preparation';
import { joinLineOf, JoinTimeline } from './timeline';

export interface OpeningOptions {
  findRoute: RouteFinder;
  log: Log;
  codecs: CodecPolicy;
  createDevice?: (() => Promise<Device>) | undefined;
  openSocket?: SocketFactory | undefined;
  preparation: Preparation | undefined;
  onLink: (link: Link) => void;
  onError: (error: ConveneError) => void;
}

export class Opening {
  readonly #options: OpeningOptions;
  #preparation: Preparation | undefined;
  /** Of the first join; later ones are not measured. */
  #timeline: JoinTimeline | undefined;
  #startedAt = 0;
  /** Counts route requests: a late answer is dropped. */
  #attempt = 0;
  /** Whether the latest socket opened: a ticket that failed to open one is not reused. */
  #hasOpened = true;
  /** What a server gave to a client that it sends to another one. */
  #ticket: string | undefined;

  constructor(options: OpeningOptions) {
    this.#options = options;
    this.#preparation = options.preparation;
  }

  get timeline(): JoinTimeline | undefined {
    return this.#timeline;
  }

  /** The user has decided to join. */
  begin(): void {
    this.#startedAt = performance.now();
  }

  /** A known route is used synchronously: a reconnect must not wait. */
  next(): void {
    const attempt = (this.#attempt += 1);
    const link = this.#preparation?.take();
    this.#preparation = undefined;
    if (link instanceof Link) return this.#adopt(link);
    if (link === undefined) return this.#openFresh(attempt);
    void link.then((prepared) => {
      if (attempt !== this.#attempt) prepared?.close();
      else if (prepared === undefined) this.#openFresh(attempt);
      else this.#adopt(prepared);
    });
  }

  /** Drops what is being opened. */
  cancel(): void {
    this.#attempt += 1;
    this.#preparation?.drop();
    this.#preparation = undefined;
  }

  noteOpened(): void {
    this.#hasOpened = true;
  }

  noteRefused(): void {
    this.#hasOpened = false;
  }

  /** For all routes from now on, in addition to what the client has itself. */
  useTicket(ticket: string | undefined): void {
    this.#ticket = ticket;
  }

  /** A link over a known route. */
  linkTo(route: Route, timeline = new JoinTimeline()): Link {
    const { log, openSocket, codecs, createDevice = () => Device.factory() } = this.#options;
    const findRoute: RouteFinder = (last) => this.#options.findRoute({ ...last, ticket: this.#ticket });
    return new Link({ route, findRoute, log, createDevice, codecs, openSocket, timeline });
  }

  #openFresh(attempt: number): void {
    this.#measure(new JoinTimeline());
    const found = this.#options.findRoute({ isRefused: !this.#hasOpened, ticket: this.#ticket });
    this.#hasOpened = false;
    if (!(found instanceof Promise)) return this.#open(found);
    found.then(
      (route) => {
        if (attempt === this.#attempt) this.#open(route);
      },
      (error: unknown) => {
        if (attempt === this.#attempt) this.#options.onError(toConveneError(error, 'server-unreachable'));
      },
    );
  }

  #open(route: Route): void {
    const timeline = this.#timeline ?? new JoinTimeline();
    timeline.note('ticket');
    this.#options.onLink(this.linkTo(route, timeline));
  }

  /** Goes on with a link that was prepared, or is being prepared. */
  #adopt(link: Link): void {
    this.#measure(link.timeline);
    this.#hasOpened = link.isOpen;
    this.#options.onLink(link);
  }

  #measure(timeline: JoinTimeline): void {
    if (this.#timeline !== undefined) return;
    this.#timeline = timeline;
    timeline.note('click', this.#startedAt);
    timeline.onEnd((rows) => this.#options.log.info(`joined: ${joinLineOf(rows)}`));
  }
}
