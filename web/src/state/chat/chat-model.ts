/**
 * The chat of a call: keeps the messages, loads pages of the history, and fills gaps that a slow connection left.
 *
 * `chat.ts` decides how messages are merged; the call decides what is announced.
 */

import type { ChatPage } from '../../core/signaling/decode';
import type { ChatMessage } from '../../generated/messages';
import { gapOf, withEarlierPage, withFilledGap, withMessage, withNewestPage, type ChatLog } from './chat';

/** Missing messages may still be on their way. */
const FILL_PAUSE_MS = 500;
/** The pause doubles after each failure; after the last attempt a gap stays. */
const LONGEST_FILL_PAUSE_MS = 16_000;

export interface ChatPort {
  say(text: string): Promise<{ id: number; sentAt: number }>;
  history(before?: number): Promise<ChatPage>;
}

export interface ChatDependencies {
  port: ChatPort;
  read: () => ChatLog;
  write: (log: ChatLog) => void;
  /** Whether the chat panel is open. */
  isOpen: () => boolean;
  later: (ms: number, act: () => void) => void;
}

export class ChatModel {
  readonly #dependencies: ChatDependencies;
  #isFilling = false;
  #fillPauseMs = FILL_PAUSE_MS;

  constructor(dependencies: ChatDependencies) {
    this.#dependencies = dependencies;
  }

  /** Throws a ConveneError. */
  async say(text: string, author: Pick<ChatMessage, 'peerId' | 'displayName'>): Promise<void> {
    const { id, sentAt } = await this.#dependencies.port.say(text);
    this.take({ ...author, id, sentAt, text }, true);
  }

  take(message: ChatMessage, isRead: boolean): void {
    this.#write(withMessage(this.#log, message, isRead));
  }

  takeNewest(page: ChatPage): void {
    this.#fillPauseMs = FILL_PAUSE_MS;
    this.#write(withNewestPage(this.#log, page, this.#dependencies.isOpen()));
  }

  /** The chat panel was opened. Loads the first page if that failed when joining. */
  opened({ mayRead }: { mayRead: boolean }): void {
    this.#write({ ...this.#log, unread: 0 });
    if (mayRead && !this.#log.isLoaded) void this.loadEarlier();
  }

  async loadEarlier(): Promise<void> {
    const { messages, earlier, isLoaded } = this.#log;
    if (earlier === 'loading') return;
    this.#write({ ...this.#log, earlier: 'loading' });
    try {
      const page = await this.#dependencies.port.history(isLoaded ? messages[0]?.id : undefined);
      const log: ChatLog = { ...this.#log, earlier: 'none' };
      // The page requested at the join may have arrived meanwhile; this one is merged anyway.
      this.#write(isLoaded ? withEarlierPage(log, page) : withNewestPage({ ...log, isLoaded }, page, this.#dependencies.isOpen()));
    } catch {
      this.#write({ ...this.#log, earlier: 'failed' });
    }
  }

  get #log(): ChatLog {
    return this.#dependencies.read();
  }

  #write(log: ChatLog): void {
    this.#dependencies.write(log);
    this.#fillSoon();
  }

  #fillSoon(): void {
    if (this.#isFilling || gapOf(this.#log) === undefined) return;
    this.#isFilling = true;
    this.#dependencies.later(this.#fillPauseMs, () => {
      void this.#fill().then(() => {
        this.#isFilling = false;
        this.#fillSoon();
      });
    });
  }

  async #fill(): Promise<void> {
    const gap = gapOf(this.#log);
    if (gap === undefined) return;
    try {
      const page = await this.#dependencies.port.history(gap);
      this.#fillPauseMs = FILL_PAUSE_MS;
      this.#dependencies.write(withFilledGap(this.#log, page, gap, this.#dependencies.isOpen()));
    } catch {
      this.#fillFailed(gap);
    }
  }

  #fillFailed(gap: number): void {
    if (this.#fillPauseMs < LONGEST_FILL_PAUSE_MS) this.#fillPauseMs *= 2;
    else this.#dependencies.write({ ...this.#log, checkedTo: Math.max(this.#log.checkedTo, gap) });
  }
}
