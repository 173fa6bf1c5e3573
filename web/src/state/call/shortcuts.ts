/**
 * Keys of the call and what they do. Pure.
 *
 * Letters alone do nothing: they could be meant as text, by typing or by dictation (WCAG 2.1.4). Commands take Ctrl or ⌘, and none is
 * taken where text is entered. Only talking is a key alone, the space bar, and can be switched off.
 */

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

/** What is held besides: Ctrl, or ⌘ on Apple's keyboards; with Alt as well, or ⌃ there; or nothing. */
type Chord = 'one' | 'two' | 'none';

export interface Shortcut {
  command: Command;
  chord: Chord;
  key: string;
}

/**
 * In the order in which the help shows them. Pages may take all of these from browsers, and no desktop has them for itself;
 * hence X for the full screen, as ⌃⌘F is the system's.
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
  /** ⌘ takes the place of Ctrl. */
  isApple: boolean;
  /** Whether holding the space bar opens the microphone. */
  hasPushToTalk: boolean;
}

/** Where a key goes. `text` stands for all that takes keys for itself; elsewhere than on the page itself the space bar does something. */
export type KeyTarget = 'text' | 'control' | 'page';

export interface Keystroke {
  key: string;
  /** The place of the key, whatever is printed on it. */
  code: string;
  hasCtrl: boolean;
  hasAlt: boolean;
  hasShift: boolean;
  hasMeta: boolean;
  /** The third level of many keyboards, which Windows also makes of Ctrl and Alt together. */
  hasAltGraph: boolean;
  /** The key is a part of a character that is not finished. */
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
  // "/" may need Shift on its keyboard; for all others Shift makes something else of them.
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

/** The letter on the key; where it has another script or sign, the letter of its place. */
function keyOf({ key, code }: Keystroke): string {
  const letter = key.toLowerCase();
  return /^[a-z/ ]$/u.test(letter) ? letter : (/^Key([A-Z])$/u.exec(code)?.[1]?.toLowerCase() ?? letter);
}

/** The shortcut of a command, where there is one. */
export function shortcutOf(command: Command, keyboard: Keyboard): Shortcut | undefined {
  return shortcutsFor(keyboard).find((one) => one.command === command);
}

/** What is printed on the keys, in the order in which they are held. */
export function keyCaps({ chord, key }: Shortcut, { isApple }: Keyboard, words: { ctrl: string; space: string }): string[] {
  const held = isApple ? { none: [], one: ['⌘'], two: ['⌃', '⌘'] } : { none: [], one: [words.ctrl], two: [words.ctrl, 'Alt'] };
  return [...held[chord], key === ' ' ? words.space : key.toUpperCase()];
}
