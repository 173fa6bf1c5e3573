/** Initials on the person's colour, where there is no picture. */

import type { CSSProperties, ReactNode } from 'react';

export function Avatar({ initials, hue }: { initials: string; hue: number }): ReactNode {
  return (
    <span className="avatar" style={{ '--hue': hue } as CSSProperties} aria-hidden="true">
      <span>{initials}</span>
    </span>
  );
}
