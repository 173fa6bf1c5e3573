/** Names in a sentence: a few are named, more are counted. */

import { nameInSentence } from '../name-in-sentence';

export function names(list: readonly string[]): string {
  const [first = '', second] = list.map(nameInSentence);
  if (list.length > 2) return `${first} und ${list.length - 1} weitere`;
  return second === undefined ? first : `${first} und ${second}`;
}

/** The verb for one name or several. */
export const isOrAre = (list: readonly string[]): string => (list.length === 1 ? 'ist' : 'sind');
