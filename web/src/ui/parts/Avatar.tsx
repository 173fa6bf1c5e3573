/** Initials on the person's colour, where there is no picture. */

import type { CSSProperties, ReactNode } from 'react';

interface Props {
  initials: string;
  hue: number;
  /** A small round one for lists; otherwise it fills the box it stands in. */
  isSmall?: boolean;
}

export function Avatar({ initials, hue, isSmall = false }: Props): ReactNode {
  return (
    <span className={isSmall ? 'avatar-small' : 'avatar'} style={{ '--hue': hue } as CSSProperties} aria-hidden="true">
      <span>{initials}</span>
    </span>
  );
}
