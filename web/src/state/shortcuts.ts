/** Keys of the call and what they do. Pure. */

export type Command =
  | 'microphone'
  | 'camera'
  | 'share'
  | 'chat'
  | 'people'
  | 'hand'
  | 'layout'
  | 'fullScreen'
  | 'help'
  | 'statistics'
  | 'talk';

/** In the order in which the help shows them. */
export const SHORTCUTS: readonly (readonly [key: string, command: Command])[] = [
  ['m', 'microphone'],
  ['v', 'camera'],
  ['s', 'share'],
  ['c', 'chat'],
  ['p', 'people'],
  ['r', 'hand'],
  ['w', 'layout'],
  ['f', 'fullScreen'],
  ['i', 'statistics'],
  ['?', 'help'],
  [' ', 'talk'],
];

export interface Keystroke {
  key: string;
  hasModifier: boolean;
  /** Where the key goes: text fields keep all keys, buttons keep the space bar. */
  target: 'text' | 'button' | 'other';
  isRepeat: boolean;
}

export function commandOf({ key, hasModifier, target, isRepeat }: Keystroke): Command | undefined {
  if (hasModifier || isRepeat || target === 'text') return undefined;
  const command = SHORTCUTS.find(([one]) => one === key.toLowerCase())?.[1];
  return command === 'talk' && target === 'button' ? undefined : command;
}
