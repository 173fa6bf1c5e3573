// Records every protoo message of a browser page, in both directions and in order.
import type { Page } from '@playwright/test';

export interface Message {
  readonly request?: boolean;
  readonly response?: boolean;
  readonly notification?: boolean;
  readonly id?: number;
  readonly method?: string;
  readonly ok?: boolean;
  readonly data?: unknown;
  readonly errorCode?: number;
  readonly errorReason?: string;
}

interface Entry {
  readonly way: 'sent' | 'received';
  readonly message: Message;
}

/** A request of either side, with its response if there is one. */
export interface Exchange {
  readonly at: number;
  readonly data: unknown;
  readonly answer: Message | undefined;
  readonly answeredAt: number;
}

export class Wire {
  readonly entries: Entry[] = [];
  /** All connections, whether they succeeded or not. */
  connections = 0;

  constructor(page: Page) {
    page.on('websocket', (socket) => {
      this.connections += 1;
      socket.on('framesent', ({ payload }) => this.#note('sent', payload));
      socket.on('framereceived', ({ payload }) => this.#note('received', payload));
    });
  }

  #note(way: Entry['way'], payload: string | Buffer): void {
    this.entries.push({ way, message: JSON.parse(payload.toString()) as Message });
  }

  /** Requests with that method, from the side named by `way` as the client sees it, oldest first. */
  requests(way: Entry['way'], method: string): Exchange[] {
    const other = way === 'sent' ? 'received' : 'sent';
    return this.entries.flatMap((entry, at) => {
      const { request, method: name, id, data } = entry.message;
      if (entry.way !== way || request !== true || name !== method) return [];
      const after = this.entries.slice(at).findIndex((one) => one.way === other && one.message.response === true && one.message.id === id);
      return [{ at, data, answer: this.entries[at + after]?.message, answeredAt: after < 0 ? Infinity : at + after }].map((exchange) =>
        after < 0 ? { ...exchange, answer: undefined } : exchange,
      );
    });
  }

  /** Payloads of notifications with that method, oldest first. */
  notifications(way: Entry['way'], method: string): { readonly at: number; readonly data: unknown }[] {
    return this.entries.flatMap(({ way: of, message }, at) =>
      of === way && message.notification === true && message.method === method ? [{ at, data: message.data }] : [],
    );
  }
}
