/** The keyboard of this device, as far as it matters to shortcuts. */

import { isAppleSystem } from '../core/browser';
import type { Settings } from '../state/settings';
import { keyCaps, shortcutOf, type Command, type Keyboard } from '../state/call/shortcuts';
import type { Texts } from '../i18n/en';

export function keyboardOf({ hasPushToTalk }: Settings): Keyboard {
  return { isApple: isAppleSystem(navigator.userAgent), hasPushToTalk };
}

/** What a button does, with the keys that do the same. */
export function withKeys(title: string, command: Command, settings: Settings, { dialogs }: Texts): string {
  const keyboard = keyboardOf(settings);
  const shortcut = shortcutOf(command, keyboard);
  return shortcut === undefined ? title : `${title} (${keyCaps(shortcut, keyboard, dialogs).join(keyboard.isApple ? '' : '+')})`;
}
