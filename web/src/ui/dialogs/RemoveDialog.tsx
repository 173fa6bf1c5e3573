/** Confirms the removal of a participant: explains its limits, and offers lock and lobby. */

import { useState, type ReactNode } from 'react';
import type { CallModel } from '../../state/call/call-model';
import type { RoomAccess } from '../../state/tiles/participants';
import { useTexts } from '../language';
import { Dialog } from '../parts/Dialog';
import { Switch } from '../parts/Select';

interface Props {
  peerId: string;
  displayName: string;
  call: CallModel;
  access: RoomAccess;
  onClose: () => void;
}

export function RemoveDialog({ peerId, displayName, call, access, onClose }: Props): ReactNode {
  const { common, dialogs: texts } = useTexts();
  // Only the switches that were changed; the others follow the meeting.
  const [changes, setChanges] = useState<Partial<RoomAccess>>({});
  const { isLocked, isLobbyOn } = { ...access, ...changes };
  const remove = (): void => {
    void call.remove(peerId, changes);
    onClose();
  };
  const actions = (
    <>
      <button type="button" className="button button-quiet" onClick={onClose}>
        {common.cancel}
      </button>
      <button type="button" className="button button-danger" data-testid="confirm-button" onClick={remove}>
        {texts.remove}
      </button>
    </>
  );
  return (
    <Dialog title={texts.removeTitle(displayName)} onClose={onClose} testId="remove-dialog" actions={actions}>
      <p>{texts.removeText}</p>
      <p>{texts.removeLimits}</p>
      <fieldset className="dialog-choices">
        <legend>{texts.removeAlso}</legend>
        <Switch label={texts.removeLock} isOn={isLocked} onChange={(isOn) => setChanges({ ...changes, isLocked: isOn })} testId="remove-lock" />
        {isLobbyOn !== undefined && (
          <Switch label={texts.removeLobby} isOn={isLobbyOn} onChange={(isOn) => setChanges({ ...changes, isLobbyOn: isOn })} testId="remove-lobby" />
        )}
      </fieldset>
    </Dialog>
  );
}
