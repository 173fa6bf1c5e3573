/**
 * The lifecycle of a session as a pure state machine: `transition(state, event)` returns the next state and the effects.
 *
 * It knows no sockets, media or clocks. The session carries out the effects and feeds back events.
 */

import { ConveneError } from '../errors';
import { waitBeforeAttempt } from './backoff';
import { endCauseOf, FINAL_CLOSE_CODE, isTicketRefused, type EndCause } from './close-reason';

/** Longer than a router holds a connection while a meeting is assigned: a connection that hangs is given up. */
export const OPEN_LIMIT_MS = 75_000;
/**
 * A call that has lasted this long resets the backoff: the next disconnect is retried immediately. Long enough to notice a
 * server that accepts participants and then crashes.
 */
export const STABLE_AFTER_MS = 2000;
/** Signaling works but media does not: the join is repeated this often before it is reported. */
export const MAX_MEDIA_FAILURES = 3;

/** State kept while joining or rejoining. */
interface Trying {
  /** Number of this attempt since the last stable call; 0 once a call is stable. */
  attempt: number;
  /** Whether this session has been in the call before: then views show "reconnecting". */
  wasJoined: boolean;
  /** Consecutive joins whose media could not be established. */
  mediaFailures: number;
  /** Media of a prepared connection has failed before the join was answered. */
  isMediaBroken?: boolean;
}

export type SessionState =
  | { name: 'idle' }
  | ({ name: 'opening' } & Trying)
  | ({ name: 'joining' } & Trying)
  /** Waiting for a moderator's approval. Only the server limits the time. */
  | ({ name: 'lobby' } & Trying)
  | ({ name: 'joined' } & Trying)
  | ({ name: 'waiting'; waitMs: number } & Trying)
  | { name: 'closed'; cause: EndCause; reason: string }
  | { name: 'failed'; error: ConveneError; wasJoined: boolean };

export type MachineEvent =
  | { type: 'start' }
  | { type: 'socketOpened' }
  /** There is no route to the meeting right now, or none for this participant. */
  | { type: 'routeFailed'; error: ConveneError }
  | { type: 'lobbyEntered' }
  | { type: 'lobbyLeft' }
  | { type: 'joinSucceeded' }
  | { type: 'joinFailed'; error: ConveneError }
  | { type: 'socketClosed'; code: number; reason: string }
  /** A prepared connection ended before its join was answered: connect as without it, at once. */
  | { type: 'preparationLost' }
  | { type: 'mediaConnected' }
  | { type: 'mediaFailed' }
  | { type: 'timerFired' }
  | { type: 'networkBack' }
  /** The meeting became ready. */
  | { type: 'meetingReady' }
  | { type: 'leave' };

export type SessionEffect =
  { type: 'openSocket' } | { type: 'join' } | { type: 'knock' } | { type: 'dropConnection' } | { type: 'startTimer'; ms: number } | { type: 'stopTimer' };

export interface Transition {
  state: SessionState;
  effects: SessionEffect[];
}

export const INITIAL_STATE: SessionState = { name: 'idle' };

const FRESH: Trying = { attempt: 1, wasJoined: false, mediaFailures: 0 };

export function transition(state: SessionState, event: MachineEvent): Transition {
  if (event.type === 'leave') return leave(state);
  switch (state.name) {
    case 'idle':
    case 'closed':
      return event.type === 'start' ? open(FRESH) : stay(state);
    case 'failed':
      return fromFailed(state, event);
    case 'opening':
      return fromOpening(state, event);
    case 'joining':
      return fromJoining(state, event);
    case 'lobby':
      return fromLobby(state, event);
    case 'joined':
      return fromJoined(state, event);
    case 'waiting':
      return fromWaiting(state, event);
  }
}

function fromFailed(state: SessionState & { name: 'failed' }, event: MachineEvent): Transition {
  const again = event.type === 'start' || (event.type === 'networkBack' && state.error.category === 'network');
  return again ? open({ ...FRESH, wasJoined: state.wasJoined }) : stay(state);
}

function fromOpening(state: SessionState & { name: 'opening' }, event: MachineEvent): Transition {
  switch (event.type) {
    case 'socketOpened':
      return { state: { ...state, name: 'joining' }, effects: [{ type: 'stopTimer' }, { type: 'join' }] };
    case 'routeFailed':
      return joinFailed(state, event.error);
    case 'timerFired':
      return tryAgain(state, [{ type: 'dropConnection' }], new ConveneError('server-unreachable', 'could not open the connection in time'));
    case 'preparationLost':
      return open(state, [{ type: 'stopTimer' }, { type: 'dropConnection' }]);
    case 'socketClosed':
      return lost(state, event.code, event.reason);
    default:
      return stay(state);
  }
}

function fromJoining(state: SessionState & { name: 'joining' }, event: MachineEvent): Transition {
  switch (event.type) {
    case 'mediaFailed':
      return { state: { ...state, isMediaBroken: true }, effects: [] };
    case 'joinSucceeded':
      if (state.isMediaBroken === true) return mediaFailed(state);
      return {
        // The first call counts as stable immediately; a restored one has to last for a while first.
        state: { ...state, name: 'joined', attempt: state.wasJoined ? state.attempt : 0, wasJoined: true },
        effects: [{ type: 'startTimer', ms: STABLE_AFTER_MS }],
      };
    case 'joinFailed':
      return joinFailed(state, event.error);
    case 'lobbyEntered':
      return { state: { ...state, name: 'lobby' }, effects: [{ type: 'knock' }] };
    case 'preparationLost':
      return open(state, [{ type: 'stopTimer' }, { type: 'dropConnection' }]);
    case 'socketClosed':
      return lost(state, event.code, event.reason);
    default:
      return stay(state);
  }
}

/** The join sent before the server's "lobby" fails; that is not a failure of the session. */
function fromLobby(state: SessionState & { name: 'lobby' }, event: MachineEvent): Transition {
  switch (event.type) {
    case 'mediaFailed':
      return { state: { ...state, isMediaBroken: true }, effects: [] };
    case 'lobbyLeft':
      return { state: { ...state, name: 'joining' }, effects: [{ type: 'join' }] };
    case 'socketClosed':
      return lost(state, event.code, event.reason);
    default:
      return stay(state);
  }
}

function fromJoined(state: SessionState & { name: 'joined' }, event: MachineEvent): Transition {
  switch (event.type) {
    case 'timerFired':
      return { state: { ...state, attempt: 0 }, effects: [] };
    case 'mediaConnected':
      return { state: { ...state, mediaFailures: 0 }, effects: [] };
    case 'mediaFailed':
      return mediaFailed(state);
    case 'socketClosed':
      return lost(state, event.code, event.reason);
    default:
      return stay(state);
  }
}

function fromWaiting(state: SessionState & { name: 'waiting' }, event: MachineEvent): Transition {
  switch (event.type) {
    case 'timerFired':
      return open(state);
    case 'networkBack':
    case 'meetingReady':
      return open(state, [{ type: 'stopTimer' }]);
    default:
      return stay(state);
  }
}

function stay(state: SessionState): Transition {
  return { state, effects: [] };
}

function open({ attempt, wasJoined, mediaFailures }: Trying, before: SessionEffect[] = []): Transition {
  return {
    state: { name: 'opening', attempt, wasJoined, mediaFailures },
    effects: [...before, { type: 'startTimer', ms: OPEN_LIMIT_MS }, { type: 'openSocket' }],
  };
}

function leave(state: SessionState): Transition {
  if (state.name === 'closed') return stay(state);
  return { state: { name: 'closed', cause: 'left', reason: '' }, effects: [{ type: 'stopTimer' }, { type: 'dropConnection' }] };
}

/** The socket closed. Final codes end the session; after a stable call the first attempt is immediate, others wait. */
function lost(state: SessionState & Trying, code: number, reason: string): Transition {
  const drop: SessionEffect[] = [{ type: 'stopTimer' }, { type: 'dropConnection' }];
  if (code === FINAL_CLOSE_CODE && !isTicketRefused(code, reason)) {
    return { state: { name: 'closed', cause: endCauseOf(reason), reason }, effects: drop };
  }
  return tryAgain(state, drop, new ConveneError('server-unreachable', `the connection was closed with ${code} ${reason}`.trim()));
}

/** Errors that retrying cannot fix (no WebRTC, no common codec, no permission to join) end the session. */
function joinFailed(state: SessionState & Trying, error: ConveneError): Transition {
  const drop: SessionEffect[] = [{ type: 'stopTimer' }, { type: 'dropConnection' }];
  const isFinal = error.category === 'environment' || error.category === 'access' || error.code === 'codec-unsupported';
  if (isFinal) return { state: { name: 'failed', error, wasJoined: state.wasJoined }, effects: drop };
  return tryAgain(state, drop, error);
}

/** An ICE restart could not repair media: rejoin, but only so many times. */
function mediaFailed(state: SessionState & Trying): Transition {
  const drop: SessionEffect[] = [{ type: 'stopTimer' }, { type: 'dropConnection' }];
  const mediaFailures = state.mediaFailures + 1;
  if (mediaFailures >= MAX_MEDIA_FAILURES) {
    const error = new ConveneError('media-unreachable', `could not establish media ${mediaFailures} times in a row`);
    return { state: { name: 'failed', error, wasJoined: true }, effects: drop };
  }
  return open({ ...state, mediaFailures }, drop);
}

function tryAgain(trying: Trying, effects: SessionEffect[], error: ConveneError): Transition {
  const { wasJoined, mediaFailures } = trying;
  const attempt = trying.attempt + 1;
  const waitMs = waitBeforeAttempt(attempt, error.retryAfterMs);
  if (waitMs === undefined) return { state: { name: 'failed', error, wasJoined }, effects };
  if (waitMs === 0) return open({ attempt, wasJoined, mediaFailures }, effects);
  return {
    state: { name: 'waiting', attempt, wasJoined, mediaFailures, waitMs },
    effects: [...effects, { type: 'startTimer', ms: waitMs }],
  };
}
