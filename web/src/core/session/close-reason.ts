/** Why the server ended the connection for good. Pure. */

/** protoo's close code that means: do not come back. */
export const FINAL_CLOSE_CODE = 4000;

export type EndCause = 'left' | 'meeting-ended' | 'meeting-missing' | 'meeting-full' | 'replaced' | 'closed';

const PATTERNS: readonly (readonly [RegExp, EndCause])[] = [
  [/\b(meeting|room) (has )?(ended|is over|closed)\b/iu, 'meeting-ended'],
  [/\b(no such|unknown|not found|no meeting|does not exist)\b/iu, 'meeting-missing'],
  [/\bfull\b/iu, 'meeting-full'],
  [/\b(replaced|another connection|same peer|connected again)\b/iu, 'replaced'],
];

/** The server's own words decide; what they do not tell is just "closed". */
export function endCauseOf(reason: string): EndCause {
  return PATTERNS.find(([pattern]) => pattern.test(reason))?.[1] ?? 'closed';
}
