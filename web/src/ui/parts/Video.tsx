/** A picture. It stays unseen until there is a first frame, so what lies behind it shows instead of black. */

import { useEffect, useRef, useState, type ReactNode } from 'react';
import { keepPlaying } from '../../core/media/playback';
import type { Size } from '../../state/tiles/watching';

interface Props {
  track: MediaStreamTrack;
  isMirrored?: boolean;
  /** Shows all of it, with margins, instead of filling the box. */
  isWhole?: boolean;
  /** The picture has this size, or no longer has the one before. */
  onSize?: (size: Size) => void;
}

export function Video({ track, isMirrored = false, isWhole = false, onSize }: Props): ReactNode {
  const element = useRef<HTMLVideoElement>(null);
  const [hasPicture, setHasPicture] = useState(false);

  useEffect(() => {
    const video = element.current;
    if (video === null) return undefined;
    video.srcObject = new MediaStream([track]);
    // Without sound no browser wants a click.
    const end = keepPlaying(video, { onBlocked: () => undefined });
    return () => {
      end();
      video.srcObject = null;
    };
  }, [track]);

  const classes = ['video', isMirrored ? 'video-mirrored' : '', isWhole ? 'video-whole' : '', hasPicture ? 'video-visible' : ''];
  return (
    <video
      ref={element}
      className={classes.filter((one) => one !== '').join(' ')}
      autoPlay
      playsInline
      muted
      onLoadedData={() => setHasPicture(true)}
      onResize={({ currentTarget: { videoWidth: width, videoHeight: height } }) => onSize?.({ width, height })}
    />
  );
}
