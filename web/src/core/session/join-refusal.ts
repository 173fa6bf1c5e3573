/** What a refused join comes to: the end of the session with a known cause, an error that is final, or one to try again after. Pure. */

import { ConveneError, toConveneError, type ErrorCode } from '../errors';
import { RequestRefused } from '../signaling/protoo';
import { endCauseOf, FINAL_CLOSE_CODE, type Closing } from './close-reason';

/** Statuses that trying again cannot change. */
const FINAL: Readonly<Record<number, ErrorCode>> = { 400: 'join-refused', 403: 'access-refused', 413: 'join-refused' };

function codeOfRefusedJoin(status: number): ErrorCode {
  return FINAL[status] ?? 'meeting-busy';
}

/** A 403 whose words name a cause, such as "the meeting is locked", means what a final close with these words means. */
export function closingOf(thrown: unknown): Closing | undefined {
  if (!(thrown instanceof RequestRefused) || thrown.errorCode !== 403) return undefined;
  return endCauseOf(thrown.reason) === 'closed' ? undefined : { code: FINAL_CLOSE_CODE, reason: thrown.reason };
}

export function joinErrorOf(thrown: unknown): ConveneError {
  if (!(thrown instanceof RequestRefused)) return toConveneError(thrown, 'server-unreachable');
  return new ConveneError(codeOfRefusedJoin(thrown.errorCode), thrown.message, { cause: thrown });
}
