/** The round button for microphone or camera. Pressed means on. */

import { Mic, MicOff, TriangleAlert, Video, VideoOff } from 'lucide-react';
import type { ReactNode } from 'react';
import type { DeviceKind } from '../../core/media/devices';
import type { LocalDevice } from '../../core/media/local-media';

const LOOKS = {
  microphone: { label: 'Microphone', testId: 'mute-button', On: Mic, Off: MicOff },
  camera: { label: 'Camera', testId: 'camera-button', On: Video, Off: VideoOff },
} as const;

interface Props {
  kind: DeviceKind;
  device: LocalDevice;
  onToggle: () => void;
}

export function DeviceToggle({ kind, device, onToggle }: Props): ReactNode {
  const { label, testId, On, Off } = LOOKS[kind];
  const isOn = device.status === 'on';
  const Icon = isOn ? On : Off;
  return (
    <button
      type="button"
      className={`control${isOn ? '' : ' control-off'}`}
      data-testid={testId}
      data-status={device.status}
      aria-pressed={isOn}
      aria-busy={device.status === 'opening'}
      title={`Turn ${label.toLowerCase()} ${isOn ? 'off' : 'on'}`}
      onClick={onToggle}
    >
      <Icon size={22} aria-hidden="true" />
      <span className="control-label">{label}</span>
      {device.status === 'failed' && (
        <span className="control-warning">
          <TriangleAlert size={12} aria-label="does not work" />
        </span>
      )}
    </button>
  );
}
