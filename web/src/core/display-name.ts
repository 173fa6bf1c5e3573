/** Names of people: trimmed, spaces folded, 1 to 64 characters. */

export const MAX_NAME_LENGTH = 64;

/** The name as it is sent, or undefined if nothing is left of it. Characters are counted as people see them, roughly: by code point. */
export function normalizeName(input: string): string | undefined {
  const folded = input.replace(/\s+/gu, ' ').replace(/\p{Cc}/gu, '').replace(DIRECTIONS, '').trim();
  const cut = Array.from(folded).slice(0, MAX_NAME_LENGTH).join('').trim();
  return cut === '' ? undefined : cut;
}

/** Marks that turn the direction of writing, also that of what follows. */
const DIRECTIONS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** A name as it came from others, in the same bounds as one's own; "?" where nothing is left of it. */
export function shownName(name: string): string {
  return normalizeName(name.slice(0, 4 * MAX_NAME_LENGTH)) ?? '?';
}

/** One or two letters that stand for a person without video. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s._-]+/u).filter((word) => word !== '');
  const first = words[0];
  const last = words.length > 1 ? words.at(-1) : undefined;
  const letters = [first, last].map((word) => (word === undefined ? '' : (Array.from(word)[0] ?? ''))).join('');
  return letters === '' ? '?' : letters.toLocaleUpperCase();
}
