/** The self view before the call, with the buttons of microphone and camera. */

import { VideoOff } from 'lucide-react';
import type { ReactNode } from 'react';
import { initialsOf } from '../../../core/peer/display-name';
import { KINDS } from '../../../core/media/devices';
import { isInterrupted, isTurnedOn, trackOf } from '../../../core/media/local-media';
import type { Texts } from '../../../i18n/en';
import type { AppModel } from '../../../state/app/app-model';
import type { AppState } from '../../../state/app/app-state';
import { hueOf } from '../../../state/tiles/tiles';
import { useTexts } from '../../language';
import { Avatar } from '../Avatar';
import { DeviceToggle } from './DeviceToggle';
import { LevelMeter } from './LevelMeter';
import { Video } from './Video';

interface Props {
  model: AppModel;
  app: AppState;
  /** Small, next to the main content. */
  isSmall?: boolean;
}

export function SelfView({ model, app, isSmall = false }: Props): ReactNode {
  const texts = useTexts();
  const { microphone, camera } = app.local;
  const track = trackOf(camera);
  return (
    <section
      className={`preview${isSmall ? ' preview-small' : ''}${track === undefined ? ' preview-dark' : ''}`}
      aria-label={texts.preJoin.preview}
      data-testid="self-view"
    >
      <Stand name={app.nameInput.trim()} />
      {track !== undefined && <Video key={track.id} track={track} isMirrored={app.settings.isMirrored} />}
      <p className="preview-hint">{hintOf(app, texts)}</p>
      <div className="preview-controls">
        <DeviceToggle kind="microphone" device={microphone} onToggle={() => model.toggle('microphone')} />
        <DeviceToggle kind="camera" device={camera} onToggle={() => model.toggle('camera')} />
      </div>
      {microphone.status === 'on' && <LevelMeter key={microphone.track.id} track={microphone.track} />}
    </section>
  );
}

/** Shown where there is no video. */
function Stand({ name }: { name: string }): ReactNode {
  if (name !== '') return <Avatar initials={initialsOf(name)} hue={hueOf(name)} />;
  return (
    <span className="preview-empty">
      <VideoOff size={32} aria-hidden="true" />
    </span>
  );
}

function hintOf({ local }: AppState, { preJoin, interrupted }: Texts): string {
  const taken = KINDS.find((kind) => isTurnedOn(local[kind]) && isInterrupted(local[kind]));
  if (taken !== undefined) return interrupted[taken];
  if (local.camera.status === 'opening' || local.microphone.status === 'opening') return preJoin.mayAsk;
  return local.camera.status === 'off' ? preJoin.cameraOff : '';
}
