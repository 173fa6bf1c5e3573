/** The settings: devices, meeting, appearance. Changes apply immediately and are stored. */

import type { ReactNode } from 'react';
import { canBlurBackground } from '../../core/media/devices';
import { trackOf } from '../../core/media/local-media';
import type { AppModel } from '../../state/app/app-model';
import type { AppState } from '../../state/app/app-state';
import { CAMERA_HEIGHTS, CODEC_CHOICES, LANGUAGES, RECEIVE_QUALITIES, THEMES, type CameraHeight } from '../../state/settings';
import { speakerInUse } from '../../state/call/speaker';
import type { Layout } from '../../state/tiles/stage';
import { useTexts } from '../language';
import { DeviceSelect } from '../parts/media/DeviceSelect';
import { Dialog } from '../parts/Dialog';
import { Select, Switch } from '../parts/Select';

interface Props {
  model: AppModel;
  app: AppState;
  onClose: () => void;
}

export function SettingsDialog({ model, app, onClose }: Props): ReactNode {
  const texts = useTexts().settings;
  return (
    <Dialog title={texts.title} onClose={onClose} isWide testId="settings-dialog">
      <fieldset className="settings">
        <legend>{texts.devices}</legend>
        <DeviceFields model={model} app={app} />
      </fieldset>
      <fieldset className="settings">
        <legend>{texts.meeting}</legend>
        <MeetingFields model={model} app={app} />
      </fieldset>
      <fieldset className="settings">
        <legend>{texts.appearance}</legend>
        <AppearanceFields model={model} app={app} />
      </fieldset>
      <p className="settings-licenses">
        <a href="/licenses.txt" target="_blank" rel="noopener" data-testid="licenses-link">
          {texts.licenses}
        </a>
      </p>
    </Dialog>
  );
}

function DeviceFields({ model, app }: Omit<Props, 'onClose'>): ReactNode {
  const texts = useTexts();
  const { devices, local, settings } = app;
  const heights = CAMERA_HEIGHTS.map((height) => ({ value: String(height), label: texts.settings.cameraHeight(height) }));
  const currentOf = (track: MediaStreamTrack | undefined): string | undefined => track?.getSettings().deviceId;
  return (
    <>
      <DeviceSelect
        label={texts.devices.microphone}
        choices={devices.microphones}
        current={currentOf(trackOf(local.microphone))}
        onChoose={(deviceId) => model.choose('microphone', deviceId)}
      />
      <DeviceSelect
        label={texts.devices.speaker}
        choices={devices.speakers}
        current={speakerInUse(settings.speakerId, devices)}
        onChoose={(speakerId) => model.change({ speakerId })}
      />
      <DeviceSelect
        label={texts.devices.camera}
        choices={devices.cameras}
        current={currentOf(trackOf(local.camera))}
        onChoose={(deviceId) => model.choose('camera', deviceId)}
      />
      <Select
        label={texts.settings.camera}
        value={String(settings.cameraHeight)}
        choices={heights}
        onChoose={(height) => model.change({ cameraHeight: Number(height) as CameraHeight })}
      />
      <Select
        label={texts.settings.codec}
        value={settings.videoCodec}
        choices={CODEC_CHOICES.map((value) => ({ value, label: value === 'auto' ? texts.settings.codecAuto : value }))}
        onChoose={(videoCodec) => model.change({ videoCodec })}
      />
      <Switch label={texts.settings.noise} isOn={settings.noiseSuppression} onChange={(noiseSuppression) => model.change({ noiseSuppression })} />
      {canBlurBackground(trackOf(local.camera)) && (
        <Switch label={texts.settings.blur} isOn={settings.isBackgroundBlurred} onChange={(isBackgroundBlurred) => model.change({ isBackgroundBlurred })} />
      )}
      <Switch label={texts.settings.mirror} isOn={settings.isMirrored} onChange={(isMirrored) => model.change({ isMirrored })} />
    </>
  );
}

function MeetingFields({ model, app: { settings } }: Omit<Props, 'onClose'>): ReactNode {
  const texts = useTexts();
  const qualities = RECEIVE_QUALITIES.map((value) => ({ value, label: texts.receive[value] }));
  const layouts = (['auto', 'grid', 'speaker'] as const).map((value) => ({ value, label: texts.layouts[value] }));
  return (
    <>
      <Select label={texts.settings.receive} value={settings.receive} choices={qualities} onChoose={(receive) => model.change({ receive })} />
      <Select<Layout> label={texts.settings.layout} value={settings.layout} choices={layouts} onChoose={(layout) => model.change({ layout })} />
      <Switch label={texts.settings.sounds} isOn={settings.hasSounds} onChange={(hasSounds) => model.change({ hasSounds })} />
      <Switch
        label={texts.settings.pushToTalk}
        isOn={settings.hasPushToTalk}
        testId="push-to-talk-switch"
        onChange={(hasPushToTalk) => model.change({ hasPushToTalk })}
      />
    </>
  );
}

function AppearanceFields({ model, app: { settings } }: Omit<Props, 'onClose'>): ReactNode {
  const texts = useTexts();
  return (
    <>
      <Select
        label={texts.settings.language}
        value={settings.language}
        choices={LANGUAGES.map((value) => ({ value, label: texts.languages[value] }))}
        onChoose={(language) => model.change({ language })}
      />
      <Select
        label={texts.settings.theme}
        value={settings.theme}
        choices={THEMES.map((value) => ({ value, label: texts.themes[value] }))}
        onChoose={(theme) => model.change({ theme })}
      />
    </>
  );
}
