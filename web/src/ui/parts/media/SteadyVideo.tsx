/** A video whose track may be replaced: the old one stays until the new one has a picture. Never shows a blank between them. */

import { useEffect, useState, type ComponentProps, type ReactNode } from 'react';
import { Video } from './Video';

type Props = ComponentProps<typeof Video>;

/** The old picture stands still by then. */
const ARRIVAL_MS = 5000;

export function SteadyVideo({ track, onFrame, ...look }: Props): ReactNode {
  const [shown, setShown] = useState({ key: track.id, track });
  const isChanging = shown.track !== track;
  const replace = (next: HTMLVideoElement): void => {
    onFrame?.(next);
    // A window of its own shows the element, not the track, and closes with it.
    const isDetached = document.pictureInPictureElement?.parentElement === next.parentElement;
    setShown({ key: isDetached ? shown.key : track.id, track });
  };
  useEffect(() => {
    if (!isChanging) return undefined;
    const timer = setTimeout(() => setShown({ key: track.id, track }), ARRIVAL_MS);
    return () => clearTimeout(timer);
  }, [isChanging, track]);
  return (
    <>
      <Video key={shown.key} track={shown.track} onFrame={onFrame} {...look} />
      {isChanging && <Video key={track.id} track={track} onFrame={replace} {...look} />}
    </>
  );
}
