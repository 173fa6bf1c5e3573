/** Names in a sentence: a few are named, more are counted. */

import { nameInSentence } from '../name-in-sentence';

export function names(list: readonly string[]): string {
  const [first = '', second] = list.map(nameInSentence);
  if (list.length > 2) return `${first} y ${list.length - 1} más`;
  return second === undefined ? first : `${first} y ${second}`;
}

export const isOne = (list: readonly string[]): boolean => list.length === 1;
