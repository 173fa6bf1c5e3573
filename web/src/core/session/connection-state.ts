/** The one value that tells everybody outside how the connection is, including its error. Pure. */

import type { ConveneError } from '../errors';
import type { EndCause } from './close-reason';
import type { SessionState } from './machine';

export type Interruption = 'signaling' | 'media';

export type ConnectionState =
  | { status: 'idle' }
  | { status: 'connecting'; attempt: number }
  | { status: 'lobby' }
  | { status: 'connected' }
  /** Still in the room, and it will come right by itself: signaling is cut, or sound and picture do not come through. */
  | { status: 'interrupted'; what: Interruption }
  | { status: 'reconnecting'; attempt: number }
  | { status: 'closed'; cause: EndCause; reason: string }
  | { status: 'failed'; error: ConveneError };

export function connectionStateOf(state: SessionState, interruption?: Interruption): ConnectionState {
  switch (state.name) {
    case 'idle':
      return { status: 'idle' };
    case 'opening':
    case 'joining':
    case 'waiting':
      return { status: state.wasJoined ? 'reconnecting' : 'connecting', attempt: state.attempt };
    case 'lobby':
      return { status: 'lobby' };
    case 'joined':
      return interruption === undefined ? { status: 'connected' } : { status: 'interrupted', what: interruption };
    case 'closed':
      return { status: 'closed', cause: state.cause, reason: state.reason };
    case 'failed':
      return { status: 'failed', error: state.error };
  }
}
