/** A name within a sentence: shortened, and isolated from the text direction around it. Pure. */

/** In characters. */
const LONGEST = 28;

/** Hebrew, Arabic and neighboring scripts. Isolates are added only for them, as other programs may show them. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u;

export function nameInSentence(name: string): string {
  const letters = Array.from(name);
  const short =
    letters.length > LONGEST
      ? `${letters
          .slice(0, LONGEST - 1)
          .join('')
          .trimEnd()}…`
      : name;
  // First strong isolate and pop directional isolate: keeps the order of the surrounding words.
  return RIGHT_TO_LEFT.test(short) ? `\u2068${short}\u2069` : short;
}
