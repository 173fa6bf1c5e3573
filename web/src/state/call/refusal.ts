/** The reason a request was rejected, as far as users need to know. Pure. */

import { ConveneError } from '../../core/errors';
import { RequestRefused } from '../../core/signaling/protoo';

export type Refusal = 'notAllowed' | 'notNow' | 'gone' | 'tooLarge' | 'tooOften' | 'noAnswer' | 'offline' | 'other';

const BY_STATUS: Readonly<Record<number, Refusal>> = { 403: 'notAllowed', 404: 'gone', 409: 'notNow', 413: 'tooLarge', 429: 'tooOften' };

export function refusalOf(thrown: unknown): Refusal {
  if (thrown instanceof RequestRefused) return BY_STATUS[thrown.errorCode] ?? 'other';
  const code = thrown instanceof ConveneError ? thrown.code : undefined;
  if (code === 'request-timeout') return 'noAnswer';
  return code === 'connection-closed' ? 'offline' : 'other';
}
