/**
 * Keyboard shortcuts of the call. Pure.
 *
 * Single letters do nothing: they could be meant as text, by typing or by dictation (WCAG 2.1.4). Commands need Ctrl or ⌘, and none
 * works in text fields. Only push-to-talk is a single key, the space bar, and can be turned off.
 */

export type Command = 'microphone' | 'camera' | 'share' | 'chat' | 'people' | 'hand' | 'layout' | 'fullScreen' | 'help' | 'statistics' | 'talk';

/** The modifiers: Ctrl, or ⌘ on Apple keyboards; also with Alt, or ⌃ there; or none. */
type Chord = 'one' | 'two' | 'none';

export interface Shortcut {
  command: Command;
  chord: Chord;
  key: string;
}

/**
 * In the order of the help dialog. Browsers let pages handle all of these, and no desktop reserves them;
 * hence X for full screen, as ⌃⌘F belongs to the system.
 */
const SHORTCUTS: readonly Shortcut[] = [
  { command: 'microphone', chord: 'one', key: 'd' },
  { command: 'camera', chord: 'one', key: 'e' },
  { command: 'talk', chord: 'none', key: ' ' },
  { command: 'share', chord: 'two', key: 's' },
  { command: 'chat', chord: 'two', key: 'c' },
  { command: 'people', chord: 'two', key: 'p' },
  { command: 'hand', chord: 'two', key: 'h' },
  { command: 'layout', chord: 'two', key: 'w' },
  { command: 'fullScreen', chord: 'two', key: 'x' },
  { command: 'statistics', chord: 'two', key: 'i' },
  { command: 'help', chord: 'one', key: '/' },
];

export interface Keyboard {
  /** Whether ⌘ replaces Ctrl. */
  isApple: boolean;
  /** Whether push-to-talk is on. */
  hasPushToTalk: boolean;
}

/** The focused element's kind. `text` handles all keys itself; on other controls the space bar has a meaning. */
export type KeyTarget = 'text' | 'control' | 'page';

export interface Keystroke {
  key: string;
  /** The physical key, whatever its label. */
  code: string;
  hasCtrl: boolean;
  hasAlt: boolean;
  hasShift: boolean;
  hasMeta: boolean;
  /** AltGr, which Windows also reports for Ctrl with Alt. */
  hasAltGraph: boolean;
  /** The key is part of a composition. */
  isComposing: boolean;
  target: KeyTarget;
}

export function shortcutsFor({ hasPushToTalk }: Keyboard): readonly Shortcut[] {
  return hasPushToTalk ? SHORTCUTS : SHORTCUTS.filter(({ command }) => command !== 'talk');
}

export function commandOf(stroke: Keystroke, keyboard: Keyboard): Command | undefined {
  if (stroke.isComposing || stroke.target === 'text') return undefined;
  const [chord, key] = [chordOf(stroke, keyboard), keyOf(stroke)];
  const found = shortcutsFor(keyboard).find((one) => one.chord === chord && one.key === key);
  // "/" needs Shift on some keyboards; all other shortcuts are without Shift.
  if (found === undefined || (stroke.hasShift && found.key !== '/')) return undefined;
  return found.command === 'talk' && stroke.target !== 'page' ? undefined : found.command;
}

function chordOf({ hasCtrl, hasAlt, hasMeta, hasAltGraph }: Keystroke, { isApple }: Keyboard): Chord | undefined {
  if (!hasCtrl && !hasAlt && !hasMeta && !hasAltGraph) return 'none';
  if (isApple) return hasMeta && !hasAlt ? (hasCtrl ? 'two' : 'one') : undefined;
  if (hasMeta) return undefined;
  if (hasAltGraph || (hasCtrl && hasAlt)) return 'two';
  return hasCtrl ? 'one' : undefined;
}

/** The letter on the key; on keyboards of other scripts, the letter of the physical key. */
function keyOf({ key, code }: Keystroke): string {
  const letter = key.toLowerCase();
  return /^[a-z/ ]$/u.test(letter) ? letter : (/^Key([A-Z])$/u.exec(code)?.[1]?.toLowerCase() ?? letter);
}

/** The shortcut of a command, if it has one. */
export function shortcutOf(command: Command, keyboard: Keyboard): Shortcut | undefined {
  return shortcutsFor(keyboard).find((one) => one.command === command);
}

/** The key labels, in the order of pressing. */
export function keyCaps({ chord, key }: Shortcut, { isApple }: Keyboard, words: { ctrl: string; space: string }): string[] {
  const held = isApple ? { none: [], one: ['⌘'], two: ['⌃', '⌘'] } : { none: [], one: [words.ctrl], two: [words.ctrl, 'Alt'] };
  return [...held[chord], key === ' ' ? words.space : key.toUpperCase()];
}
