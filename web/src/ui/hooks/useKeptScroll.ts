/** Keeps the scroll position while messages are added before, between and after the visible ones. At the end it follows new messages. */

import { useCallback, useLayoutEffect, useRef, type RefObject } from 'react';
import type { ChatMessage } from '../../generated/messages';

/** Being this close to the end counts as the end. */
const END_PX = 40;

/** The scroll position: at the end, or with this message at this distance from the top. */
type Place = 'end' | { id: string; top: number };

interface KeptScroll {
  list: RefObject<HTMLDivElement | null>;
  /** Call when the list is scrolled. */
  notePlace: () => void;
}

/** Messages have their id in `data-message-id`. `change` is anything else that changes heights in the list. */
export function useKeptScroll(messages: readonly ChatMessage[], selfId: string, change: unknown): KeptScroll {
  const list = useRef<HTMLDivElement>(null);
  const place = useRef<Place>('end');
  const newestId = useRef<number>(undefined);
  useLayoutEffect(() => {
    const newest = messages.at(-1);
    // Always scrolls to an own message.
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
