/** Actions on the page itself. Browsers may reject any of them; then nothing happens. */

import { inviteLink } from '../../../core/meeting/meeting';

export function toggleFullScreen(): void {
  const done = document.fullscreenElement === null ? document.documentElement.requestFullscreen() : document.exitFullscreen();
  done.catch(() => undefined);
}

/** Picture-in-picture for the large tile, or else the first remote one. */
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
  // There is no clipboard without a secure context; the link is still in the address bar.
  navigator.clipboard.writeText(text).then(onCopied, () => undefined);
}
