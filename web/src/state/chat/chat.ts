/** The chat as it is read: messages in their order, what is unread, and links that are safe to follow. Pure. */

import { shownName } from '../../core/peer/display-name';
import type { ChatPage } from '../../core/signaling/decode';
import type { ChatMessage } from '../../generated/messages';

/** More than a room keeps. Messages of a long call go, the oldest first. */
export const MOST_MESSAGES = 1000;

/** How it stands with messages before the first one here. */
export type Earlier = 'none' | 'more' | 'loading' | 'failed';

export interface ChatLog {
  messages: readonly ChatMessage[];
  /** Messages of others that came while the chat was closed. */
  unread: number;
  earlier: Earlier;
  /** Whether the newest page of the room's chat has been seen. */
  isLoaded: boolean;
  /** Gaps up to this id are not asked for: there is nothing in them that the room still keeps. */
  checkedTo: number;
}

export const EMPTY_CHAT: ChatLog = { messages: [], unread: 0, earlier: 'none', isLoaded: false, checkedTo: 0 };

/** The newest page, after joining and after each reconnect: what is known already is not unread again. */
export function withNewestPage(log: ChatLog, page: ChatPage, isOpen: boolean): ChatLog {
  const before = isOfSameRoom(log, page.messages) ? log : EMPTY_CHAT;
  const fresh = unknownOf(before, page.messages);
  const checkedTo = before.isLoaded ? before.checkedTo : (page.messages.at(-1)?.id ?? 0);
  return {
    ...merged({ ...before, checkedTo }, fresh),
    unread: isOpen || !log.isLoaded ? log.unread : log.unread + fresh.length,
    earlier: earlierAfter(before, page),
    isLoaded: true,
  };
}

/** A page of what was said before the first message here. */
export function withEarlierPage(log: ChatLog, page: ChatPage): ChatLog {
  const after = merged(log, unknownOf(log, page.messages));
  const isFull = after.messages.length >= MOST_MESSAGES;
  return { ...after, earlier: isFull ? 'none' : earlierAfter({ ...log, earlier: 'none' }, page) };
}

/**
 * Ids are consecutive in a room. Where some are missing, messages were skipped for a client that was too slow: this is the id above the
 * newest such gap, and the page before it closes the gap.
 */
export function gapOf({ messages, isLoaded, earlier, checkedTo }: ChatLog): number | undefined {
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const id = messages[index]?.id ?? 0;
    if (id <= checkedTo) return undefined;
    const below = messages[index - 1]?.id ?? (isLoaded && earlier === 'none' ? checkedTo : id - 1);
    if (id - below > 1) return id;
  }
  return undefined;
}

/** The page before a gap's upper end. If it brings nothing into the gap, or there is nothing older, the rest of the gap is gone. */
export function withFilledGap(log: ChatLog, page: ChatPage, gap: number, isOpen: boolean): ChatLog {
  const below = log.messages.findLast(({ id }) => id < gap)?.id ?? log.checkedTo;
  const fresh = unknownOf(log, page.messages);
  const missed = fresh.filter(({ id }) => id > below && id < gap);
  const isSettled = missed.length === 0 || !page.hasMore;
  return {
    ...merged({ ...log, checkedTo: isSettled ? gap : log.checkedTo }, fresh),
    unread: isOpen ? log.unread : log.unread + missed.length,
    earlier: earlierAfter(log, page),
  };
}

export function withMessage(log: ChatLog, message: ChatMessage, isRead: boolean): ChatLog {
  const known = log.messages.find(({ id }) => id === message.id);
  if (known !== undefined && isSame(known, message)) return log;
  const before = known === undefined ? log : EMPTY_CHAT;
  return { ...merged(before, [message]), unread: isRead ? log.unread : log.unread + 1 };
}

/** Another room counts from 1 again: other messages have the ids, or the newest id is smaller. */
function isOfSameRoom({ messages }: ChatLog, page: readonly ChatMessage[]): boolean {
  const known = new Map(messages.map((one) => [one.id, one]));
  const common = page.filter(({ id }) => known.has(id));
  if (common.length > 0) return common.every((one) => isSame(known.get(one.id) ?? one, one));
  return (page.at(-1)?.id ?? 0) >= (messages.at(-1)?.id ?? 0);
}

function isSame(one: ChatMessage, other: ChatMessage): boolean {
  return one.peerId === other.peerId && one.sentAt === other.sentAt;
}

function unknownOf({ messages }: ChatLog, page: readonly ChatMessage[]): ChatMessage[] {
  const known = new Set(messages.map(({ id }) => id));
  return page.filter(({ id }, index) => !known.has(id) && page.findIndex((one) => one.id === id) === index);
}

/** Only a page that reaches further back says whether there is more. */
function earlierAfter({ messages, earlier, isLoaded }: ChatLog, { messages: page, hasMore }: ChatPage): Earlier {
  const first = messages[0]?.id ?? Infinity;
  const reachesBack = isLoaded ? (page[0]?.id ?? Infinity) < first : (page[0]?.id ?? Infinity) <= first;
  if (earlier === 'loading' || !reachesBack) return earlier;
  return hasMore ? 'more' : 'none';
}

function merged(log: ChatLog, fresh: readonly ChatMessage[]): ChatLog {
  const shown = fresh.map((message) => ({ ...message, displayName: shownName(message.displayName) }));
  const all = [...log.messages, ...shown].sort((one, other) => one.id - other.id);
  const messages = all.slice(-MOST_MESSAGES);
  // What had to go is no gap.
  const gone = all.length > messages.length ? (messages[0]?.id ?? 0) : 0;
  return { ...log, messages, checkedTo: Math.max(log.checkedTo, gone) };
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
