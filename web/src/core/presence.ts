/**
 * Whether a user is at this page: hidden for long, frozen or left means away; visible again, focused or touched means here.
 *
 * It reports and decides nothing.
 */

import type { Unsubscribe } from './emitter';

/** Switching to another tab and back is not being away. */
export const AWAY_AFTER_MS = 60_000;

const AWAY_AT_ONCE = ['freeze', 'pagehide'] as const;
const HERE = ['resume', 'pageshow', 'focus', 'pointermove', 'pointerdown', 'keydown'] as const;

/** The parts of a browser's document and window that are used here. */
export interface PageEvents {
  document: Pick<Document, 'visibilityState' | 'addEventListener' | 'removeEventListener'>;
  window: Pick<Window, 'addEventListener' | 'removeEventListener'>;
}

/** Calls `listener` on each sign, also if the last one said the same. */
export function watchPresence(listener: (isHere: boolean) => void, page: PageEvents = { document, window }): Unsubscribe {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const here = (): void => {
    clearTimeout(timer);
    if (page.document.visibilityState === 'visible') listener(true);
  };
  const away = (): void => {
    clearTimeout(timer);
    listener(false);
  };
  const onVisibility = (): void => {
    here();
    if (page.document.visibilityState === 'hidden') timer = setTimeout(away, AWAY_AFTER_MS);
  };
  const handlers: [string, () => void][] = [
    ['visibilitychange', onVisibility],
    ...AWAY_AT_ONCE.map((name): [string, () => void] => [name, away]),
    ...HERE.map((name): [string, () => void] => [name, here]),
  ];
  // `freeze` and `resume` are events of the document, which do not bubble; the others reach the window.
  const targetOf = (name: string): Pick<EventTarget, 'addEventListener' | 'removeEventListener'> =>
    name === 'freeze' || name === 'resume' || name === 'visibilitychange' ? page.document : page.window;
  for (const [name, handler] of handlers) targetOf(name).addEventListener(name, handler);
  return () => {
    clearTimeout(timer);
    for (const [name, handler] of handlers) targetOf(name).removeEventListener(name, handler);
  };
}
