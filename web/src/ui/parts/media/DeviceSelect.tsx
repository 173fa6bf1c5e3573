/** Selects a camera, microphone or speaker; hidden if there is nothing to select. */

import type { ReactNode } from 'react';
import type { DeviceChoice } from '../../../core/media/devices';
import { Select } from '../Select';

interface Props {
  label: string;
  choices: readonly DeviceChoice[];
  current: string | undefined;
  onChoose: (deviceId: string) => void;
  /** Whether to omit the label where space is short. */
  isMinor?: boolean;
}

export function DeviceSelect({ label, choices, current, onChoose, isMinor = false }: Props): ReactNode {
  const first = choices[0];
  if (first === undefined) return null;
  const options = choices.map((choice) => ({ value: choice.deviceId, label: choice.label }));
  const value = choices.some(({ deviceId }) => deviceId === current) ? current : first.deviceId;
  return <Select label={label} value={value ?? first.deviceId} choices={options} onChoose={onChoose} className={isMinor ? 'field-minor' : ''} />;
}
