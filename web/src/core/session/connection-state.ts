/** The state of the connection as one value, including its error. Pure. */

import type { ConveneError } from '../errors';
import type { EndCause } from './close-reason';
import type { SessionState } from './machine';

export type Interruption = 'signaling' | 'media';

export type ConnectionState =
  | { status: 'idle' }
  | { status: 'connecting'; attempt: number }
  | { status: 'lobby' }
  | { status: 'connected' }
  /** Still in the room and recovering: signaling or media is interrupted. */
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
