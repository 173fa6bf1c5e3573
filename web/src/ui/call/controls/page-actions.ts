/** What the page can do with itself. Browsers may refuse each of these; then nothing happens. */

import { inviteLink } from '../../../core/meeting/meeting';

export function toggleFullScreen(): void {
  const done = document.fullscreenElement === null ? document.documentElement.requestFullscreen() : document.exitFullscreen();
  done.catch(() => undefined);
}

/** The large picture, or else the first of somebody else, goes into a window of its own. */
export function pictureInPicture(): void {
  if (document.pictureInPictureElement !== null) {
    document.exitPictureInPicture().catch(() => undefined);
    return;
  }
  const others = '[data-self="false"] video.video-visible';
  const video = document.querySelector<HTMLVideoElement>(`[data-main="true"]${others}, ${others}, video.video-visible`);
  video?.requestPictureInPicture().catch(() => undefined);
}

export function copyLink(onCopied: () => void): void {
  copyText(inviteLink(location), onCopied);
}

export function copyText(text: string, onCopied: () => void = () => undefined): void {
  // Without a secure context there is no clipboard; the address bar still has the link.
  navigator.clipboard.writeText(text).then(onCopied, () => undefined);
}
