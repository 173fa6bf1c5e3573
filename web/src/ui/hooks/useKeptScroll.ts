/** Keeps what is being read in its place while messages come before, between and after it. At the end it follows new messages. */

import { useCallback, useLayoutEffect, useRef, type RefObject } from 'react';
import type { ChatMessage } from '../../generated/messages';

/** Less than this below what is shown counts as the end. */
const END_PX = 40;

/** Where the list is: at its end, or with this message so far below its upper edge. */
type Place = 'end' | { id: string; top: number };

interface KeptScroll {
  list: RefObject<HTMLDivElement | null>;
  /** To be called when the list is scrolled. */
  notePlace: () => void;
}

/** Messages carry their id in `data-message-id`. `change` is whatever else changes the heights in the list. */
export function useKeptScroll(messages: readonly ChatMessage[], selfId: string, change: unknown): KeptScroll {
  const list = useRef<HTMLDivElement>(null);
  const place = useRef<Place>('end');
  const newestId = useRef<number>(undefined);
  useLayoutEffect(() => {
    const newest = messages.at(-1);
    // One's own message is always shown.
    if (newest !== undefined && newest.id !== newestId.current && newest.peerId === selfId) place.current = 'end';
    newestId.current = newest?.id;
    if (list.current !== null) goTo(list.current, place.current);
  }, [messages, selfId, change]);
  const notePlace = useCallback(() => {
    if (list.current !== null) place.current = placeOf(list.current);
  }, []);
  return { list, notePlace };
}

function placeOf(list: HTMLElement): Place {
  if (list.scrollHeight - list.scrollTop - list.clientHeight <= END_PX) return 'end';
  const edge = list.getBoundingClientRect().top;
  const first = [...list.querySelectorAll<HTMLElement>('[data-message-id]')].find((one) => one.getBoundingClientRect().bottom > edge);
  const id = first?.dataset['messageId'];
  return first === undefined || id === undefined ? 'end' : { id, top: first.getBoundingClientRect().top - edge };
}

function goTo(list: HTMLElement, place: Place): void {
  if (place === 'end') {
    list.scrollTop = list.scrollHeight;
    return;
  }
  const message = list.querySelector(`[data-message-id="${place.id}"]`);
  if (message !== null) list.scrollTop += message.getBoundingClientRect().top - list.getBoundingClientRect().top - place.top;
}
