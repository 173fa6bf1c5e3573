// How a request over protoo-client ends: with data, or with the code and the reason of an error.
import type { Peer } from 'protoo-client';

import type { Outcome } from './api.ts';

export async function outcomeOf(protoo: Peer | undefined, method: string, data: object | undefined): Promise<Outcome> {
  const began = performance.now();
  const elapsed = (): number => performance.now() - began;
  try {
    return { data: await protoo?.request(method, data), milliseconds: elapsed() };
  } catch (error) {
    const { code, message } = error as { code?: number; message: string };
    return { ...(code === undefined ? {} : { errorCode: code }), errorReason: message, milliseconds: elapsed() };
  }
}
