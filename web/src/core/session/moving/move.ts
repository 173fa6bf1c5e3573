/**
 * A move to another server without a gap: connects there while the old connection goes on, sends and receives on both, and reports when
 * everything arrives from the next server.
 *
 * It never touches the old connection but for that report; the session closes it.
 */

import type { Direction, Moving } from '../../../generated/messages';
import type { Log } from '../../log';
import type { LocalMedia, LocalMediaState } from '../../media/local-media';
import type { RoomConnectionHooks } from '../connection/hooks';
import type { RoomConnection } from '../connection/room-connection';
import type { Route, RouteFinder } from '../connection/route';
import { FINAL_CLOSE_CODE, isTicketRefused } from '../close-reason';
import type { RoomEvent } from '../events';
import { fromNext, fromOld, withoutNext, withoutOld, type Both } from './merge';

/** How long the old connection is kept after the server no longer needs it: others may still receive from it. */
export const LINGER_MS = 1000;
/** How long a client may be without any connection until it reconnects. */
export const ALONE_MS = 5000;

/** Waits between attempts to connect; the last one is repeated. */
const WAITS_MS = [100, 250, 500, 1000, 2000];
/** How long an attempt to join may take: it may be held by a router that waits for another server. */
export const ATTEMPT_MS = 5000;
/** A video that has not arrived by then is no reason to wait longer. */
const ARRIVAL_MS = 2500;
const SAMPLE_MS = 50;

export interface MoveOptions {
  old: RoomConnection;
  findRoute: RouteFinder;
  ticket: string | undefined;
  open: (route: Route) => RoomConnection;
  local: Pick<LocalMedia, 'state'>;
  log: Log;
  onEvents: (events: readonly RoomEvent[]) => void;
  /** The next connection can take the place of the old one. */
  onJoined: () => void;
  /** The next server has closed the connection for good: the participant was removed, or the meeting has ended. */
  onRefused: (code: number, reason: string) => void;
  onPublishError: RoomConnectionHooks['onPublishError'];
}

export class Move {
  /** Of the next connection, as long as it is one. */
  readonly hooks: RoomConnectionHooks;
  readonly #options: MoveOptions;
  readonly #interrupted = new Set<Direction>();
  #next: RoomConnection | undefined;
  #attempts = 0;
  /** Of attempts, and of the pauses between them: what an earlier one finds is dropped. */
  #generation = 0;
  /** Whether the latest socket opened. */
  #hasOpened = true;
  /** Of the next attempt, or of the end of this one. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #notice: Moving | undefined;
  /** The latest that a server has lent. */
  #ticket: string | undefined;
  #isCut = false;
  /** Whether the old server knows that the client has moved. */
  #isReported = false;
  #isEnded = false;

  constructor(options: MoveOptions) {
    this.#options = options;
    this.#ticket = options.ticket;
    this.hooks = this.#createHooks();
    void this.#connect();
  }

  get next(): RoomConnection | undefined {
    return this.#next;
  }

  /** The next connection, once it can take the place of the old one. */
  get joined(): RoomConnection | undefined {
    return this.#next?.hasJoined === true ? this.#next : undefined;
  }

  /** Directions in which media of the next connection is being repaired. */
  get interrupted(): ReadonlySet<Direction> {
    return this.#interrupted;
  }

  /** Whether signaling of the next connection is down and may resume. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** What both connections have reported, while there are two. */
  get both(): Both | undefined {
    return this.#next === undefined ? undefined : { old: this.#options.old.contents, next: this.#next.contents };
  }

  /** The meeting has gone on to yet another server. */
  get notice(): Moving | undefined {
    return this.#notice;
  }

  /** An event of the old connection. */
  passOn(event: RoomEvent): void {
    const both = this.both;
    this.#options.onEvents(both === undefined ? [event] : fromOld(event, both));
  }

  publish(local: LocalMediaState): void {
    void this.joined?.publish(local);
  }

  /** The next connection takes the place of the old one, which has ended or is of no use. */
  finish(): void {
    const both = this.both;
    // Otherwise those who are still there would see this client leave.
    this.#report();
    this.#next?.spare(false);
    this.#next?.measure(true);
    this.#next = undefined;
    this.end();
    if (both !== undefined) this.#options.onEvents(withoutOld(both));
  }

  /** Closes the next connection. */
  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#next?.close();
    this.#next = undefined;
  }

  async #connect(): Promise<void> {
    const { findRoute, open } = this.#options;
    const ticket = this.#ticket;
    this.#timer = setTimeout(() => this.#lose('took too long to join'), ATTEMPT_MS);
    this.#notice = undefined;
    this.#attempts += 1;
    const generation = (this.#generation += 1);
    const isCurrent = (): boolean => !this.#isEnded && generation === this.#generation;
    try {
      const route = await findRoute({ isRefused: !this.#hasOpened, ticket });
      if (!isCurrent()) return;
      this.#hasOpened = false;
      this.#next = open(route);
    } catch (error) {
      if (isCurrent()) this.#lose('found no route', error);
    }
  }

  #createHooks(): RoomConnectionHooks {
    return {
      onOpen: () => {
        this.#hasOpened = true;
        void this.#join();
      },
      onClose: (code, reason) => this.#onClose(code, reason),
      onRoomEvent: (event) => {
        const both = this.both;
        if (both === undefined) return;
        this.#options.onEvents(fromNext(event, both));
        // The old server does not report those who have moved.
        if (event.type === 'peerLeft') both.old.note(event);
      },
      onMediaConnected: (direction) => this.#interrupted.delete(direction),
      onMediaRepairing: (direction) => this.#interrupted.add(direction),
      onMediaBroken: () => this.#lose('media is broken'),
      onPublishError: this.#options.onPublishError,
      onCut: (isDisconnected) => {
        this.#isCut = isDisconnected;
      },
      // Moderators take their time.
      onLobby: () => clearTimeout(this.#timer),
      // The old connection is still there.
      onVideoLost: () => undefined,
      onMoving: (notice) => {
        this.#notice = notice;
        this.#ticket = notice.ticket ?? this.#ticket;
      },
      onOver: () => undefined,
    };
  }

  #onClose(code: number, reason: string): void {
    if (code === FINAL_CLOSE_CODE && !isTicketRefused(code, reason)) return this.#options.onRefused(code, reason);
    if (isTicketRefused(code, reason)) this.#hasOpened = false;
    this.#lose(`closed with ${code} ${reason}`.trim());
  }

  async #join(): Promise<void> {
    const next = this.#next;
    if (next === undefined) return;
    try {
      await next.join(() => next === this.#next);
    } catch (error) {
      if (next === this.#next) this.#lose('could not join', error);
      return;
    }
    if (next !== this.#next) return;
    clearTimeout(this.#timer);
    // The old one keeps its codec. The load of both must not cost the next one a better codec for good.
    next.measure(false);
    this.#options.log.info('moving: joined on the next server');
    this.#options.onJoined();
    await Promise.all([next.offersTaken(), this.#send(next)]);
    await this.#reportArrival(next);
  }

  /** Both connections send for a while. A device or network that is short already would do so at the expense of both. */
  async #send(next: RoomConnection): Promise<void> {
    const isShort = await this.#options.old.isShort().catch(() => false);
    // It may have taken the place of the old one meanwhile.
    next.spare(isShort && next === this.#next);
    await next.publish(this.#options.local.state);
  }

  async #reportArrival(next: RoomConnection): Promise<void> {
    for (let waitedMs = 0; waitedMs < ARRIVAL_MS && !(await next.isFlowing()); waitedMs += SAMPLE_MS) {
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
    if (this.#isEnded || next !== this.#next) return;
    this.#options.log.info('moving: everything arrives from the next server');
    this.#report();
  }

  #report(): void {
    if (!this.#isReported) this.#options.old.reportMoved();
    this.#isReported = true;
  }

  #lose(what: string, error?: unknown): void {
    const both = this.both;
    this.#generation += 1;
    clearTimeout(this.#timer);
    this.#next?.close();
    this.#next = undefined;
    this.#isCut = false;
    this.#interrupted.clear();
    // Streams may have come before the answer to the join.
    if (both !== undefined) this.#options.onEvents(withoutNext(both));
    if (this.#isEnded) return;
    this.#options.log.info(`moving: ${what}; trying again`, error);
    const wait = WAITS_MS[Math.min(this.#attempts, WAITS_MS.length) - 1];
    this.#timer = setTimeout(() => void this.#connect(), wait);
  }
}
