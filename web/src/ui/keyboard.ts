/** The keyboard of this device, as far as it matters to shortcuts. */

import { isAppleSystem } from '../core/browser';
import type { Settings } from '../state/settings';
import type { Keyboard } from '../state/shortcuts';

export function keyboardOf({ hasPushToTalk }: Settings): Keyboard {
  return { isApple: isAppleSystem(navigator.userAgent), hasPushToTalk };
}
