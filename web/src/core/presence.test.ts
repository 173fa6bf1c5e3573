import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AWAY_AFTER_MS, watchPresence } from './presence';

class FakeDocument extends EventTarget {
  visibilityState: DocumentVisibilityState = 'visible';

  become(state: DocumentVisibilityState): void {
    this.visibilityState = state;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

let page: { document: FakeDocument; window: EventTarget };
let signs: boolean[];
let end: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  page = { document: new FakeDocument(), window: new EventTarget() };
  signs = [];
  end = watchPresence((isHere) => signs.push(isHere), page);
});
afterEach(() => {
  end();
  vi.useRealTimers();
});

it('a page that is hidden for long is left, one that is hidden shortly is not', async () => {
  page.document.become('hidden');
  await vi.advanceTimersByTimeAsync(AWAY_AFTER_MS - 1);
  page.document.become('visible');
  await vi.advanceTimersByTimeAsync(AWAY_AFTER_MS);
  expect(signs).toEqual([true]);
  page.document.become('hidden');
  await vi.advanceTimersByTimeAsync(AWAY_AFTER_MS);
  expect(signs).toEqual([true, false]);
});

it.each(['focus', 'pointermove', 'pointerdown', 'keydown', 'pageshow'])('%s is a sign of the user, unless the page is hidden', (name) => {
  page.window.dispatchEvent(new Event(name));
  page.document.visibilityState = 'hidden';
  page.window.dispatchEvent(new Event(name));
  expect(signs).toEqual([true]);
});

it('a page that is frozen or left is left at once', () => {
  page.document.dispatchEvent(new Event('freeze'));
  page.window.dispatchEvent(new Event('pagehide'));
  page.document.dispatchEvent(new Event('resume'));
  expect(signs).toEqual([false, false, true]);
});

it('ends', () => {
  end();
  page.window.dispatchEvent(new Event('focus'));
  expect(signs).toEqual([]);
});
