/** The chat as it is read: messages in their order, what is unread, and links that are safe to follow. Pure. */

import { shownName } from '../core/display-name';
import type { ChatMessage } from '../generated/messages';

/** As many as the server keeps, and some more of a long call. */
const KEPT = 500;

export interface ChatLog {
  messages: readonly ChatMessage[];
  /** Messages of others that came while the chat was closed. */
  unread: number;
}

export const EMPTY_CHAT: ChatLog = { messages: [], unread: 0 };

/** History after joining, and after each reconnect: what is known already is not unread again. */
export function withHistory(log: ChatLog, history: readonly ChatMessage[], isOpen: boolean): ChatLog {
  // Numbers count up in a room; smaller ones than before mean another room, whose history starts anew.
  const isSameRoom = (history.at(-1)?.id ?? Infinity) >= (log.messages.at(-1)?.id ?? 0);
  const before = isSameRoom ? log : EMPTY_CHAT;
  const fresh = history.filter(({ id }) => !before.messages.some((one) => one.id === id));
  const isFirst = log.messages.length === 0;
  return { messages: merge(before.messages, fresh), unread: isOpen || isFirst ? log.unread : log.unread + fresh.length };
}

export function withMessage(log: ChatLog, message: ChatMessage, isRead: boolean): ChatLog {
  if (log.messages.some(({ id }) => id === message.id)) return log;
  return { messages: merge(log.messages, [message]), unread: isRead ? log.unread : log.unread + 1 };
}

function merge(messages: readonly ChatMessage[], fresh: readonly ChatMessage[]): ChatMessage[] {
  const shown = fresh.map((message) => ({ ...message, displayName: shownName(message.displayName) }));
  return [...messages, ...shown].sort((one, other) => one.id - other.id).slice(-KEPT);
}

/** Messages of one person within this time stand under one name. */
const ONE_BREATH_MS = 3 * 60_000;

export interface ChatGroup {
  key: number;
  peerId: string;
  displayName: string;
  sentAt: number;
  messages: readonly ChatMessage[];
}

export function groupsOf(messages: readonly ChatMessage[]): ChatGroup[] {
  const groups: ChatGroup[] = [];
  for (const message of messages) {
    const last = groups.at(-1);
    const continues = last?.peerId === message.peerId && last.displayName === message.displayName && message.sentAt - last.sentAt < ONE_BREATH_MS;
    if (continues) groups[groups.length - 1] = { ...last, messages: [...last.messages, message] };
    else groups.push({ key: message.id, peerId: message.peerId, displayName: message.displayName, sentAt: message.sentAt, messages: [message] });
  }
  return groups;
}

export type TextPart = { kind: 'text'; text: string } | { kind: 'link'; text: string; href: string };

const LINK = /\bhttps?:\/\/[^\s<>"']+/giu;
/** Punctuation that belongs to the sentence rather than to the address. */
const TRAILING = /[.,;:!?)\]}]+$/u;

/** Text with its web addresses told apart. Only http and https become links, and only what a browser can read as an address. */
export function partsOf(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const address = match[0].replace(TRAILING, '');
    const href = hrefOf(address);
    if (href === undefined) continue;
    if (match.index > end) parts.push({ kind: 'text', text: text.slice(end, match.index) });
    parts.push({ kind: 'link', text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) parts.push({ kind: 'text', text: text.slice(end) });
  return parts;
}

function hrefOf(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const { protocol, href, username } = new URL(address);
  // An address with a user name shows one host and leads to another.
  return (protocol === 'http:' || protocol === 'https:') && username === '' ? href : undefined;
}
