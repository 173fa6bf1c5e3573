/** A picture. It stays unseen until there is a first frame, so what lies behind it shows instead of black. */

import { useEffect, useRef, useState, type ReactNode } from 'react';

interface Props {
  track: MediaStreamTrack;
  isMirrored?: boolean;
}

export function Video({ track, isMirrored = false }: Props): ReactNode {
  const element = useRef<HTMLVideoElement>(null);
  const [hasPicture, setHasPicture] = useState(false);

  useEffect(() => {
    const video = element.current;
    if (video === null) return undefined;
    video.srcObject = new MediaStream([track]);
    return () => {
      video.srcObject = null;
    };
  }, [track]);

  return (
    <video
      ref={element}
      className={`video${isMirrored ? ' video-mirrored' : ''}${hasPicture ? ' video-visible' : ''}`}
      autoPlay
      playsInline
      muted
      onLoadedData={() => setHasPicture(true)}
    />
  );
}
