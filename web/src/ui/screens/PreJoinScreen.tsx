/** The pre-join screen: self view, name and devices. */

import { Eye, Info, Settings as SettingsIcon, Users } from 'lucide-react';
import { useState, type ComponentProps, type ReactNode, type SyntheticEvent } from 'react';
import { MAX_NAME_LENGTH } from '../../core/peer/display-name';
import type { DeviceChoice, DeviceKind } from '../../core/media/devices';
import { trackOf } from '../../core/media/local-media';
import type { Texts } from '../../i18n/en';
import type { AppModel } from '../../state/app/app-model';
import type { AppState } from '../../state/app/app-state';
import { speakerInUse } from '../../state/call/speaker';
import { SettingsDialog } from '../dialogs/SettingsDialog';
import { useTexts } from '../language';
import { Brand } from '../parts/Brand';
import { DeviceSelect } from '../parts/media/DeviceSelect';
import { RecordingHint } from '../parts/RecordingHint';
import { SelfView } from '../parts/media/SelfView';
import { useWaitingWords } from './WaitingScreen';

interface Props {
  model: AppModel;
  app: AppState;
}

export function PreJoinScreen({ model, app }: Props): ReactNode {
  const texts = useTexts();
  const [showsSettings, setShowsSettings] = useState(false);
  return (
    <main className="page pre-join" data-prepared={app.isPrepared} data-camera={app.local.camera.status}>
      <header className="page-header">
        <Brand />
        <button
          type="button"
          className="icon-button"
          aria-label={texts.settings.title}
          title={texts.settings.title}
          data-testid="settings-button"
          onClick={() => setShowsSettings(true)}
        >
          <SettingsIcon size={20} aria-hidden="true" />
        </button>
      </header>
      <div className="pre-join-columns">
        {app.meeting.isViewer ? <ViewerNote /> : <SelfView model={model} app={app} />}
        <JoinForm model={model} app={app} />
      </div>
      {showsSettings && <SettingsDialog model={model} app={app} onClose={() => setShowsSettings(false)} />}
    </main>
  );
}

function JoinForm({ model, app }: Props): ReactNode {
  const texts = useTexts();
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    model.join();
  };
  return (
    <section className="card join-card">
      <header>
        <p className="eyebrow">{texts.preJoin.about}</p>
        <h1 title={app.meeting.title}>{app.meeting.title}</h1>
        <Already app={app} />
      </header>
      <Waiting app={app} />
      {app.meeting.isOutOfReach && <OutOfReach />}
      {app.meeting.isRecorded && <RecordingHint />}
      <form onSubmit={submit}>
        <label className="field">
          <span>{texts.preJoin.yourName}</span>
          <input
            data-testid="name-input"
            type="text"
            name="name"
            autoComplete="name"
            placeholder={texts.preJoin.nameHint}
            maxLength={MAX_NAME_LENGTH}
            autoFocus
            required
            value={app.nameInput}
            onChange={(event) => model.setName(event.currentTarget.value)}
          />
        </label>
        {!app.meeting.isViewer && <Devices model={model} app={app} />}
        {!app.meeting.isViewer && <DeviceProblem app={app} onRetry={(kinds) => kinds.forEach((kind) => model.toggle(kind))} />}
        <button type="submit" className="button button-primary button-wide" data-testid="join-button" disabled={!app.canJoin}>
          {joinLabel(app, texts)}
        </button>
      </form>
    </section>
  );
}

/** In place of the self view. */
function ViewerNote(): ReactNode {
  const texts = useTexts().preJoin;
  return (
    <section className="viewer-note" data-testid="viewer-note">
      <Eye size={40} aria-hidden="true" />
      <h2>{texts.viewer}</h2>
      <p>{texts.viewerMay}</p>
    </section>
  );
}

function Devices({ model, app }: Props): ReactNode {
  const { camera, microphone, speaker } = useTexts().devices;
  return (
    <div className="field-pair">
      <DeviceField
        label={camera}
        choices={choicesFor('camera', app)}
        current={trackOf(app.local.camera)?.getSettings().deviceId}
        onChoose={(deviceId) => model.choose('camera', deviceId)}
      />
      <DeviceField
        label={microphone}
        choices={choicesFor('microphone', app)}
        current={trackOf(app.local.microphone)?.getSettings().deviceId}
        onChoose={(deviceId) => model.choose('microphone', deviceId)}
      />
      <DeviceField
        label={speaker}
        choices={app.hasListedDevices ? app.devices.speakers : undefined}
        current={speakerInUse(app.settings.speakerId, app.devices)}
        onChoose={(speakerId) => model.change({ speakerId })}
        isMinor
      />
    </div>
  );
}

type DeviceFieldProps = Omit<ComponentProps<typeof DeviceSelect>, 'choices'> & { choices: readonly DeviceChoice[] | undefined };

/** Before the choices are known, it takes their place: a button below that moves at that moment would lose clicks. */
function DeviceField({ choices, ...rest }: DeviceFieldProps): ReactNode {
  if (choices !== undefined) return <DeviceSelect choices={choices} {...rest} />;
  return (
    <label className={rest.isMinor === true ? 'field field-minor' : 'field'}>
      <span>{rest.label}</span>
      <select disabled />
    </label>
  );
}

/** No choices while the browser blocks the device; undefined before they are known. */
function choicesFor(kind: DeviceKind, { devices, hasListedDevices, local }: AppState): readonly DeviceChoice[] | undefined {
  const device = local[kind];
  if (device.status === 'failed' && device.error.code === 'permission-denied') return [];
  if (!hasListedDevices) return undefined;
  return kind === 'camera' ? devices.cameras : devices.microphones;
}

function Already({ app: { meeting } }: Pick<Props, 'app'>): ReactNode {
  const texts = useTexts().preJoin;
  if (meeting.participants === undefined || !meeting.isReady) return null;
  return (
    <p className="already">
      <Users size={16} aria-hidden="true" />
      {meeting.participants === 0 ? texts.empty : texts.already(meeting.participants)}
    </p>
  );
}

function Waiting({ app }: Pick<Props, 'app'>): ReactNode {
  const texts = useTexts().preJoin;
  const { words } = useWaitingWords(app);
  const { isReady, isUnreachable } = app.meeting;
  if (isReady && !isUnreachable) return null;
  return (
    <p className="hint" role="status" data-testid="waiting-hint">
      <Info size={18} aria-hidden="true" />
      <span>{isUnreachable ? texts.unreachable : words}</span>
    </p>
  );
}

/** For a standalone pod on a machine without network. */
function OutOfReach(): ReactNode {
  const { outOfReach } = useTexts().preJoin;
  return (
    <p className="hint" role="status" data-testid="out-of-reach-hint">
      <Info size={18} aria-hidden="true" />
      <span>{outOfReach}</span>
    </p>
  );
}

/** One message if both devices fail for the same reason, which is usual. */
function DeviceProblem({ app, onRetry }: { app: AppState; onRetry: (kinds: DeviceKind[]) => void }): ReactNode {
  const texts = useTexts();
  const { microphone, camera } = app.local;
  const failed = [
    ...(camera.status === 'failed' ? [{ kind: 'camera' as const, error: camera.error }] : []),
    ...(microphone.status === 'failed' ? [{ kind: 'microphone' as const, error: microphone.error }] : []),
  ];
  const [first, second] = failed;
  if (first === undefined) return null;
  const isShallowEqual = second?.error.code === first.error.code;
  const shown = isShallowEqual ? [{ ...first, device: 'both' as const }] : failed.map((one) => ({ ...one, device: one.kind }));
  return (
    <div className="problem" role="alert" data-testid="error-message">
      {shown.map(({ kind, error, device }) => {
        const text = texts.errors[error.code](device);
        return (
          <p key={kind}>
            <strong>{text.title}.</strong> {text.advice}
          </p>
        );
      })}
      {first.error.code !== 'insecure-context' && (
        <button type="button" className="button button-quiet" onClick={() => onRetry(failed.map(({ kind }) => kind))}>
          {texts.common.tryAgain}
        </button>
      )}
    </div>
  );
}

function joinLabel({ local, meeting }: AppState, { preJoin }: Texts): string {
  if (!meeting.isReady && !meeting.isUnreachable) return preJoin.joinAndWait;
  if (meeting.isViewer) return preJoin.join;
  // Devices that are opening are expected to open; longer words would make the button higher until they have.
  const isWithout = [local.camera, local.microphone].every(({ status }) => status === 'off' || status === 'failed');
  return isWithout ? preJoin.joinWithout : preJoin.join;
}
