/**
 * What to do about one media transport whose connection falters: first an ICE restart, then a whole new join. Pure.
 *
 * After a restart the transport gets some time; the browser itself may take 15 s and more to say "failed". That time begins when the
 * server has restarted: while it cannot be asked, media cannot be mended, and a new join would not get through either.
 */

/** How long a connection may take to come about before something is done. */
export const CONNECT_LIMIT_MS = 10_000;
export const RESTART_GRACE_MS = 8000;

/** `healthy` is also one that has not begun to connect. */
export type RepairState = 'healthy' | 'connecting' | 'restarting' | 'broken';

/** `silent`: connected as it seems, and nothing comes. */
export type RepairEvent = 'connecting' | 'connected' | 'disconnected' | 'failed' | 'silent' | 'restarted' | 'restartRefused' | 'timeOver';

export type RepairEffect = 'restartIce' | 'startLimit' | 'startGrace' | 'stopTimer' | 'reportMending' | 'reportConnected' | 'reportBroken';

export interface Repair {
  state: RepairState;
  effects: RepairEffect[];
}

const RESTART: Repair = { state: 'restarting', effects: ['stopTimer', 'reportMending', 'restartIce'] };

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
      // A second fault while a restart runs belongs to the same episode: the grace decides.
      return state === 'restarting' ? stay : RESTART;
    case 'silent':
      // The connection stays as it is meanwhile, so there is nothing to wait for.
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
