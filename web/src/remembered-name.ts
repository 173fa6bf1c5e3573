/** The name typed last, kept by the browser. Where storage is forbidden, nothing is remembered and nothing breaks. */

const KEY = 'convene.display-name';

export function loadName(): string {
  try {
    return localStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

export function saveName(name: string): void {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Private windows of some browsers refuse; the name is asked for again next time.
  }
}
