/** The microphone level. */

import { useEffect, useRef, type ReactNode } from 'react';
import { followLevel } from '../../../core/media/level';
import { useTexts } from '../../language';

export function LevelMeter({ track }: { track: MediaStreamTrack }): ReactNode {
  const texts = useTexts();
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(
    () =>
      followLevel(track, (level) => {
        // Ten times a second, bypassing React: nothing else changes.
        bar.current?.style.setProperty('--level', level.toFixed(2));
      }),
    [track],
  );
  return (
    <span className="level" role="img" aria-label={texts.preJoin.level}>
      <span ref={bar} className="level-bar" />
    </span>
  );
}
