/** Requests that a room refuses because its meeting is being moved: they are repeated until it accepts them again, or the next server does. */

import { RequestRefused } from '../../signaling/protoo';

const REPEAT_MS = 500;
/** For longer than a server keeps a room from changing. */
const REPEATS = 40;

/** Whether the room refuses the request only as long as it moves. */
export function isMoving(error: unknown): boolean {
  return error instanceof RequestRefused && error.errorCode === 409 && error.reason === 'moving';
}

export async function repeatWhileMoving<T>(send: () => Promise<T>): Promise<T> {
  for (let left = REPEATS; ; left -= 1) {
    try {
      return await send();
    } catch (error) {
      if (left === 0 || !isMoving(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, REPEAT_MS));
  }
}
