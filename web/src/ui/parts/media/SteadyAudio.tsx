/** Remote audio whose track may be exchanged: the old one is played until the new one can be heard, so that there is no silence and no echo. */

import { useEffect, useEffectEvent, useRef, useState, type ComponentProps, type ReactNode } from 'react';
import { RemoteAudio } from './RemoteAudio';

interface Props extends ComponentProps<typeof RemoteAudio> {
  /** Whether audio of the track has arrived. */
  hasArrived: (() => boolean) | undefined;
}

const SAMPLE_MS = 20;
/** A microphone that is muted sends nothing. */
const ARRIVAL_MS = 1500;

export function SteadyAudio({ track, hasArrived, isSilent, ...rest }: Props): ReactNode {
  const [played, setPlayed] = useState({ id: 0, track });
  /** Whether the next one is heard at the speaker that was chosen. */
  const isAtSpeaker = useRef(false);
  const isChanging = played.track !== track;
  const exchange = useEffectEvent(() => setPlayed({ id: played.id + 1, track }));
  const mayExchange = useEffectEvent(() => isAtSpeaker.current && hasArrived?.() !== false);
  const noteSpeaker = (isSettled: boolean): void => {
    isAtSpeaker.current = isSettled;
  };
  useEffect(() => {
    if (!isChanging) return undefined;
    const startedAt = performance.now();
    const timer = setInterval(() => {
      if (mayExchange() || performance.now() - startedAt >= ARRIVAL_MS) exchange();
    }, SAMPLE_MS);
    return () => clearInterval(timer);
  }, [isChanging, track]);
  return (
    <>
      <RemoteAudio key={played.id} track={played.track} isSilent={isSilent} {...rest} />
      {isChanging && <RemoteAudio key={played.id + 1} track={track} isSilent {...rest} onSpeaker={noteSpeaker} />}
    </>
  );
}
