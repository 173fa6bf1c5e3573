/** A voice. Reports when it cannot be heard before the page was clicked, and when it can. */

import { useEffect, useEffectEvent, useRef, type ReactNode } from 'react';
import { keepPlaying } from '../../core/media/playback';

interface Props {
  track: MediaStreamTrack;
  isSilent: boolean;
  /** Where it is to be heard; undefined: where the system says. */
  speakerId: string | undefined;
  onBlocked: (isBlocked: boolean) => void;
}

export function RemoteAudio({ track, isSilent, speakerId, onBlocked }: Props): ReactNode {
  const element = useRef<HTMLAudioElement>(null);
  const tellBlocked = useEffectEvent(onBlocked);

  useEffect(() => {
    const audio = element.current;
    if (audio === null) return undefined;
    audio.srcObject = new MediaStream([track]);
    const end = keepPlaying(audio, { onBlocked: (isBlocked) => tellBlocked(isBlocked) });
    return () => {
      end();
      tellBlocked(false);
      audio.srcObject = null;
    };
  }, [track]);

  useEffect(() => {
    if (element.current !== null) void sendTo(element.current, speakerId ?? '');
  }, [speakerId]);

  return <audio ref={element} autoPlay muted={isSilent} />;
}

/** Where a speaker refuses, the system's own takes over: otherwise the voice stays on one that may have gone. */
async function sendTo(audio: HTMLAudioElement, sinkId: string): Promise<void> {
  if (!('setSinkId' in audio)) return;
  try {
    await audio.setSinkId(sinkId);
  } catch {
    if (sinkId !== '') await sendTo(audio, '');
  }
}
