/** A labeled native select, which works on every phone and with every screen reader. */

import type { ReactNode } from 'react';

interface Props<T extends string> {
  label: string;
  value: T;
  choices: readonly { value: T; label: string }[];
  onChoose: (value: T) => void;
  className?: string;
}

export function Select<T extends string>({ label, value, choices, onChoose, className = '' }: Props<T>): ReactNode {
  return (
    <label className={`field ${className}`}>
      <span>{label}</span>
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value as T)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </label>
  );
}

interface SwitchProps {
  label: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
  testId?: string;
}

export function Switch({ label, isOn, onChange, testId }: SwitchProps): ReactNode {
  return (
    <label className="switch">
      <span>{label}</span>
      <input type="checkbox" role="switch" data-testid={testId} checked={isOn} onChange={(event) => onChange(event.currentTarget.checked)} />
    </label>
  );
}
