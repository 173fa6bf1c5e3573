/** Reactions that float up over the pictures, and are read out with the name of who sent them. */

import type { CSSProperties, ReactNode } from 'react';
import type { FloatingReaction } from '../../state/call-state';
import { useTexts } from '../language';
import { ReactionIcon } from './ReactionIcon';

/** Places from left to right, in percent, so that they do not cover each other. */
const PLACES = [4, 34, 64, 19, 49, 79];

export function Reactions({ reactions }: { reactions: readonly FloatingReaction[] }): ReactNode {
  const texts = useTexts();
  return (
    <div className="reactions" role="log" aria-live="polite" data-testid="reactions">
      {reactions.map(({ id, name, reaction }) => (
        <span key={id} className="reaction" style={{ '--place': `${PLACES[id % PLACES.length] ?? 0}%` } as CSSProperties} data-reaction={reaction}>
          <ReactionIcon reaction={reaction} size={38} />
          <span className="reaction-name" aria-label={texts.toasts.reaction(name, texts.reactions[reaction])}>
            {name}
          </span>
        </span>
      ))}
    </div>
  );
}
