/** The chat's messages: order, unread count, gaps, and safe links. Pure. */

import { shownName } from '../../core/peer/display-name';
import type { ChatPage } from '../../core/signaling/decode';
import type { ChatMessage } from '../../generated/messages';

/** More than a room keeps. In a long call the oldest messages are dropped. */
export const MOST_MESSAGES = 1000;

/** State of loading the messages before the first one. */
export type Earlier = 'none' | 'more' | 'loading' | 'failed';

export interface ChatLog {
  messages: readonly ChatMessage[];
  /** Messages of others received while the chat was closed. */
  unread: number;
  earlier: Earlier;
  /** Whether the newest page has been loaded. */
  isLoaded: boolean;
  /** Gaps up to this id are not requested: the room no longer has these messages. */
  checkedTo: number;
}

export const EMPTY_CHAT: ChatLog = { messages: [], unread: 0, earlier: 'none', isLoaded: false, checkedTo: 0 };

/** Merges the newest page, after joining and after each reconnect: known messages are not counted as unread again. */
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

/** Merges a page before the first message. */
export function withEarlierPage(log: ChatLog, page: ChatPage): ChatLog {
  const after = merged(log, unknownOf(log, page.messages));
  const isFull = after.messages.length >= MOST_MESSAGES;
  return { ...after, earlier: isFull ? 'none' : earlierAfter({ ...log, earlier: 'none' }, page) };
}

/**
 * Ids are consecutive in a room. Missing ones were skipped because this client was too slow: returns the id above the
 * newest gap; the page before it fills the gap.
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

/** Merges the page before a gap's upper end. If it has nothing for the gap, or nothing older exists, the rest of the gap is lost. */
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

/** Another room restarts at 1: its messages have the same ids with other contents, or its newest id is smaller. */
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

/** Only a page that reaches further back tells whether there is more. */
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
  // Messages dropped here are not a gap.
  const gone = all.length > messages.length ? (messages[0]?.id ?? 0) : 0;
  return { ...log, messages, checkedTo: Math.max(log.checkedTo, gone) };
}

/** Consecutive messages of one sender within this time are grouped. */
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
/** Punctuation that belongs to the sentence rather than to the URL. */
const TRAILING = /[.,;:!?)\]}]+$/u;

/** Splits text into plain text and links. Only valid http and https URLs become links. */
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
  // A URL with a user name can disguise its host.
  return (protocol === 'http:' || protocol === 'https:') && username === '' ? href : undefined;
}
