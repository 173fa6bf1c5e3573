/** Data stored between visits. If the browser forbids storage, nothing is stored and nothing breaks. */

import type { RecentMeeting } from './state/app/recent';
import type { Settings } from './state/settings';

const NAME_KEY = 'convene.display-name';
const SETTINGS_KEY = 'convene.settings';
const RECENT_KEY = 'convene.recent';

export const loadName = (): string => read(NAME_KEY) ?? '';
export const saveName = (name: string): void => write(NAME_KEY, name);
export const loadSettings = (): string | null => read(SETTINGS_KEY);
export const saveSettings = (settings: Settings): void => write(SETTINGS_KEY, JSON.stringify(settings));
export const loadRecent = (): string | null => read(RECENT_KEY);
export const saveRecent = (recent: readonly RecentMeeting[]): void => write(RECENT_KEY, JSON.stringify(recent));

/** Undefined if the browser forbids storage. */
export function tabStorage(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}

/** Storage shared by all tabs. */
export function pageStorage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Fails in private windows of some browsers; the value is entered again next time.
  }
}
