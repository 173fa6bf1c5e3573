import { describe, expect, it } from 'vitest';
import { repair, type RepairEffect, type RepairEvent, type RepairState } from './ice-repair';

describe('a media transport', () => {
  it.each<[RepairState, RepairEvent, RepairState, RepairEffect[]]>([
    ['healthy', 'connected', 'healthy', ['stopGrace', 'reportConnected']],
    ['healthy', 'disconnected', 'restarting', ['restartIce', 'startGrace']],
    ['healthy', 'failed', 'restarting', ['restartIce', 'startGrace']],
    ['healthy', 'graceOver', 'healthy', []],
    ['healthy', 'restartRefused', 'healthy', []],
    ['restarting', 'disconnected', 'restarting', []],
    ['restarting', 'failed', 'restarting', []],
    ['restarting', 'connected', 'healthy', ['stopGrace', 'reportConnected']],
    ['restarting', 'restartRefused', 'broken', ['stopGrace', 'reportBroken']],
    ['restarting', 'graceOver', 'broken', ['stopGrace', 'reportBroken']],
    ['broken', 'connected', 'broken', []],
    ['broken', 'failed', 'broken', []],
  ])('%s, %s: becomes %s and does %j', (state, event, next, effects) => {
    expect(repair(state, event)).toEqual({ state: next, effects });
  });
});
