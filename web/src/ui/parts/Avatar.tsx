/** Initials on the participant's color, where there is no video. */

import type { CSSProperties, ReactNode } from 'react';

interface Props {
  initials: string;
  hue: number;
  /** Small and round for lists; otherwise it fills its container. */
  isSmall?: boolean;
}

export function Avatar({ initials, hue, isSmall = false }: Props): ReactNode {
  return (
    <span className={isSmall ? 'avatar-small' : 'avatar'} style={{ '--hue': hue } as CSSProperties} aria-hidden="true">
      <span>{initials}</span>
    </span>
  );
}
