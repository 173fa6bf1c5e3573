/**
 * Display names: one line of 1 to 64 characters, without invisible characters and those that change the text direction. The media pod
 * cleans them the same way (`text.rs` of `convene-protocol`); doing it here too shows users what others will see.
 */

export const MAX_NAME_LENGTH = 64;

/** The name as it is sent, or undefined if nothing is left of it. Length is counted in code points. */
export function normalizeName(input: string): string | undefined {
  const cut = Array.from(cleanLine(input)).slice(0, MAX_NAME_LENGTH).join('').trim();
  return cut === '' ? undefined : cut;
}

/** Collapses white space, removes invisible characters and normalizes to NFC. */
export function cleanLine(text: string): string {
  const seen = text
    .replace(SPACES, ' ')
    .replace(HIDDEN, (hidden, at: number, whole: string) => (isSeen(hidden, whole.slice(0, at), whole.slice(at + hidden.length)) ? hidden : ''));
  return seen.replace(/ +/gu, ' ').trim().normalize('NFC');
}

/** The blank Braille pattern looks like a space. */
const SPACES = /[\p{White_Space}\u2800]/gu;

/** Control, format, private-use, ignorable and non-characters. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;

const EMOJI_FORM = '\ufe0f';
const JOINERS = { withoutJoining: '\u200c', joining: '\u200d' };

const JOINING_SCRIPT =
  '[\\p{sc=Arab}\\p{sc=Beng}\\p{sc=Deva}\\p{sc=Gujr}\\p{sc=Guru}\\p{sc=Knda}\\p{sc=Mlym}\\p{sc=Orya}\\p{sc=Sinh}\\p{sc=Syrc}\\p{sc=Taml}\\p{sc=Telu}]';
/** Combining marks of inherited script. Joiners are of that script too, but are not marks. */
const MARKS = '(?:(?![^\\p{Mn}])\\p{sc=Zinh})*';
const BEFORE_IN_WORD = new RegExp(`${JOINING_SCRIPT}${MARKS}$`, 'u');
const AFTER_IN_WORD = new RegExp(`^${MARKS}${JOINING_SCRIPT}`, 'u');

/** Joiners are kept where they have an effect: within emoji, and within words of the scripts that need them. */
function isSeen(hidden: string, before: string, after: string): boolean {
  if (hidden === EMOJI_FORM) return /\p{Emoji}$/u.test(before);
  const isInWord = (): boolean => BEFORE_IN_WORD.test(before) && AFTER_IN_WORD.test(after);
  if (hidden === JOINERS.withoutJoining) return isInWord();
  return hidden === JOINERS.joining && (isInEmoji(before, after) || isInWord());
}

function isInEmoji(before: string, after: string): boolean {
  return /[\p{Extended_Pictographic}\p{Emoji_Modifier}]\ufe0f?$/u.test(before) && /^\p{Extended_Pictographic}/u.test(after);
}

/** A name received from others, cleaned like a local one; "?" if nothing is left of it. */
export function shownName(name: string): string {
  return normalizeName(name.slice(0, 4 * MAX_NAME_LENGTH)) ?? '?';
}

/** One or two letters for the avatar. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s._-]+/u).filter((word) => word !== '');
  const first = words[0];
  const last = words.length > 1 ? words.at(-1) : undefined;
  const letters = [first, last].map((word) => (word === undefined ? '' : (Array.from(word)[0] ?? ''))).join('');
  return letters === '' ? '?' : letters.toLocaleUpperCase();
}
