/**
 * What to do about a media transport that loses its connection: first an ICE restart, then a new join. Pure.
 *
 * After a restart the transport gets a grace period; the browser may take 15 s and more to report "failed". The period starts when the
 * server has restarted ICE: while signaling is down, media cannot be repaired, and a new join would not get through either.
 */

/** How long connecting may take before it is repaired. */
export const CONNECT_LIMIT_MS = 10_000;
export const RESTART_GRACE_MS = 8000;

/** `healthy` includes a transport that has not started to connect. */
export type RepairState = 'healthy' | 'connecting' | 'restarting' | 'broken';

/** `silent`: connected according to the browser, but no media arrives. */
export type RepairEvent = 'connecting' | 'connected' | 'disconnected' | 'failed' | 'silent' | 'restarted' | 'restartRefused' | 'timeOver';

export type RepairEffect = 'restartIce' | 'startLimit' | 'startGrace' | 'stopTimer' | 'reportRepairing' | 'reportConnected' | 'reportBroken';

export interface Repair {
  state: RepairState;
  effects: RepairEffect[];
}

const RESTART: Repair = { state: 'restarting', effects: ['stopTimer', 'reportRepairing', 'restartIce'] };

export function repair(state: RepairState, event: RepairEvent): Repair {
  const stay: Repair = { state, effects: [] };
  if (state === 'broken') return stay;
  switch (event) {
    case 'connecting':
      return state === 'healthy' ? { state: 'connecting', effects: ['startLimit'] } : stay;
    case 'connected':
      return { state: 'healthy', effects: ['stopTimer', 'reportConnected'] };
    case 'disconnected':
    case 'failed':
      // Another failure during a restart belongs to the same episode: the grace period decides.
      return state === 'restarting' ? stay : RESTART;
    case 'silent':
      // The connection state does not change meanwhile, so there is nothing to wait for.
      return state === 'healthy' ? { state, effects: ['restartIce'] } : stay;
    case 'restarted':
      return state === 'restarting' ? { state, effects: ['startGrace'] } : stay;
    case 'restartRefused':
      return state === 'restarting' ? { state: 'broken', effects: ['stopTimer', 'reportBroken'] } : stay;
    case 'timeOver':
      if (state === 'connecting') return RESTART;
      return state === 'restarting' ? { state: 'broken', effects: ['reportBroken'] } : stay;
  }
}
