/** A voice. Reports when the browser refuses to play it before the page was clicked. */

import { useEffect, useRef, type ReactNode } from 'react';

export function RemoteAudio({ track, onBlocked }: { track: MediaStreamTrack; onBlocked: () => void }): ReactNode {
  const element = useRef<HTMLAudioElement>(null);

  useEffect(() => {
    const audio = element.current;
    if (audio === null) return undefined;
    audio.srcObject = new MediaStream([track]);
    audio.play().catch((error: unknown) => {
      // Other errors only say that a newer stream took this one's place.
      if (error instanceof DOMException && error.name === 'NotAllowedError') onBlocked();
    });
    return () => {
      audio.srcObject = null;
    };
  }, [track, onBlocked]);

  return <audio ref={element} autoPlay />;
}
