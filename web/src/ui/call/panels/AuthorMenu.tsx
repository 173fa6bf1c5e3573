/** What moderators can do to the author of chat messages. Viewers are in no list, so this is where a moderator finds one who has written. */

import { ArrowUpFromLine, EllipsisVertical, UserX } from 'lucide-react';
import type { ReactNode } from 'react';
import type { CallModel } from '../../../state/call/call-model';
import type { ChatGroup } from '../../../state/chat/chat';
import { useTexts } from '../../language';
import { Menu, MenuItem } from '../../parts/Menu';

interface Props {
  author: Pick<ChatGroup, 'peerId' | 'displayName'>;
  call: CallModel;
}

export function AuthorMenu({ author, call }: Props): ReactNode {
  const label = useTexts().call.actionsFor(author.displayName);
  const trigger = (
    <button type="button" className="icon-button message-menu" aria-label={label} title={label} data-testid="author-menu">
      <EllipsisVertical size={16} aria-hidden="true" />
    </button>
  );
  return (
    <Menu trigger={trigger} side="bottom" align="end">
      <Items author={author} call={call} />
    </Menu>
  );
}

/** Rendered when the menu opens: who is on stage then decides. */
function Items({ author: { peerId, displayName }, call }: Props): ReactNode {
  const texts = useTexts().people;
  const { people, viewers } = call.state.get();
  const mayBeViewer = viewers > 0 && !people.some((person) => person.peerId === peerId);
  return (
    <>
      {mayBeViewer && (
        <MenuItem
          icon={ArrowUpFromLine}
          label={texts.bringOnStage}
          testId="bring-author"
          onSelect={() => void call.ask('setPermissions', { peerId, viewer: false })}
        />
      )}
      <MenuItem icon={UserX} label={texts.remove} isDanger testId="remove-author" onSelect={() => call.open({ name: 'remove', peerId, displayName })} />
    </>
  );
}
