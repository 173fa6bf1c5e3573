/** The dialogs of a call: unmute requests, confirmations, permissions, settings and help. */

import type { ReactNode } from 'react';
import { isTurnedOn } from '../../core/media/local-media';
import type { AppModel } from '../../state/app/app-model';
import type { AppState } from '../../state/app/app-state';
import type { CallModel } from '../../state/call/call-model';
import type { CallState } from '../../state/call/call-state';
import type { Settings } from '../../state/settings';
import { keyCaps, shortcutsFor } from '../../state/call/shortcuts';
import type { Person } from '../../state/tiles/tiles';
import { keyboardOf } from '../keyboard';
import { useTexts } from '../language';
import { Dialog } from '../parts/Dialog';
import { Switch } from '../parts/Select';
import { RemoveDialog } from './RemoveDialog';
import { SettingsDialog } from './SettingsDialog';

interface Props {
  model: AppModel;
  app: AppState;
  call: CallModel;
  state: Pick<CallState, 'dialog' | 'people' | 'isLocked' | 'isLobbyOn'>;
}

export function CallDialogs({ model, app, call, state }: Props): ReactNode {
  const { dialog } = state;
  const texts = useTexts().dialogs;
  const close = (): void => call.open(undefined);
  switch (dialog?.name) {
    case undefined:
      return null;
    case 'settings':
      return <SettingsDialog model={model} app={app} onClose={close} />;
    case 'shortcuts':
      return <ShortcutsDialog settings={app.settings} onClose={close} />;
    case 'unmute':
    case 'onStage': {
      const isOnStage = dialog.name === 'onStage';
      return (
        <Question
          title={isOnStage ? texts.onStageTitle : texts.unmuteTitle}
          text={isOnStage ? texts.onStageText : texts.unmuteText}
          yes={texts.unmute}
          no={texts.stayMuted}
          testId={isOnStage ? 'on-stage-dialog' : 'unmute-dialog'}
          onYes={() => {
            if (!isTurnedOn(app.local.microphone)) call.toggle('microphone');
          }}
          onClose={close}
        />
      );
    }
    case 'remove':
      return <RemoveDialog peerId={dialog.peerId} displayName={dialog.displayName} call={call} access={state} onClose={close} />;
    case 'endMeeting':
      return (
        <Question
          title={texts.endTitle}
          text={texts.endText}
          yes={texts.end}
          isDanger
          testId="end-dialog"
          onYes={() => void call.ask('endMeeting', {})}
          onClose={close}
        />
      );
    case 'rights': {
      const person = state.people.find(({ peerId }) => peerId === dialog.peerId);
      return person === undefined ? null : <RightsDialog person={person} call={call} onClose={close} />;
    }
  }
}

interface QuestionProps {
  title: string;
  text: string;
  yes: string;
  no?: string;
  isDanger?: boolean;
  testId: string;
  onYes: () => void;
  onClose: () => void;
}

function Question({ title, text, yes, no, isDanger = false, testId, onYes, onClose }: QuestionProps): ReactNode {
  const texts = useTexts().common;
  const answer = (): void => {
    onYes();
    onClose();
  };
  const actions = (
    <>
      <button type="button" className="button button-quiet" onClick={onClose}>
        {no ?? texts.cancel}
      </button>
      <button type="button" className={`button ${isDanger ? 'button-danger' : 'button-primary'}`} data-testid="confirm-button" onClick={answer}>
        {yes}
      </button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} testId={testId} actions={actions}>
      <p>{text}</p>
    </Dialog>
  );
}

function RightsDialog({ person, call, onClose }: { person: Person; call: CallModel; onClose: () => void }): ReactNode {
  const texts = useTexts().dialogs;
  const { peerId, name, publish } = person;
  const rows = [
    ['audio', texts.rightAudio],
    ['video', texts.rightVideo],
    ['share', texts.rightShare],
  ] as const;
  return (
    <Dialog title={texts.rightsTitle(name)} onClose={onClose} testId="rights-dialog">
      {rows.map(([right, label]) => (
        <Switch key={right} label={label} isOn={publish[right]} onChange={(isOn) => void call.ask('setPermissions', { peerId, publish: { [right]: isOn } })} />
      ))}
    </Dialog>
  );
}

function ShortcutsDialog({ settings, onClose }: { settings: Settings; onClose: () => void }): ReactNode {
  const texts = useTexts();
  const keyboard = keyboardOf(settings);
  return (
    <Dialog title={texts.dialogs.shortcutsTitle} onClose={onClose} testId="shortcuts-dialog">
      {/* Focusable, so that it can be scrolled by keyboard. */}
      <dl className="shortcuts" tabIndex={0}>
        {shortcutsFor(keyboard).map((shortcut) => (
          <div key={shortcut.command}>
            <dt>
              {keyCaps(shortcut, keyboard, texts.dialogs).map((cap) => (
                <kbd key={cap}>{cap}</kbd>
              ))}
            </dt>
            <dd>{texts.commands[shortcut.command]}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
