/** The effect of a rejected join: an end with a known cause, a final error, or an error to retry. Pure. */

import { ConveneError, toConveneError, type ErrorCode } from '../errors';
import { RequestRefused } from '../signaling/protoo';
import { endCauseOf, FINAL_CLOSE_CODE, type Closing } from './close-reason';

/** Statuses for which retrying is pointless. */
const FINAL: Readonly<Record<number, ErrorCode>> = { 400: 'join-refused', 403: 'access-refused', 413: 'join-refused' };

function codeOfRefusedJoin(status: number): ErrorCode {
  return FINAL[status] ?? 'meeting-busy';
}

/** A 403 whose reason names a cause, such as "the meeting is locked", is treated like a final close with that reason. */
export function closingOf(thrown: unknown): Closing | undefined {
  if (!(thrown instanceof RequestRefused) || thrown.errorCode !== 403) return undefined;
  return endCauseOf(thrown.reason) === 'closed' ? undefined : { code: FINAL_CLOSE_CODE, reason: thrown.reason };
}

export function joinErrorOf(thrown: unknown): ConveneError {
  if (!(thrown instanceof RequestRefused)) return toConveneError(thrown, 'server-unreachable');
  return new ConveneError(codeOfRefusedJoin(thrown.errorCode), thrown.message, { cause: thrown });
}
