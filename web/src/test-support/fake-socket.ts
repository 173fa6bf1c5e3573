/** A fake WebSocket: records what is sent, and receives what the test sends. */

import type { JsonRecord } from '../core/signaling/json';
import type { SocketLike } from '../core/signaling/protoo';

export class FakeSocket implements SocketLike {
  readyState: 0 | 1 | 2 | 3 = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: JsonRecord[] = [];
  readonly url: string;
  readonly protocol: string | string[];
  isClosedByClient = false;
  /** Called for each sent message; a fake server responds here. */
  onSent: (message: JsonRecord) => void = () => undefined;

  constructor(url: string, protocol: string | string[]) {
    this.url = url;
    this.protocol = protocol;
  }

  send(text: string): void {
    const message = JSON.parse(text) as JsonRecord;
    this.sent.push(message);
    this.onSent(message);
  }

  close(): void {
    this.readyState = 3;
    this.isClosedByClient = true;
  }

  serverOpens(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  serverSends(message: unknown): void {
    this.onmessage?.({ data: typeof message === 'string' ? message : JSON.stringify(message) });
  }

  serverCloses(code: number, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}
