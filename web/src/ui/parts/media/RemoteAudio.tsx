/** A remote audio track. Reports when the browser blocks playback until a click, and when it plays. */

import { useEffect, useEffectEvent, useRef, type ReactNode } from 'react';
import { keepPlaying } from '../../../core/media/playback';
import { SpeakerOutput } from '../../../core/media/speaker-output';

interface Props {
  track: MediaStreamTrack;
  isSilent: boolean;
  /** The output device; undefined for the system default. */
  speakerId: string | undefined;
  onBlocked: (isBlocked: boolean) => void;
  /** Called when the speaker changes, and when the sound goes there. */
  onSpeaker?: (isSettled: boolean) => void;
}

export function RemoteAudio({ track, isSilent, speakerId, onBlocked, onSpeaker }: Props): ReactNode {
  const element = useRef<HTMLAudioElement>(null);
  const output = useRef<SpeakerOutput>(undefined);
  const tellBlocked = useEffectEvent(onBlocked);
  const tellSpeaker = useEffectEvent((isSettled: boolean) => onSpeaker?.(isSettled));

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
    if (element.current === null) return;
    const selected = (output.current ??= new SpeakerOutput(element.current));
    tellSpeaker(false);
    void selected.select(speakerId).then(() => tellSpeaker(selected.isSettled));
  }, [speakerId]);

  return <audio ref={element} autoPlay muted={isSilent} />;
}
