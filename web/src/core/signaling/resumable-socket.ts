/**
 * A WebSocket that survives disconnects if the pod keeps the session: to its user it is one socket that delivers each message once.
 *
 * It counts messages and never inspects them, except for the pod's first one, `session`. If the pod sends none, it is a plain
 * socket. Whether to rejoin after a session is lost is the session machine's decision.
 */

import type { ServerNotification, SignalingSession } from '../../generated/messages';
import { isRecord, type JsonRecord } from './json';
import type { SocketFactory, SocketLike } from './protoo';

/** Waits between attempts; the last one is repeated. */
const WAITS_MS = [0, 250, 500, 1000, 2000];
/** How long an attempt may take. Attempts may still be routed to a pod that is gone and never answers. */
const ATTEMPT_MS = 2500;
/** A disconnect longer than this is reported to the user. */
const LONG_CUT_MS = 2000;
/** Maximum of unacknowledged messages; with more the session is lost. */
const MOST_UNSENT = 512;
/** Not 1012: a router that shuts down sends it too, and the next pod tells whether the room is gone. */
const FINAL_CODES: ReadonlySet<number> = new Set([1000, 1002, 1005, 1007, 1008, 1009, 4000]);

/** The reason of a 1012 that ends a prepared connection: there is nothing to resume. */
const NO_LONGER_PREPARED = /\bprepared\b/iu;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

export interface Address {
  url: string;
  protocols: string | string[];
}

export interface ResumableOptions {
  openSocket: SocketFactory;
  /** Finds the address for the next socket: a ticket opens only one. */
  findAddress: (last: { isRefused: boolean }) => Address | Promise<Address>;
  /** Called when a disconnect lasts, and when it is over. */
  onCut?: (isDisconnected: boolean) => void;
  /** Called with the pod's first message on the first socket. */
  onGreeting?: (greeting: SignalingSession) => void;
  /** Whether a socket that was closed with this code is worth resuming, in addition to what the protocol says. */
  mayResume?: (code: number) => boolean;
  /** The source of `online` events. */
  network?: Pick<EventTarget, 'addEventListener' | 'removeEventListener'>;
}

/** The first message on each socket of a pod that keeps sessions. */
const GREETING: Extract<ServerNotification, { data: SignalingSession }>['method'] = 'session';

/** The URL with the query parameters of the session. Pure. */
export function withSession(url: string, session: string, received?: number): string {
  const separator = url.includes('?') ? '&' : '?';
  const count = received === undefined ? '' : `&received=${received}`;
  return `${url}${separator}session=${encodeURIComponent(session)}${count}`;
}

export class ResumableSocket implements SocketLike {
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  onstall: ((isStalled: boolean) => void) | null = null;

  readonly #options: ResumableOptions;
  #socket: SocketLike | undefined;
  /** Open sockets that were abandoned. Closing one would end the session if the pod still receives it. */
  #abandoned: SocketLike[] = [];
  #id: string | undefined;
  #resumeMs = 0;
  #received = 0;
  /** Sent and unacknowledged messages, from number #firstKept on. */
  #kept: string[] = [];
  #firstKept = 0;
  /** Whether the pod has sent `session` on this socket: messages are sent immediately. */
  #isAttached = false;
  #hasOpened = false;
  #isClosed = false;
  #attempt = 0;
  #closedWith = { code: 1006, reason: '' };
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #longCut: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #attemptLimit: ReturnType<typeof setTimeout> | undefined;
  #isLongCut = false;

  constructor({ url, protocols }: Address, options: ResumableOptions) {
    this.#options = options;
    this.#attach(options.openSocket(withSession(url, 'new'), protocols));
  }

  get readyState(): SocketLike['readyState'] {
    if (this.#isClosed) return CLOSED;
    return this.#id === undefined ? (this.#socket?.readyState ?? CLOSED) : OPEN;
  }

  send(message: string): void {
    this.#kept.push(message);
    if (this.#socket?.readyState === OPEN && (this.#isAttached || this.#id === undefined)) this.#socket.send(message);
    if (this.#kept.length <= MOST_UNSENT) return;
    if (this.#id !== undefined && !this.#isAttached) return this.#lose();
    this.#kept.shift();
    this.#firstKept += 1;
  }

  /** Opens another socket for the same session: the pod then drops the old one. */
  reopen(): void {
    if (this.#isAttached && !this.#isClosed) this.#abandon({ code: 1006, reason: 'no message received' });
  }

  close(code?: number, reason?: string): void {
    this.#end();
    this.#socket?.close(code, reason);
  }

  #attach(socket: SocketLike): void {
    this.#socket = socket;
    this.#isAttached = false;
    socket.onopen = () => {
      if (socket !== this.#socket || this.#isClosed || this.#hasOpened) return;
      this.#hasOpened = true;
      this.onopen?.();
    };
    socket.onmessage = (event) => {
      if (socket === this.#socket && !this.#isClosed) this.#receive(event);
    };
    socket.onclose = ({ code, reason }) => {
      if (socket === this.#socket && !this.#isClosed) this.#lost(code, reason);
    };
  }

  #receive(event: { data: unknown }): void {
    const greeting = this.#isAttached ? undefined : greetingOf(event.data);
    if (greeting !== undefined) return this.#greet(greeting);
    // This server does not keep sessions: to it, this is a new connection.
    if (this.#id !== undefined && !this.#isAttached) return this.#lose();
    this.#received += 1;
    this.onmessage?.(event);
  }

  #greet(greeting: SignalingSession): void {
    const { id, resumed, received, resumeSeconds } = greeting;
    const isFirst = this.#id === undefined;
    const sent = this.#firstKept + this.#kept.length;
    // A new session, or counts that do not match: the session is lost.
    if (!isFirst && (!resumed || received < this.#firstKept || received > sent)) return this.#lose();
    this.#id = id;
    this.#resumeMs = resumeSeconds * 1000;
    this.#isAttached = true;
    this.#stopWaiting();
    this.#closeAbandoned();
    if (isFirst) return this.#options.onGreeting?.(greeting);
    this.#kept.splice(0, received - this.#firstKept);
    this.#firstKept = received;
    for (const message of this.#kept) this.#socket?.send(message);
    this.onstall?.(false);
  }

  #lost(code: number, reason: string): void {
    clearTimeout(this.#attemptLimit);
    this.#attemptLimit = undefined;
    this.#isAttached = false;
    this.#socket = undefined;
    if (this.#id === undefined || isFinal(code, reason) || this.#options.mayResume?.(code) === false) return this.#fail(code, reason);
    if (this.#deadline === undefined) {
      this.#closedWith = { code, reason };
      this.#attempt = 0;
      this.#deadline = setTimeout(() => this.#lose(), this.#resumeMs);
      this.#longCut = setTimeout(() => this.#reportCut(true), LONG_CUT_MS);
      this.#options.network?.addEventListener('online', this.#tryNow);
      this.onstall?.(true);
    }
    const wait = WAITS_MS[Math.min(this.#attempt, WAITS_MS.length - 1)];
    this.#attempt += 1;
    this.#retry = setTimeout(() => void this.#reconnect(), wait);
  }

  readonly #tryNow = (): void => {
    if (this.#retry === undefined) return;
    clearTimeout(this.#retry);
    void this.#reconnect();
  };

  async #reconnect(): Promise<void> {
    this.#retry = undefined;
    const limit = setTimeout(() => this.#abandon(this.#closedWith), ATTEMPT_MS);
    this.#attemptLimit = limit;
    try {
      const { url, protocols } = await this.#options.findAddress({ isRefused: this.#attempt > 1 });
      if (this.#isClosed || this.#id === undefined || this.#attemptLimit !== limit) return;
      this.#attach(this.#options.openSocket(withSession(url, this.#id, this.#received), protocols));
    } catch {
      // No route now; there may be one before the session expires.
      if (!this.#isClosed && this.#attemptLimit === limit) this.#lost(this.#closedWith.code, this.#closedWith.reason);
    }
  }

  /** Continues without a socket that does not respond. */
  #abandon({ code, reason }: { code: number; reason: string }): void {
    const silent = this.#socket;
    this.#lost(code, reason);
    // A socket that has not opened can be closed safely.
    if (silent?.readyState === CONNECTING) silent.close();
    else if (silent !== undefined) this.#abandoned.push(silent);
  }

  #lose(): void {
    const { code, reason } = this.#closedWith;
    this.#socket?.close();
    this.#fail(code, reason);
  }

  #fail(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#end();
    this.onclose?.({ code, reason });
  }

  #end(): void {
    this.#isClosed = true;
    this.#stopWaiting();
    this.#closeAbandoned();
    this.#kept = [];
  }

  /** Safe once the session has moved to another socket. */
  #closeAbandoned(): void {
    for (const socket of this.#abandoned) socket.close();
    this.#abandoned = [];
  }

  #stopWaiting(): void {
    for (const timer of [this.#deadline, this.#longCut, this.#retry, this.#attemptLimit]) clearTimeout(timer);
    this.#deadline = this.#longCut = this.#retry = this.#attemptLimit = undefined;
    this.#options.network?.removeEventListener('online', this.#tryNow);
    this.#reportCut(false);
  }

  #reportCut(isDisconnected: boolean): void {
    if (this.#isLongCut === isDisconnected) return;
    this.#isLongCut = isDisconnected;
    this.#options.onCut?.(isDisconnected);
  }
}

function isFinal(code: number, reason: string): boolean {
  return FINAL_CODES.has(code) || NO_LONGER_PREPARED.test(reason);
}

function greetingOf(frame: unknown): SignalingSession | undefined {
  if (typeof frame !== 'string' || !frame.includes(`"${GREETING}"`)) return undefined;
  try {
    const message: unknown = JSON.parse(frame);
    if (!isRecord(message) || message['notification'] !== true || message['method'] !== GREETING) return undefined;
    return readGreeting(message['data']);
  } catch {
    return undefined;
  }
}

function readGreeting(data: unknown): SignalingSession | undefined {
  if (!isRecord(data)) return undefined;
  const { id, resumed, received, resumeSeconds, prepared }: JsonRecord = data;
  const isFit = typeof id === 'string' && typeof resumed === 'boolean' && typeof received === 'number';
  // Older pods do not send `prepared`.
  return isFit && typeof resumeSeconds === 'number' ? { id, resumed, received, resumeSeconds, prepared: prepared === true } : undefined;
}
