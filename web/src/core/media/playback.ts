/**
 * Keeps remote audio and video playing. Systems pause them for a phone call, by a headset key or on the lock screen, and
 * do not always resume them; some browsers require a click first. Users leave or mute a call, they do not pause it.
 */

import type { Unsubscribe } from '../emitter';

/** The part of an audio or video element that is used here. */
export type Playable = Pick<HTMLMediaElement, 'play' | 'paused' | 'ended'> & Pick<EventTarget, 'addEventListener' | 'removeEventListener'>;

/** The document, which reports when the page is visible again. */
export type PageView = Pick<EventTarget, 'addEventListener' | 'removeEventListener'> & { visibilityState: DocumentVisibilityState };

/** A pause this soon after a restart is intended by the system: then the user decides. */
const INSISTS_MS = 3000;

export interface PlaybackOptions {
  /** Called when playback needs a click, and when it resumes. */
  onBlocked: (isBlocked: boolean) => void;
  page?: PageView;
  now?: () => number;
}

/** Keeps `element` playing until the returned function is called. */
export function keepPlaying(element: Playable, { onBlocked, page = document, now = Date.now }: PlaybackOptions): Unsubscribe {
  let hasEnded = false;
  let restartedAt = -Infinity;

  const play = (): void => {
    element.play().catch((error: unknown) => {
      // An AbortError only means that a newer stream replaced this one.
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
