/**
 * One protoo connection: requests, responses and notifications as JSON over one WebSocket.
 *
 * It never reconnects; whether and when to retry is the session machine's decision. Anything but a protoo message is
 * logged and dropped. A request from the server is always answered, so that it never waits for a timeout.
 */

import { ConveneError } from '../errors';
import type { Log } from '../log';
import { isRecord, type JsonRecord } from './json';

const REQUEST_TIMEOUT_BASE_MS = 1500;
const MAX_REQUEST_ID = 10_000_000;
/** If nothing at all arrives for this long after a request, the connection may be dead. */
const SILENCE_MS = 4000;

/** A timer this late means that the page was suspended, and messages may be waiting to be read. */
const SLEPT_MS = 1000;
/** How long a response may take after that. */
const AFTER_SLEEP_MS = 5000;

/** An error response. */
export class RequestRefused extends ConveneError {
  readonly errorCode: number;
  /** The server's text: for logs and for telling causes apart, not for users. */
  readonly reason: string;

  constructor(method: string, errorCode: number, reason: string) {
    super('request-refused', `"${method}" was refused with ${errorCode}: ${reason}`);
    this.errorCode = errorCode;
    this.reason = reason;
  }
}

/** The connection was closed before the response: the request may have been carried out. */
export class RequestUnanswered extends ConveneError {
  constructor(method: string) {
    super('connection-closed', `"${method}": the connection was closed before it was answered`);
  }
}

/** The part of a browser's WebSocket that is used here. */
export type SocketLike = Pick<WebSocket, 'send' | 'close' | 'readyState'> & {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  /** For resumable sockets: sending is stalled, or works again. Nothing is lost. */
  onstall?: ((isStalled: boolean) => void) | null;
  /** For resumable sockets: the connection seems dead. */
  reopen?: () => void;
};

export type SocketFactory = (url: string, protocols: string | string[]) => SocketLike;

export const openBrowserSocket: SocketFactory = (url, protocols) => new WebSocket(url, protocols) as unknown as SocketLike;

export interface ProtooHandlers {
  onOpen(): void;
  /** The socket closed; no handler is called after this. */
  onClose(code: number, reason: string): void;
  onNotification(method: string, data: JsonRecord): void;
  /** Handles a request of the server; undefined means that the method is unknown. */
  onRequest(method: string, data: JsonRecord): Promise<void> | undefined;
}

interface Pending {
  method: string;
  resolve: (data: unknown) => void;
  reject: (error: ConveneError) => void;
  /** Time limit of the request, while the connection works. */
  timeoutMs: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the server holds the answer back for a reason: then the time limit starts again. */
  isHeld: () => boolean;
}

export interface ProtooOptions {
  handlers: ProtooHandlers;
  log: Log;
  openSocket?: SocketFactory;
  /** `protoo` and, if there is one, the ticket. */
  protocols?: string | string[];
}

const OPEN = 1;

export class ProtooConnection {
  readonly #socket: SocketLike;
  readonly #handlers: ProtooHandlers;
  readonly #log: Log;
  readonly #pending = new Map<number, Pending>();
  #closed = false;
  #isStalled = false;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, { handlers, log, openSocket = openBrowserSocket, protocols = 'protoo' }: ProtooOptions) {
    this.#handlers = handlers;
    this.#log = log;
    this.#socket = openSocket(url, protocols);
    this.#socket.onopen = () => {
      if (!this.#closed) handlers.onOpen();
    };
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = ({ code, reason }) => {
      if (this.#shut()) handlers.onClose(code, reason);
    };
    this.#socket.onstall = (isStalled) => this.#setStalled(isStalled);
  }

  /**
   * Sends a request and waits for its response. The more requests are pending, the longer each may take; time while sending is
   * stalled, or while `isHeld`, does not count.
   */
  request(method: string, data: JsonRecord = {}, isHeld: () => boolean = () => false): Promise<unknown> {
    if (!this.#isOpen()) return Promise.reject(closedError(method));
    const id = this.#freeId();
    const timeoutMs = REQUEST_TIMEOUT_BASE_MS * (15 + 0.1 * this.#pending.size);
    return new Promise((resolve, reject) => {
      const pending: Pending = { method, resolve, reject, timeoutMs, timer: undefined, isHeld };
      this.#pending.set(id, pending);
      this.#startTimer(id, pending);
      this.#send({ request: true, id, method, data });
    });
  }

  /** Sends a notification. Lost if there is no connection. */
  notify(method: string, data: JsonRecord = {}): void {
    if (this.#isOpen()) this.#send({ notification: true, method, data });
  }

  /** Closes without a code, as protoo clients do. No handler is called after this. */
  close(): void {
    if (this.#shut()) this.#socket.close();
  }

  #isOpen(): boolean {
    return !this.#closed && this.#socket.readyState === OPEN;
  }

  #startTimer(id: number, pending: Pending): void {
    if (this.#isStalled) return;
    const fireAt = Date.now() + pending.timeoutMs;
    pending.timer = setTimeout(() => {
      if (Date.now() - fireAt < SLEPT_MS) this.#giveUp(id, pending);
      else pending.timer = setTimeout(() => this.#giveUp(id, pending), AFTER_SLEEP_MS);
    }, pending.timeoutMs);
    // A held request is not answered, so silence proves nothing.
    if (pending.isHeld()) return;
    this.#silence ??= setTimeout(() => {
      this.#silence = undefined;
      this.#socket.reopen?.();
    }, SILENCE_MS);
  }

  #giveUp(id: number, pending: Pending): void {
    const { method, timeoutMs, reject, isHeld } = pending;
    // Silence proves nothing then, so only the time limit starts again.
    if (isHeld()) {
      pending.timer = setTimeout(() => this.#giveUp(id, pending), timeoutMs);
      return;
    }
    this.#pending.delete(id);
    reject(new ConveneError('request-timeout', `"${method}" was not answered within ${Math.round(timeoutMs / 1000)} s`));
  }

  /** Restarts the time limits of pending requests when sending works again. */
  #setStalled(isStalled: boolean): void {
    this.#isStalled = isStalled;
    this.#endSilence();
    for (const [id, pending] of this.#pending) {
      clearTimeout(pending.timer);
      this.#startTimer(id, pending);
    }
  }

  #endSilence(): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
  }

  #freeId(): number {
    for (;;) {
      const id = Math.floor(Math.random() * MAX_REQUEST_ID);
      if (!this.#pending.has(id)) return id;
    }
  }

  #send(message: JsonRecord): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** Returns whether this call closed it. Pending requests are rejected. */
  #shut(): boolean {
    if (this.#closed) return false;
    this.#closed = true;
    this.#endSilence();
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { method, timer, reject } of waiting) {
      clearTimeout(timer);
      reject(new RequestUnanswered(method));
    }
    return true;
  }

  #receive(frame: unknown): void {
    if (this.#closed) return;
    this.#endSilence();
    const message = parseFrame(frame);
    if (message === undefined) {
      this.#log.warn('dropped a frame that is not a protoo message', frame);
    } else if (message['request'] === true) {
      this.#receiveRequest(message);
    } else if (message['response'] === true) {
      this.#receiveResponse(message);
    } else {
      this.#receiveNotification(message);
    }
  }

  #receiveRequest({ id, method, data }: JsonRecord): void {
    if (typeof id !== 'number' || typeof method !== 'string') {
      this.#log.warn('dropped a request without id or method', { id, method });
      return;
    }
    const refuse = (errorCode: number, errorReason: string): void => {
      if (this.#isOpen()) this.#send({ response: true, id, ok: false, errorCode, errorReason });
    };
    this.#answer(method, payload(data)).then(
      (known) => {
        if (!known) refuse(404, `unknown method "${method}"`);
        else if (this.#isOpen()) this.#send({ response: true, id, ok: true, data: {} });
      },
      (error: unknown) => {
        this.#log.warn(`could not handle the request "${method}"`, error);
        refuse(500, error instanceof Error ? error.message : String(error));
      },
    );
  }

  async #answer(method: string, data: JsonRecord): Promise<boolean> {
    const answer = this.#handlers.onRequest(method, data);
    if (answer === undefined) return false;
    await answer;
    return true;
  }

  #receiveResponse({ id, ok, data, errorCode, errorReason }: JsonRecord): void {
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (typeof id !== 'number' || pending === undefined) {
      this.#log.info('dropped a response without a pending request', { id });
      return;
    }
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if (ok === true) pending.resolve(isPresent(data) ? data : {});
    else pending.reject(new RequestRefused(pending.method, numberOr(errorCode, 500), textOr(errorReason, 'no reason given')));
  }

  #receiveNotification({ notification, method, data }: JsonRecord): void {
    if (notification !== true || typeof method !== 'string') {
      this.#log.warn('dropped a message that is neither request, response nor notification', { method });
      return;
    }
    try {
      this.#handlers.onNotification(method, payload(data));
    } catch (error) {
      this.#log.warn(`could not handle the notification "${method}"`, error);
    }
  }
}

function parseFrame(frame: unknown): JsonRecord | undefined {
  if (typeof frame !== 'string') return undefined;
  try {
    const message: unknown = JSON.parse(frame);
    return isRecord(message) ? message : undefined;
  } catch {
    return undefined;
  }
}

function payload(data: unknown): JsonRecord {
  return isRecord(data) ? data : {};
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' ? value : fallback;
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}

function closedError(method: string): ConveneError {
  return new ConveneError('connection-closed', `"${method}": the connection is closed`);
}
