/** Reactions that float up over the tiles; screen readers announce them with their sender. */

import type { CSSProperties, ReactNode } from 'react';
import type { FloatingReaction } from '../../../state/call/call-state';
import { useTexts } from '../../language';
import { ReactionIcon } from './ReactionIcon';

/** Positions in two rows, in percent from the left, so that they do not overlap. */
const PLACES = [4, 36, 68, 14, 44, 75];
const LOWER_ROW = 3;

export function Reactions({ reactions }: { reactions: readonly FloatingReaction[] }): ReactNode {
  const texts = useTexts();
  return (
    <div className="reactions" role="log" aria-live="polite" data-testid="reactions">
      {reactions
        .map(({ id, name: given, reaction }) => ({ id, reaction, name: given === '' ? texts.toasts.aViewer : given }))
        .map(({ id, name, reaction }) => (
          <span
            key={id}
            className={`reaction${id % PLACES.length < LOWER_ROW ? '' : ' reaction-upper'}`}
            style={{ '--place': `${PLACES[id % PLACES.length] ?? 0}%` } as CSSProperties}
            data-reaction={reaction}
          >
            <ReactionIcon reaction={reaction} size={38} />
            <span className="reaction-name" aria-label={texts.toasts.reaction(name, texts.reactions[reaction])}>
              {name}
            </span>
          </span>
        ))}
    </div>
  );
}
