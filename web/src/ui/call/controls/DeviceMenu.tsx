/** The menus next to buttons: device selection, and ending the meeting. */

import { ChevronUp, DoorClosed } from 'lucide-react';
import type { ReactNode } from 'react';
import type { DeviceChoice, DeviceKind } from '../../../core/media/devices';
import { trackOf } from '../../../core/media/local-media';
import type { AppModel } from '../../../state/app/app-model';
import type { AppState } from '../../../state/app/app-state';
import type { CallModel } from '../../../state/call/call-model';
import { useTexts } from '../../language';
import { Menu, MenuChoice, MenuItem } from '../../parts/Menu';

export function DeviceMenu({ kind, model, app }: { kind: DeviceKind; model: AppModel; app: AppState }): ReactNode {
  const texts = useTexts();
  const { devices, settings } = app;
  const choices = kind === 'microphone' ? devices.microphones : devices.cameras;
  const speakers = kind === 'microphone' ? devices.speakers : [];
  if (choices.length + speakers.length === 0) return null;
  const current = trackOf(app.local[kind])?.getSettings().deviceId ?? choices[0]?.deviceId ?? '';
  const label = texts.devices.choose(texts.devices[kind]);
  return (
    <Menu trigger={<MenuArrow label={label} testId={`${kind}-menu`} />}>
      <MenuChoice label={texts.devices[kind]} value={current} choices={asChoices(choices)} onChoose={(deviceId) => model.choose(kind, deviceId)} />
      <MenuChoice
        label={texts.devices.speaker}
        value={settings.speakerId ?? speakers[0]?.deviceId ?? ''}
        choices={asChoices(speakers)}
        onChoose={(speakerId) => model.change({ speakerId })}
      />
    </Menu>
  );
}

export function LeaveMenu({ call }: { call: CallModel }): ReactNode {
  const texts = useTexts().controls;
  return (
    <Menu trigger={<MenuArrow label={texts.endForAll} testId="leave-menu" />} align="end">
      <MenuItem icon={DoorClosed} label={texts.endForAll} isDanger testId="end-meeting" onSelect={() => call.open({ name: 'endMeeting' })} />
    </Menu>
  );
}

function MenuArrow({ label, testId, ...rest }: { label: string; testId: string }): ReactNode {
  return (
    <button type="button" {...rest} className="control-arrow" aria-label={label} title={label} data-testid={testId}>
      <ChevronUp size={16} aria-hidden="true" />
    </button>
  );
}

function asChoices(devices: readonly DeviceChoice[]): { value: string; label: string }[] {
  return devices.map(({ deviceId, label }) => ({ value: deviceId, label }));
}
