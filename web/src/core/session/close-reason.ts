/** Why the server ended the connection for good. Pure. */

/** protoo's close code that means: do not come back. */
export const FINAL_CLOSE_CODE = 4000;

export type EndCause =
  | 'left'
  | 'ended-by-moderator'
  | 'meeting-ended'
  | 'meeting-missing'
  | 'meeting-full'
  | 'meeting-locked'
  | 'removed'
  | 'refused'
  /** Nobody answered in the lobby until its time was over. */
  | 'not-admitted'
  | 'lobby-full'
  | 'replaced'
  /** Another connection has this peer id, and this one could not prove that it is the same client. */
  | 'peer-id-taken'
  /** A personal invitation is good for one person, and another one has come with it. */
  | 'invitation-used'
  /** Meanwhile only invited people may come in. */
  | 'token-required'
  | 'closed';

export interface Closing {
  code: number;
  reason: string;
}

const PATTERNS: readonly (readonly [RegExp, EndCause])[] = [
  [/\bpeerId is (in use|somebody else's)/iu, 'peer-id-taken'],
  [/\brefused by a moderator\b/iu, 'refused'],
  [/\bnobody has let you in\b/iu, 'not-admitted'],
  [/\blobby is full\b/iu, 'lobby-full'],
  [/\binvitation was used\b/iu, 'invitation-used'],
  [/\bjoin token is needed\b/iu, 'token-required'],
  [/\bremoved (by a moderator|from the meeting)\b/iu, 'removed'],
  [/\bended by a moderator\b/iu, 'ended-by-moderator'],
  [/\b(meeting|room) (has )?(ended|is over|closed)\b/iu, 'meeting-ended'],
  [/\b(no such|unknown|not found|no meeting|does not exist)\b/iu, 'meeting-missing'],
  [/\block(ed)?\b/iu, 'meeting-locked'],
  [/\bfull\b/iu, 'meeting-full'],
  [/\b(replaced|another connection|same peer|connected again)\b/iu, 'replaced'],
];

/** The ticket was too old or used: with a new one there is a way. Browsers' clocks go wrong, so this is no fault of anybody. */
export function isTicketRefused(code: number, reason: string): boolean {
  return code === FINAL_CLOSE_CODE && /\bticket\b/iu.test(reason);
}

/** The server's own words decide; what they do not tell is just "closed". */
export function endCauseOf(reason: string): EndCause {
  return PATTERNS.find(([pattern]) => pattern.test(reason))?.[1] ?? 'closed';
}
