/**
 * What to do about one media transport whose connection falters: first an ICE restart, then a whole new join. Pure.
 *
 * After a restart the transport gets some time; the browser itself may take 15 s and more to say "failed".
 */

export const RESTART_GRACE_MS = 8000;

export type RepairState = 'healthy' | 'restarting' | 'broken';

export type RepairEvent = 'connected' | 'disconnected' | 'failed' | 'restartRefused' | 'graceOver';

export type RepairEffect = 'restartIce' | 'startGrace' | 'stopGrace' | 'reportConnected' | 'reportBroken';

export interface Repair {
  state: RepairState;
  effects: RepairEffect[];
}

export function repair(state: RepairState, event: RepairEvent): Repair {
  if (state === 'broken') return { state, effects: [] };
  switch (event) {
    case 'connected':
      return { state: 'healthy', effects: ['stopGrace', 'reportConnected'] };
    case 'disconnected':
    case 'failed':
      // A second fault while a restart runs belongs to the same episode: the grace decides.
      if (state === 'restarting') return { state, effects: [] };
      return { state: 'restarting', effects: ['restartIce', 'startGrace'] };
    case 'restartRefused':
    case 'graceOver':
      if (state === 'healthy') return { state, effects: [] };
      return { state: 'broken', effects: ['stopGrace', 'reportBroken'] };
  }
}
