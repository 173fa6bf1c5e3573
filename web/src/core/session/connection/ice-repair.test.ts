import { describe, expect, it } from 'vitest';
import { repair, type RepairEffect, type RepairEvent, type RepairState } from './ice-repair';

const RESTART: RepairEffect[] = ['stopTimer', 'reportRepairing', 'restartIce'];

describe('a media transport', () => {
  it.each<[RepairState, RepairEvent, RepairState, RepairEffect[]]>([
    ['healthy', 'connecting', 'connecting', ['startLimit']],
    ['healthy', 'connected', 'healthy', ['stopTimer', 'reportConnected']],
    ['healthy', 'disconnected', 'restarting', RESTART],
    ['healthy', 'failed', 'restarting', RESTART],
    ['healthy', 'timeOver', 'healthy', []],
    ['healthy', 'silent', 'healthy', ['restartIce']],
    ['connecting', 'silent', 'connecting', []],
    ['restarting', 'silent', 'restarting', []],
    ['healthy', 'restarted', 'healthy', []],
    ['healthy', 'restartRefused', 'healthy', []],
    ['connecting', 'connecting', 'connecting', []],
    ['connecting', 'connected', 'healthy', ['stopTimer', 'reportConnected']],
    ['connecting', 'timeOver', 'restarting', RESTART],
    ['connecting', 'failed', 'restarting', RESTART],
    ['restarting', 'connecting', 'restarting', []],
    ['restarting', 'disconnected', 'restarting', []],
    ['restarting', 'failed', 'restarting', []],
    ['restarting', 'restarted', 'restarting', ['startGrace']],
    ['restarting', 'connected', 'healthy', ['stopTimer', 'reportConnected']],
    ['restarting', 'restartRefused', 'broken', ['stopTimer', 'reportBroken']],
    ['restarting', 'timeOver', 'broken', ['reportBroken']],
    ['broken', 'connected', 'broken', []],
    ['broken', 'failed', 'broken', []],
  ])('%s, %s: becomes %s and does %j', (state, event, next, effects) => {
    expect(repair(state, event)).toEqual({ state: next, effects });
  });
});
