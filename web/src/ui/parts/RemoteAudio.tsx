/** A voice. Reports when the browser refuses to play it before the page was clicked. */

import { useEffect, useRef, type ReactNode } from 'react';

interface Props {
  track: MediaStreamTrack;
  isSilent: boolean;
  /** Where it is to be heard; undefined: where the system says. */
  speakerId: string | undefined;
  onBlocked: () => void;
}

export function RemoteAudio({ track, isSilent, speakerId, onBlocked }: Props): ReactNode {
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

  useEffect(() => {
    const audio = element.current;
    if (audio === null || !('setSinkId' in audio)) return;
    // A speaker that is gone: the system's own takes over.
    audio.setSinkId(speakerId ?? '').catch(() => undefined);
  }, [speakerId]);

  return <audio ref={element} autoPlay muted={isSilent} />;
}
