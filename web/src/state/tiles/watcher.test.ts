import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Watcher } from './watcher';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('decides nothing before the views have shown a tile, unless they never do', async () => {
  let count = 0;
  const watcher = new Watcher(() => (count += 1));
  watcher.notifySoon();
  await vi.advanceTimersByTimeAsync(600);
  expect(count).toBe(0);
  watcher.note('bob', { width: 300, height: 200 });
  await vi.advanceTimersByTimeAsync(150);
  expect(count).toBe(1);
  const inBackground = new Watcher(() => (count += 1));
  inBackground.notifySoon();
  await vi.advanceTimersByTimeAsync(1050);
  expect(count).toBe(2);
});
