/** The product's name and logo. */

import type { ReactNode } from 'react';

export function Brand(): ReactNode {
  return (
    <div className="brand">
      <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
        <rect width="32" height="32" rx="9" fill="#5b7cfa" />
        <circle cx="11" cy="16" r="5" fill="#fff" />
        <circle cx="21.5" cy="16" r="4" fill="#fff" opacity="0.6" />
      </svg>
      <span>Convene</span>
    </div>
  );
}
