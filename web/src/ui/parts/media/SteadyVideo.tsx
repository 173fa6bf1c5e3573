/** A video whose track may be exchanged: the old one stays until the new one has a picture. Never shows a blank between them. */

import { useState, type ComponentProps, type ReactNode } from 'react';
import { Video } from './Video';

type Props = ComponentProps<typeof Video>;

export function SteadyVideo({ track, onFrame, ...look }: Props): ReactNode {
  const [shown, setShown] = useState({ id: 0, track });
  const exchange = (next: HTMLVideoElement): void => {
    onFrame?.(next);
    // A window of its own shows the element, not the track, and closes with it.
    const isDetached = document.pictureInPictureElement?.parentElement === next.parentElement;
    setShown({ id: isDetached ? shown.id : shown.id + 1, track });
  };
  return (
    <>
      <Video key={shown.id} track={shown.track} onFrame={onFrame} {...look} />
      {shown.track !== track && <Video key={shown.id + 1} track={track} onFrame={exchange} {...look} />}
    </>
  );
}
