/** A choice of cameras or microphones; not shown while there is nothing to choose from. */

import type { ReactNode } from 'react';
import type { DeviceChoice } from '../../core/media/devices';

interface Props {
  label: string;
  choices: DeviceChoice[];
  currentTrack: MediaStreamTrack | undefined;
  onChoose: (deviceId: string) => void;
}

export function DeviceSelect({ label, choices, currentTrack, onChoose }: Props): ReactNode {
  if (choices.length === 0) return null;
  const current = currentTrack?.getSettings().deviceId ?? choices[0]?.deviceId;
  return (
    <label className="field">
      <span>{label}</span>
      <select value={current} onChange={(event) => onChoose(event.currentTarget.value)}>
        {choices.map(({ deviceId, label: name }) => (
          <option key={deviceId} value={deviceId}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
