import { expect, it } from 'vitest';
import { holdByLocks, keptPeerIds, type HoldName, type IdStorage } from './kept-peer-id';

const PATH = '/m/team-a/stand-up';

/** A browser with its pages: storage for all, locks that go with their page. */
class FakeBrowser {
  readonly stored = new Map<string, string>();
  readonly #held = new Map<string, object>();

  readonly storage: IdStorage = {
    getItem: (key) => this.stored.get(key) ?? null,
    setItem: (key, value) => void this.stored.set(key, value),
    removeItem: (key) => void this.stored.delete(key),
  };

  page(): { hold: HoldName; dies: () => void } {
    const page = {};
    return {
      hold: (name) => {
        const isFree = !this.#held.has(name) || this.#held.get(name) === page;
        if (isFree) this.#held.set(name, page);
        return Promise.resolve(isFree);
      },
      dies: () => {
        for (const [name, holder] of this.#held) if (holder === page) this.#held.delete(name);
      },
    };
  }
}

const settled = (): Promise<void> => Promise.resolve();

it('the id of a page that crashed is reused once', async () => {
  const browser = new FakeBrowser();
  const crashed = browser.page();
  const first = keptPeerIds(PATH, browser.storage, crashed.hold).take();
  crashed.dies();
  const next = keptPeerIds(PATH, browser.storage, browser.page().hold);
  await settled();
  expect(next.take()).toBe(first);
  expect(next.take()).not.toBe(first);
});

it('the next id is known before it is taken, and stored only then', async () => {
  const browser = new FakeBrowser();
  const inCall = keptPeerIds(PATH, browser.storage, browser.page().hold);
  const first = inCall.take();
  const ids = keptPeerIds(PATH, browser.storage, browser.page().hold);
  await settled();
  const next = ids.next();
  expect([ids.next(), [...browser.stored.values()]]).toEqual([next, [first]]);
  expect([ids.take(), [...browser.stored.values()]]).toEqual([next, [next]]);
  expect(ids.next()).not.toBe(next);
});

it('the id of a page that crashed is taken even if another one was expected', async () => {
  const browser = new FakeBrowser();
  const crashed = browser.page();
  const first = keptPeerIds(PATH, browser.storage, crashed.hold).take();
  crashed.dies();
  const ids = keptPeerIds(PATH, browser.storage, browser.page().hold);
  const expected = ids.next();
  await settled();
  expect([ids.next(), ids.take()]).toEqual([first, first]);
  expect(expected).not.toBe(first);
});

it('a live page keeps its id', async () => {
  const browser = new FakeBrowser();
  const first = keptPeerIds(PATH, browser.storage, browser.page().hold).take();
  const other = keptPeerIds(PATH, browser.storage, browser.page().hold);
  await settled();
  expect(other.take()).not.toBe(first);
});

it('of two pages after a crash, one reuses the id', async () => {
  const browser = new FakeBrowser();
  const crashed = browser.page();
  const first = keptPeerIds(PATH, browser.storage, crashed.hold).take();
  crashed.dies();
  const both = [keptPeerIds(PATH, browser.storage, browser.page().hold), keptPeerIds(PATH, browser.storage, browser.page().hold)];
  await settled();
  const ids = both.map((ids) => ids.take());
  expect([ids[0] === first, new Set(ids).size]).toEqual([true, 2]);
});

it.each<[string, (browser: FakeBrowser) => void]>([
  ['was left', (browser) => browser.storage.removeItem(`convene.peer-id.${PATH}`)],
  [
    'is of another meeting',
    ({ stored }) => {
      stored.set('convene.peer-id./m/other', stored.get(`convene.peer-id.${PATH}`) ?? '');
      stored.delete(`convene.peer-id.${PATH}`);
    },
  ],
  ['is no id', (browser) => browser.stored.set(`convene.peer-id.${PATH}`, 'x; DROP')],
])('what %s is not reused', async (_about, change) => {
  const browser = new FakeBrowser();
  const crashed = browser.page();
  const first = keptPeerIds(PATH, browser.storage, crashed.hold).take();
  crashed.dies();
  change(browser);
  const next = keptPeerIds(PATH, browser.storage, browser.page().hold);
  await settled();
  expect(next.take()).not.toBe(first);
});

it('leaving forgets the id', () => {
  const browser = new FakeBrowser();
  const ids = keptPeerIds(PATH, browser.storage, browser.page().hold);
  ids.take();
  ids.forget();
  expect(browser.stored.size).toBe(0);
  browser.stored.set(`convene.peer-id.${PATH}`, 'anothers');
  ids.forget();
  expect(browser.stored.size).toBe(1);
});

it('without locks or storage every page takes a new one', async () => {
  const browser = new FakeBrowser();
  const first = keptPeerIds(PATH, browser.storage, undefined).take();
  const next = keptPeerIds(PATH, browser.storage, undefined);
  await settled();
  expect(next.take()).not.toBe(first);
  expect(keptPeerIds(PATH, undefined, browser.page().hold).take()).toMatch(/^[a-z]{8}$/u);
  expect(holdByLocks(undefined)).toBeUndefined();
});
