/** The keyboard for shortcuts, by system and settings. */

import { isAppleSystem } from '../core/browser';
import type { Settings } from '../state/settings';
import { keyCaps, shortcutOf, type Command, type Keyboard } from '../state/call/shortcuts';
import type { Texts } from '../i18n/en';

export function keyboardOf({ hasPushToTalk }: Settings): Keyboard {
  return { isApple: isAppleSystem(navigator.userAgent), hasPushToTalk };
}

/** The title of a button with its shortcut. */
export function withKeys(title: string, command: Command, settings: Settings, { dialogs }: Texts): string {
  const keyboard = keyboardOf(settings);
  const shortcut = shortcutOf(command, keyboard);
  return shortcut === undefined ? title : `${title} (${keyCaps(shortcut, keyboard, dialogs).join(keyboard.isApple ? '' : '+')})`;
}
