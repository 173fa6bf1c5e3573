/** The reaction picker. */

import * as Radix from '@radix-ui/react-dropdown-menu';
import type { ReactNode } from 'react';
import { REACTIONS } from '../../../core/signaling/reactions';
import type { CallModel } from '../../../state/call/call-model';
import { useTexts } from '../../language';
import { Menu } from '../../parts/Menu';
import { ReactionIcon } from './ReactionIcon';

export function ReactionPicker({ call, trigger }: { call: CallModel; trigger: ReactNode }): ReactNode {
  return (
    <Menu trigger={trigger}>
      <ReactionRow call={call} />
    </Menu>
  );
}

/** The reactions as items of a menu. */
export function ReactionRow({ call }: { call: CallModel }): ReactNode {
  const texts = useTexts();
  return (
    <Radix.Group className="reaction-row" aria-label={texts.controls.reactTitle}>
      {REACTIONS.map((reaction) => (
        <Radix.Item
          key={reaction}
          className="reaction-choice"
          aria-label={texts.reactions[reaction]}
          title={texts.reactions[reaction]}
          data-testid={`react-${reaction}`}
          onSelect={() => void call.react(reaction)}
        >
          <ReactionIcon reaction={reaction} size={28} />
        </Radix.Item>
      ))}
    </Radix.Group>
  );
}
