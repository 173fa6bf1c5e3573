/** A video element. Hidden until the first frame, so that what is behind it shows instead of black. */

import { useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { keepPlaying } from '../../../core/media/playback';
import type { Size } from '../../../state/tiles/watching';

interface Props {
  track: MediaStreamTrack;
  isMirrored?: boolean;
  /** Shows the whole video with margins instead of filling the box. */
  isWhole?: boolean;
  /** Called when the size of the video changes. */
  onSize?: (size: Size) => void;
  /** Called when there is a frame. */
  onFrame?: ((element: HTMLVideoElement) => void) | undefined;
}

export function Video({ track, isMirrored = false, isWhole = false, onSize, onFrame }: Props): ReactNode {
  const element = useRef<HTMLVideoElement>(null);
  const [hasPicture, setHasPicture] = useState(false);
  const [isPainted, setIsPainted] = useState(false);

  // Before painting, which may take longer than the browser needs to show the first frame.
  useLayoutEffect(() => {
    const video = element.current;
    if (video === null) return undefined;
    video.srcObject = new MediaStream([track]);
    // Muted video needs no click in any browser.
    const end = keepPlaying(video, { onBlocked: () => undefined });
    return () => {
      end();
      video.srcObject = null;
    };
  }, [track]);

  const classes = [
    'video',
    isMirrored ? 'video-mirrored' : '',
    isWhole ? 'video-whole' : '',
    hasPicture ? 'video-visible' : '',
    isPainted ? 'video-painted' : '',
  ];
  return (
    <video
      ref={element}
      className={classes.filter((one) => one !== '').join(' ')}
      autoPlay
      playsInline
      muted
      onLoadedData={({ currentTarget }) => {
        setHasPicture(true);
        whenPainted(currentTarget, () => {
          setIsPainted(true);
          onFrame?.(currentTarget);
        });
      }}
      onResize={({ currentTarget: { videoWidth: width, videoHeight: height } }) => onSize?.({ width, height })}
    />
  );
}

/** There are browsers that have decoded the first frame long before they show it. */
function whenPainted(video: HTMLVideoElement, act: () => void): void {
  if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(act);
  else act();
}
