/** Before the call: see oneself, say one's name, choose devices. */

import { Info, VideoOff } from 'lucide-react';
import type { ReactNode, SyntheticEvent } from 'react';
import { initialsOf, MAX_NAME_LENGTH } from '../../core/display-name';
import type { DeviceKind } from '../../core/media/devices';
import { trackOf } from '../../core/media/local-media';
import type { AppModel, AppState } from '../../state/app-model';
import { hueOf } from '../../state/tiles';
import { Avatar } from '../parts/Avatar';
import { Brand } from '../parts/Brand';
import { DeviceSelect } from '../parts/DeviceSelect';
import { DeviceToggle } from '../parts/DeviceToggle';
import { Video } from '../parts/Video';
import { errorText } from '../texts';

interface Props {
  model: AppModel;
  state: AppState;
}

export function PreJoinScreen({ model, state }: Props): ReactNode {
  return (
    <main className="page pre-join">
      <Brand />
      <div className="pre-join-columns">
        <Preview model={model} state={state} />
        <JoinForm model={model} state={state} />
      </div>
    </main>
  );
}

function Preview({ model, state }: Props): ReactNode {
  const { microphone, camera } = state.local;
  const track = trackOf(camera);
  const name = state.nameInput.trim();
  return (
    <section className="preview" aria-label="Preview of your camera">
      {name === '' ? (
        <span className="preview-empty">
          <VideoOff size={32} aria-hidden="true" />
        </span>
      ) : (
        <Avatar initials={initialsOf(name)} hue={hueOf(name)} />
      )}
      {track !== undefined && <Video key={track.id} track={track} isMirrored />}
      <p className="preview-hint">{previewHint(state)}</p>
      <div className="preview-controls">
        <DeviceToggle kind="microphone" device={microphone} onToggle={() => model.toggle('microphone')} />
        <DeviceToggle kind="camera" device={camera} onToggle={() => model.toggle('camera')} />
      </div>
    </section>
  );
}

function previewHint({ local }: AppState): string {
  if (local.camera.status === 'opening' || local.microphone.status === 'opening') {
    return 'Your browser may ask whether this page may use your camera and microphone.';
  }
  return local.camera.status === 'off' ? 'Camera is off' : '';
}

function JoinForm({ model, state }: Props): ReactNode {
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    model.join();
  };
  return (
    <section className="card join-card">
      <header>
        <p className="eyebrow">You are about to join</p>
        <h1>{state.title}</h1>
      </header>
      {state.waitingFor !== undefined && (
        <p className="hint" role="status">
          <Info size={18} aria-hidden="true" />
          <span>{state.waitingFor} You can join now and wait inside.</span>
        </p>
      )}
      <form onSubmit={submit}>
        <label className="field">
          <span>Your name</span>
          <input
            data-testid="name-input"
            type="text"
            name="name"
            autoComplete="name"
            placeholder="How others see you"
            maxLength={MAX_NAME_LENGTH}
            autoFocus
            required
            value={state.nameInput}
            onChange={(event) => model.setName(event.currentTarget.value)}
          />
        </label>
        <div className="field-pair">
          <DeviceSelect
            label="Camera"
            choices={state.devices.cameras}
            currentTrack={trackOf(state.local.camera)}
            onChoose={(deviceId) => model.choose('camera', deviceId)}
          />
          <DeviceSelect
            label="Microphone"
            choices={state.devices.microphones}
            currentTrack={trackOf(state.local.microphone)}
            onChoose={(deviceId) => model.choose('microphone', deviceId)}
          />
        </div>
        <DeviceProblem state={state} onRetry={(kinds) => kinds.forEach((kind) => model.toggle(kind))} />
        <button type="submit" className="button button-primary button-wide" data-testid="join-button" disabled={!state.canJoin}>
          {joinLabel(state)}
        </button>
      </form>
    </section>
  );
}

/** One message for both devices where they fail alike, which is the usual case. */
function DeviceProblem({ state, onRetry }: { state: AppState; onRetry: (kinds: DeviceKind[]) => void }): ReactNode {
  const { microphone, camera } = state.local;
  const failed = [
    ...(camera.status === 'failed' ? [{ kind: 'camera' as const, error: camera.error }] : []),
    ...(microphone.status === 'failed' ? [{ kind: 'microphone' as const, error: microphone.error }] : []),
  ];
  const [first, second] = failed;
  if (first === undefined) return null;
  const isAlike = second?.error.code === first.error.code;
  const shown = isAlike ? [{ ...first, device: undefined }] : failed.map((one) => ({ ...one, device: one.kind }));
  return (
    <div className="problem" role="alert" data-testid="error-message">
      {shown.map(({ kind, error, device }) => {
        const text = errorText(error, device);
        return (
          <p key={kind}>
            <strong>{text.title}.</strong> {text.advice}
          </p>
        );
      })}
      {first.error.code !== 'insecure-context' && (
        <button type="button" className="button button-quiet" onClick={() => onRetry(failed.map(({ kind }) => kind))}>
          Try again
        </button>
      )}
    </div>
  );
}

function joinLabel({ local }: AppState): string {
  const hasCamera = trackOf(local.camera) !== undefined;
  const hasMicrophone = trackOf(local.microphone) !== undefined;
  if (hasCamera || hasMicrophone) return 'Join meeting';
  return 'Join without camera and microphone';
}
