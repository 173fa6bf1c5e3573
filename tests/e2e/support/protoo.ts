// A signaling client that may misbehave: sends any text or bytes over the WebSocket and keeps the answers.
import { once } from 'node:events';

import { WebSocket } from 'ws';

import { waitUntil } from './wait.ts';

export interface Response {
  readonly response: true;
  readonly id: number;
  readonly ok?: boolean;
  readonly data?: Record<string, unknown>;
  readonly errorCode?: number;
  readonly errorReason?: string;
}

interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** Maximum time for an answer that counts as immediate. */
const AT_ONCE_SECONDS = 2;

export class ProtooClient {
  readonly #socket: WebSocket;
  readonly #responses: Response[] = [];
  readonly notifications: string[] = [];
  #closing: Closing | undefined;
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#receive(String(data)));
    socket.on('close', (code, reason) => (this.#closing = { code, reason: reason.toString() }));
    socket.on('error', () => undefined); // a close follows
  }

  static async connect(url: string, ca?: Buffer): Promise<ProtooClient> {
    const socket = new WebSocket(url, 'protoo', ca === undefined ? {} : { ca });
    const client = new ProtooClient(socket);
    await once(socket, 'open');
    return client;
  }

  #receive(text: string): void {
    const message = JSON.parse(text) as Record<string, unknown>;
    if (message['response'] === true) this.#responses.push(message as unknown as Response);
    else if (message['notification'] === true) this.notifications.push(String(message['method']));
    else if (message['request'] === true) {
      this.send(JSON.stringify({ response: true, id: message['id'], ok: true, data: {} }));
    }
  }

  /** Any text at all. */
  send(text: string): void {
    this.#socket.send(text);
  }

  async request(method: string, data: unknown = {}): Promise<Response> {
    const id = this.#nextId++;
    this.send(JSON.stringify({ request: true, id, method, data }));
    return this.answerTo(id);
  }

  async answerTo(id: number): Promise<Response> {
    let answer: Response | undefined;
    await waitUntil(`the answer to request ${String(id)}`, AT_ONCE_SECONDS, () => {
      answer = this.#responses.find((response) => response.id === id);
      return answer === undefined ? `none came (${this.#state()})` : undefined;
    });
    return answer as Response;
  }

  /** The next error answer to a message whose id could not be read. */
  async complaint(): Promise<Response> {
    return this.answerTo(-1);
  }

  forgetAnswers(): void {
    this.#responses.length = 0;
  }

  async join(displayName: string): Promise<Response> {
    return this.request('join', { displayName, device: { flag: 'unknown', name: 'test', version: '1' } });
  }

  #state(): string {
    return this.#closing === undefined ? 'the socket is open' : `the socket was closed: ${String(this.#closing.code)} ${this.#closing.reason}`;
  }

  get isOpen(): boolean {
    return this.#closing === undefined && this.#socket.readyState === WebSocket.OPEN;
  }

  async closed(seconds: number): Promise<Closing> {
    await waitUntil('the socket is closed', seconds, () => (this.#closing === undefined ? 'it is open' : undefined));
    return this.#closing as Closing;
  }

  close(): void {
    this.#socket.terminate();
  }
}
