/** A remote audio track. Reports when the browser blocks playback until a click, and when it plays. */

import { useEffect, useEffectEvent, useRef, type ReactNode } from 'react';
import { keepPlaying } from '../../../core/media/playback';

interface Props {
  track: MediaStreamTrack;
  isSilent: boolean;
  /** The output device; undefined for the system default. */
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

/** Falls back to the system default if the speaker fails: it may be gone. */
async function sendTo(audio: HTMLAudioElement, sinkId: string): Promise<void> {
  if (!('setSinkId' in audio)) return;
  try {
    await audio.setSinkId(sinkId);
  } catch {
    if (sinkId !== '') await sendTo(audio, '');
  }
}
