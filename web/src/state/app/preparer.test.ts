import { beforeEach, describe, expect, it } from 'vitest';
import type { PreparationState } from '../../core/session/preparation';
import { Preparer, shouldPrepare, type Situation } from './preparer';

const READY: Situation = {
  screen: 'preJoin',
  meeting: { isReady: true, isUnreachable: false, isOutOfReach: false },
  hasPreview: true,
  savesData: false,
};

describe('a join is prepared', () => {
  const meeting = READY.meeting;
  it.each<[string, Partial<Situation>, boolean]>([
    ['before joining', {}, true],
    ['not while waiting', { screen: 'waiting' }, false],
    ['not in the call', { screen: 'call' }, false],
    ['not in the lobby', { screen: 'lobby' }, false],
    ['not after the end', { screen: 'ended' }, false],
    ['not where calls are impossible', { screen: 'unsupported' }, false],
    ['not for a meeting that is not ready', { meeting: { ...meeting, isReady: false } }, false],
    ['not without the server', { meeting: { ...meeting, isUnreachable: true } }, false],
    ['not if media cannot be sent', { meeting: { ...meeting, isOutOfReach: true } }, false],
    ['not before the permission to capture', { hasPreview: false }, false],
    ['not if the user saves data', { savesData: true }, false],
  ])('%s', (_when, change, expected) => expect(shouldPrepare({ ...READY, ...change })).toBe(expected));
});

class FakePreparation {
  isDropped = false;
  readonly peerId: string;
  readonly become: (state: PreparationState) => void;

  constructor(peerId: string, become: (state: PreparationState) => void) {
    this.peerId = peerId;
    this.become = become;
  }

  drop(): void {
    this.isDropped = true;
    this.become('ended');
  }
}

describe('a preparer', () => {
  let now = 0;
  let peerId = 'abcdefgh';
  let started: FakePreparation[] = [];
  let told: boolean[] = [];
  let preparer: Preparer<FakePreparation>;

  beforeEach(() => {
    now = 0;
    peerId = 'abcdefgh';
    started = [];
    told = [];
    preparer = new Preparer({
      prepare: (onChange) => {
        const preparation = new FakePreparation(peerId, onChange);
        started.push(preparation);
        return preparation;
      },
      onChange: (isPrepared) => told.push(isPrepared),
      now: () => now,
    });
    preparer.update(READY);
  });

  it('starts once, and tells when it is prepared', () => {
    preparer.update(READY);
    preparer.setPresence(true);
    started[0]?.become('prepared');
    expect([started.length, told]).toEqual([1, [true]]);
  });

  it('gives it away once', () => {
    started[0]?.become('prepared');
    expect([preparer.take('abcdefgh'), preparer.take('abcdefgh')]).toEqual([started[0], undefined]);
    preparer.update({ ...READY, screen: 'call' });
    expect([started[0]?.isDropped, told.at(-1)]).toEqual([false, false]);
  });

  it('drops what was prepared for another peer id', () => {
    expect(preparer.take('zyxwvuts')).toBeUndefined();
    expect(started[0]?.isDropped).toBe(true);
  });

  it('prepares the next join at once after a call', () => {
    preparer.take('abcdefgh');
    preparer.update({ ...READY, screen: 'call' });
    preparer.update({ ...READY, screen: 'ended' });
    peerId = 'zyxwvuts';
    preparer.update(READY);
    expect(started.map((one) => one.peerId)).toEqual(['abcdefgh', 'zyxwvuts']);
  });

  it('drops it when the meeting ends', () => {
    preparer.update({ ...READY, screen: 'ended' });
    expect([started[0]?.isDropped, told.at(-1)]).toEqual([true, false]);
  });

  it('drops it when the user leaves, and prepares again when they return, once a minute', () => {
    preparer.setPresence(false);
    expect(started[0]?.isDropped).toBe(true);
    now = 59_999;
    preparer.setPresence(true);
    expect(started).toHaveLength(1);
    now = 60_000;
    preparer.setPresence(true);
    expect(started).toHaveLength(2);
    preparer.setPresence(false);
    preparer.setPresence(true);
    expect(started).toHaveLength(2);
  });

  it('prepares again when the server has ended it and the user does something', () => {
    started[0]?.become('prepared');
    started[0]?.become('ended');
    expect(told).toEqual([true, false]);
    now = 600_000;
    preparer.update(READY);
    expect(started).toHaveLength(1);
    preparer.setPresence(true);
    expect(started).toHaveLength(2);
  });

  it('prepares again at once if the server ends it before it is prepared: the room was about to end; but only once', () => {
    started[0]?.become('ended');
    expect(started).toHaveLength(2);
    started[1]?.become('ended');
    expect(started).toHaveLength(2);
    now = 60_000;
    preparer.setPresence(true);
    started[2]?.become('prepared');
    started[2]?.become('ended');
    expect([started.length, told.at(-1)]).toEqual([3, false]);
  });

  it.each<[string, () => void]>([
    ['the user has left', () => preparer.setPresence(false)],
    ['the meeting has ended', () => preparer.update({ ...READY, screen: 'ended' })],
    ['the join has taken it', () => preparer.take('zyxwvuts')],
    ['the server cannot', () => started[0]?.become('unsupported')],
  ])('does not prepare again when %s', (_why, happen) => {
    happen();
    expect(started).toHaveLength(1);
  });

  it('does not prepare while the user is away', () => {
    preparer.setPresence(false);
    now = 600_000;
    preparer.update({ ...READY, screen: 'loading' });
    preparer.update(READY);
    expect(started).toHaveLength(1);
  });

  it('does not try again what the server does not support', () => {
    started[0]?.become('unsupported');
    now = 600_000;
    preparer.setPresence(true);
    expect(started).toHaveLength(1);
  });

  it('survives a preparation that ends while it starts', () => {
    const other = new Preparer({
      prepare: (onChange) => {
        onChange('ended');
        return new FakePreparation(peerId, onChange);
      },
      onChange: (isPrepared) => told.push(isPrepared),
      now: () => now,
    });
    other.update(READY);
    expect([other.take(peerId), told.at(-1)]).toEqual([undefined, false]);
  });
});
