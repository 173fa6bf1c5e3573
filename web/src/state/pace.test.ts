import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Burst, Hold } from './pace';
import { Store } from './store';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('changes of a burst are one notification, others are notified at once; values are known at once', async () => {
  const burst = new Burst();
  const store = new Store(0, burst.pace);
  const seen: number[] = [];
  const add = (): void => store.update((value) => value + 1);
  store.subscribe(() => seen.push(store.get()));
  burst.during(add);
  burst.during(add);
  expect([store.get(), seen]).toEqual([2, []]);
  await vi.advanceTimersByTimeAsync(0);
  expect(seen).toEqual([2]);
  burst.during(add);
  add();
  expect(seen).toEqual([2, 4]);
  await vi.advanceTimersByTimeAsync(0);
  expect(seen).toEqual([2, 4]);
});

it('a hold delays notifications until its release or its limit, not values', async () => {
  const hold = new Hold();
  const store = new Store(0, hold.pace);
  const seen: number[] = [];
  store.subscribe(() => seen.push(store.get()));
  hold.start(100);
  store.update(() => 1);
  await vi.advanceTimersByTimeAsync(99);
  expect([store.get(), seen]).toEqual([1, []]);
  await vi.advanceTimersByTimeAsync(1);
  expect(seen).toEqual([1]);
  store.update(() => 2);
  expect(seen).toEqual([1, 2]);
  hold.start(100);
  store.update(() => 3);
  hold.releaseSoon();
  expect(seen).toEqual([1, 2]);
  await vi.advanceTimersByTimeAsync(0);
  expect(seen).toEqual([1, 2, 3]);
  await vi.advanceTimersByTimeAsync(100);
  expect(seen).toEqual([1, 2, 3]);
});
