/** A name as it stands in a sentence: not so long that the sentence is lost, and with its own direction of writing. Pure. */

/** In characters. */
const LONGEST = 28;

/** Hebrew, Arabic and their neighbours. Only for them: marks that nobody needs would be read by programs all the same. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u;

export function nameInSentence(name: string): string {
  const letters = Array.from(name);
  const short = letters.length > LONGEST ? `${letters.slice(0, LONGEST - 1).join('').trimEnd()}…` : name;
  // First strong isolate, and its end: the words around it keep their places.
  return RIGHT_TO_LEFT.test(short) ? `\u2068${short}\u2069` : short;
}
