/** The causes of permanently closed connections, read from close codes and reasons. Pure. */

/** protoo's close code for "do not reconnect". */
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
  /** The request in the lobby timed out. */
  | 'not-admitted'
  | 'lobby-full'
  | 'replaced'
  /** Another connection has this peer id, and this client could not prove that it is the same one. */
  | 'peer-id-taken'
  /** An invitation is valid for one participant, and another one has used it. */
  | 'invitation-used'
  /** The meeting now requires an invitation. */
  | 'token-required'
  | 'closed';

export interface Closing {
  code: number;
  reason: string;
}

const PATTERNS: readonly (readonly [RegExp, EndCause])[] = [
  [/\bpeerId is (in use|somebody else's)/iu, 'peer-id-taken'],
  [/\brefused by a moderator\b/iu, 'refused'],
  [/\b(no moderator admitted you|nobody has let you in)\b/iu, 'not-admitted'],
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

/** The ticket was expired or used: retry with a new one. Happens when the browser's clock is wrong. */
export function isTicketRefused(code: number, reason: string): boolean {
  return code === FINAL_CLOSE_CODE && /\bticket\b/iu.test(reason);
}

/** Decided by the text of the server's reason; an unknown one is "closed". */
export function endCauseOf(reason: string): EndCause {
  return PATTERNS.find(([pattern]) => pattern.test(reason))?.[1] ?? 'closed';
}
