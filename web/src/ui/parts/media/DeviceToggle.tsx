/** The button of the microphone or camera. Pressed means on. */

import { Mic, MicOff, TriangleAlert, Video, VideoOff } from 'lucide-react';
import type { ReactNode } from 'react';
import type { DeviceKind } from '../../../core/media/devices';
import { isTurnedOn, type LocalDevice } from '../../../core/media/local-media';
import { useTexts } from '../../language';

const LOOKS = {
  microphone: { testId: 'mute-button', On: Mic, Off: MicOff },
  camera: { testId: 'camera-button', On: Video, Off: VideoOff },
} as const;

interface Props {
  kind: DeviceKind;
  device: LocalDevice;
  /** Whether the participant is permitted to send it. */
  isAllowed?: boolean;
  /** Adds the shortcut to the title. */
  withKeys?: (title: string) => string;
  onToggle: () => void;
}

export function DeviceToggle({ kind, device, isAllowed = true, withKeys = (title) => title, onToggle }: Props): ReactNode {
  const texts = useTexts();
  const label = texts.devices[kind];
  const { testId, On, Off } = LOOKS[kind];
  const isOn = isTurnedOn(device);
  const Icon = isOn ? On : Off;
  const title = isAllowed ? withKeys(texts.devices[isOn ? 'off' : 'on'](label)) : texts.devices.notAllowed;
  return (
    <button
      type="button"
      className={`control${isOn ? '' : ' control-off'}`}
      data-testid={testId}
      data-status={device.status}
      aria-pressed={isOn}
      aria-busy={device.status === 'opening'}
      aria-label={label}
      aria-description={title}
      title={title}
      // Not `disabled`, so that the title with the reason stays accessible.
      aria-disabled={!isAllowed}
      onClick={isAllowed ? onToggle : undefined}
    >
      <Icon size={22} aria-hidden="true" />
      <span className="control-label">{label}</span>
      {device.status === 'failed' && (
        <span className="control-warning">
          <TriangleAlert size={12} aria-label={texts.devices.fails} role="img" />
        </span>
      )}
    </button>
  );
}
