/** Icons of reactions, drawn here because some systems have no emoji. */

import { Heart, PartyPopper, ThumbsUp } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Reaction } from '../../../generated/messages';

const FACE = '#ffcc4d';
const INK = '#664500';

export function ReactionIcon({ reaction, size }: { reaction: Reaction; size: number }): ReactNode {
  switch (reaction) {
    case 'like':
      return <ThumbsUp size={size} fill={FACE} color="#c98a00" strokeWidth={1.6} aria-hidden="true" />;
    case 'heart':
      return <Heart size={size} fill="#f0445a" color="#f0445a" aria-hidden="true" />;
    case 'party':
      return <PartyPopper size={size} color="#b97cf5" aria-hidden="true" />;
    case 'clap':
      return <Clap size={size} />;
    case 'laugh':
      return (
        <Face size={size}>
          <path d="M7 10.2c.4-1 1.9-1 2.3 0M14.7 10.2c.4-1 1.9-1 2.3 0" stroke={INK} strokeWidth="1.4" strokeLinecap="round" fill="none" />
          <path d="M6.8 13.2h10.4a5.2 5.2 0 0 1-10.4 0z" fill={INK} />
        </Face>
      );
    case 'surprised':
      return (
        <Face size={size}>
          <circle cx="8.4" cy="9.6" r="1.3" fill={INK} />
          <circle cx="15.6" cy="9.6" r="1.3" fill={INK} />
          <ellipse cx="12" cy="15.6" rx="2.2" ry="2.9" fill={INK} />
        </Face>
      );
  }
}

function Face({ size, children }: { size: number; children: ReactNode }): ReactNode {
  return (
    <svg viewBox="0 0 24 24" width={size} height={size} aria-hidden="true">
      <circle cx="12" cy="12" r="10" fill={FACE} />
      {children}
    </svg>
  );
}

function Clap({ size }: { size: number }): ReactNode {
  const palm =
    'M5 13V8.6a1.3 1.3 0 0 1 2.6 0V6.2a1.3 1.3 0 0 1 2.6 0v-.6a1.3 1.3 0 0 1 2.6 0v1.2a1.3 1.3 0 0 1 2.6 0V14a6 6 0 0 1-6 6c-2.6 0-4-1.4-5-3.400L2.6 12.800a1.35 1.35 0 0 1 2.4-1.200z';
  return (
    <svg viewBox="0 0 24 24" width={size} height={size} aria-hidden="true">
      <g fill={FACE} stroke="#c98a00" strokeWidth="1.2" strokeLinejoin="round">
        <path d={palm} transform="translate(3.5 2.5) rotate(14 10 12)" />
        <path d={palm} transform="translate(0.5 1.5) rotate(-10 10 12)" />
      </g>
      <path d="M17.5 3.800l1.5-2M20.3 6.300l2.3-1M20.8 9.600h2.2" stroke="#c98a00" strokeWidth="1.5" strokeLinecap="round" />
    </svg>
  );
}
