import { beforeEach, describe, expect, it, vi } from 'vitest';
import { keepPlaying, type PageView } from './playback';

class FakeElement extends EventTarget {
  paused = true;
  ended = false;
  refusal: Error | undefined;
  plays = 0;

  play(): Promise<void> {
    this.plays += 1;
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    this.paused = false;
    this.dispatchEvent(new Event('playing'));
    return Promise.resolve();
  }

  systemPauses(): void {
    this.paused = true;
    this.dispatchEvent(new Event('pause'));
  }
}

const refusal = new DOMException('click first', 'NotAllowedError');

let element: FakeElement;
let page: PageView & EventTarget;
let now = 0;
const blocked = vi.fn();
let end: () => void;

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

beforeEach(() => {
  blocked.mockReset();
  now = 100_000;
  element = new FakeElement();
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' as const });
  end = keepPlaying(element, { onBlocked: blocked, page, now: () => now });
});

describe('remote media', () => {
  it('plays, and resumes after the system has paused it', () => {
    element.systemPauses();
    expect([element.paused, blocked.mock.lastCall]).toEqual([false, [false]]);
  });

  it('needs a click if the system pauses it again', () => {
    element.systemPauses();
    now += 1000;
    element.systemPauses();
    expect([element.paused, blocked.mock.lastCall]).toEqual([true, [true]]);
    now += 60_000;
    void element.play();
    expect(blocked.mock.lastCall).toEqual([false]);
  });

  it('needs a click if the browser requires one', async () => {
    element.refusal = refusal;
    element.systemPauses();
    await settle();
    expect(blocked.mock.lastCall).toEqual([true]);
  });

  it('needs none if a newer stream replaces it, or it has ended', async () => {
    element.refusal = new DOMException('another one', 'AbortError');
    element.systemPauses();
    await settle();
    element.ended = true;
    const { plays } = element;
    element.systemPauses();
    expect([element.plays, blocked.mock.calls.some(([isBlocked]) => isBlocked === true)]).toEqual([plays, false]);
  });

  it('resumes when the page is visible again', async () => {
    element.refusal = refusal;
    element.systemPauses();
    await settle();
    element.refusal = undefined;
    page.dispatchEvent(new Event('visibilitychange'));
    expect([element.paused, blocked.mock.lastCall]).toEqual([false, [false]]);
  });

  it('is left alone once it is closed', () => {
    end();
    const { plays } = element;
    element.systemPauses();
    page.dispatchEvent(new Event('visibilitychange'));
    expect(element.plays).toBe(plays);
  });
});
