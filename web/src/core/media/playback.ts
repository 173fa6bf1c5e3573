/**
 * Keeps sound and pictures of others playing. Systems pause them for a phone call, by a key of the headset or on the lock screen, and
 * do not always start them again; some browsers want a click first. Whoever pauses a call means to leave it or to mute it.
 */

import type { Unsubscribe } from '../emitter';

/** The part of an audio or video element that is used here. */
export type Playable = Pick<HTMLMediaElement, 'play' | 'paused' | 'ended'> & Pick<EventTarget, 'addEventListener' | 'removeEventListener'>;

/** Where the page tells that it is seen again. */
export type PageView = Pick<EventTarget, 'addEventListener' | 'removeEventListener'> & { visibilityState: DocumentVisibilityState };

/** A system that pauses again this soon insists: then the person decides. */
const INSISTS_MS = 3000;

export interface PlaybackOptions {
  /** It cannot go on without a click; or it goes on. */
  onBlocked: (isBlocked: boolean) => void;
  page?: PageView;
  now?: () => number;
}

/** Plays from now on, until it is ended. */
export function keepPlaying(element: Playable, { onBlocked, page = document, now = Date.now }: PlaybackOptions): Unsubscribe {
  let hasEnded = false;
  let restartedAt = -Infinity;

  const play = (): void => {
    element.play().catch((error: unknown) => {
      // An AbortError only says that a newer stream took this one's place.
      if (!hasEnded && isRefused(error)) onBlocked(true);
    });
  };
  const onPause = (): void => {
    if (element.ended) return;
    if (now() - restartedAt < INSISTS_MS) return onBlocked(true);
    restartedAt = now();
    play();
  };
  const onPlaying = (): void => onBlocked(false);
  const onView = (): void => {
    if (page.visibilityState === 'visible' && element.paused && !element.ended) play();
  };

  element.addEventListener('pause', onPause);
  element.addEventListener('playing', onPlaying);
  page.addEventListener('visibilitychange', onView);
  play();
  return () => {
    hasEnded = true;
    element.removeEventListener('pause', onPause);
    element.removeEventListener('playing', onPlaying);
    page.removeEventListener('visibilitychange', onView);
  };
}

function isRefused(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'NotAllowedError';
}
