import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatPage } from '../../core/signaling/decode';
import type { ChatMessage } from '../../generated/messages';
import { EMPTY_CHAT, gapOf, groupsOf, MOST_MESSAGES, partsOf, withEarlierPage, withFilledGap, withMessage, withNewestPage, type ChatLog } from './chat';

const message = (id: number, peerId = 'bob', sentAt = id * 1000): ChatMessage => ({ id, peerId, displayName: peerId, text: `text ${id}`, sentAt });
const page = (ids: readonly number[], hasMore = false): ChatPage => ({ messages: ids.map((id) => message(id)), hasMore });
const idsOf = ({ messages }: ChatLog): number[] => messages.map(({ id }) => id);
const range = (first: number, last: number): number[] => Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);

describe('links in the chat', () => {
  it.each<[string, string[]]>([
    ['see https://example.org/a?b=c#d.', ['https://example.org/a?b=c#d']],
    ['(http://a.example) and https://b.example!', ['http://a.example/', 'https://b.example/']],
    ['javascript:alert(1) data:text/html,x ftp://x.example //y.example', []],
    ['https://good.example@evil.example/', []],
    ['<a href="https://x.example">x</a>', ['https://x.example/']],
    ['https:// http://', []],
  ])('%s', (text, links) => {
    const parts = partsOf(text);
    expect(parts.flatMap((part) => (part.kind === 'link' ? [part.href] : []))).toEqual(links);
    expect(parts.map((part) => part.text).join('')).toBe(text);
  });
});

describe('the chat', () => {
  it('keeps the order and drops duplicates', () => {
    const log = [message(2), message(1), message(2)].reduce((before, one) => withMessage(before, one, false), EMPTY_CHAT);
    expect([idsOf(log), log.unread]).toEqual([[1, 2], 2]);
  });

  it('counts messages during a reconnect as unread, but not those before the first join', () => {
    const first = withNewestPage(EMPTY_CHAT, page([1, 2]), false);
    expect(first.unread).toBe(0);
    const again = withNewestPage(first, page([1, 2, 3]), false);
    expect([again.unread, idsOf(again)]).toEqual([1, [1, 2, 3]]);
  });

  it('counts messages during a reconnect as unread, also in an empty chat', () => {
    expect(withNewestPage(withNewestPage(EMPTY_CHAT, page([]), false), page([1, 2]), false).unread).toBe(2);
  });

  it.each<[string, ChatPage]>([
    ['has smaller ids', page([1])],
    ['has other messages of the same ids', { messages: [message(9, 'cy'), message(10, 'cy')], hasMore: false }],
    ['has no messages', page([])],
  ])('restarts in another room, which %s', (_case, history) => {
    const log = withNewestPage(EMPTY_CHAT, page([8, 9]), false);
    expect(idsOf(withNewestPage(log, history, true))).toEqual(history.messages.map(({ id }) => id));
  });

  it('restarts with a message of another room', () => {
    const log = withNewestPage(EMPTY_CHAT, page([1, 2]), false);
    expect(withMessage(log, message(1, 'cy', 9_000_000), false).messages).toMatchObject([{ peerId: 'cy' }]);
  });

  it('groups consecutive messages of one sender', () => {
    const groups = groupsOf([message(1), message(2), message(3, 'cy'), message(4, 'bob', 4000), message(5, 'bob', 400_000)]);
    expect(groups.map(({ peerId, messages }) => [peerId, messages.length])).toEqual([
      ['bob', 2],
      ['cy', 1],
      ['bob', 1],
      ['bob', 1],
    ]);
  });
});

describe('earlier messages', () => {
  it('are available until a page has the last of them', () => {
    const newest = withNewestPage(EMPTY_CHAT, page([7, 8, 9], true), true);
    expect(newest.earlier).toBe('more');
    const middle = withEarlierPage(newest, page([4, 5, 6], true));
    expect([middle.earlier, idsOf(middle)]).toEqual(['more', range(4, 9)]);
    const all = withEarlierPage(middle, page([1, 2, 3]));
    expect([all.earlier, idsOf(all), all.unread]).toEqual(['none', range(1, 9), 0]);
  });

  it.each<[string, ChatPage]>([
    ['nothing', page([], true)],
    ['nothing older', page([7, 8], true)],
  ])('are not requested again after a page with %s', (_case, answer) => {
    expect(withEarlierPage(withNewestPage(EMPTY_CHAT, page([7, 8, 9], true), true), answer).earlier).toBe('none');
  });

  it('are still available after a reconnect', () => {
    const log = withNewestPage(EMPTY_CHAT, page([7, 8, 9], true), true);
    expect(withNewestPage(log, page([8, 9, 10], true), true).earlier).toBe('more');
  });

  it('are not loaded beyond the local limit', () => {
    const log = withNewestPage(EMPTY_CHAT, page(range(2001, 2000 + MOST_MESSAGES - 5), true), true);
    const full = withEarlierPage(log, page(range(1901, 2000), true));
    expect([full.messages.length, full.earlier, gapOf(full)]).toEqual([MOST_MESSAGES, 'none', undefined]);
  });
});

describe('a gap', () => {
  const live = (log: ChatLog, ...ids: number[]): ChatLog => ids.reduce((before, id) => withMessage(before, message(id), false), log);

  it('exists when an id is missing before a new message', () => {
    const log = withNewestPage(EMPTY_CHAT, page([1, 2, 3]), false);
    expect([gapOf(log), gapOf(live(log, 4)), gapOf(live(log, 4, 7))]).toEqual([undefined, undefined, 7]);
  });

  it('exists before the first message of an empty chat', () => {
    expect(gapOf(live(withNewestPage(EMPTY_CHAT, page([]), false), 3))).toBe(3);
  });

  it('does not exist before the first page, nor before messages that the room has dropped', () => {
    expect(gapOf(live(EMPTY_CHAT, 3))).toBeUndefined();
    expect(gapOf(withNewestPage(EMPTY_CHAT, page([50, 51]), false))).toBeUndefined();
  });

  it('is filled by a page, and the messages are unread', () => {
    const log = live(withNewestPage(EMPTY_CHAT, page([1, 2, 3]), false), 7);
    const filled = withFilledGap(log, page([2, 3, 4, 5, 6], true), 7, false);
    expect([idsOf(filled), filled.unread, gapOf(filled)]).toEqual([range(1, 7), 4, undefined]);
  });

  it.each<[string, ChatPage]>([
    ['nothing', page([])],
    ['nothing in between, though there is more', page([1, 2, 3], true)],
    ['only some of it, and there is no more', page([6])],
  ])('is given up after a page with %s', (_case, answer) => {
    const log = live(withNewestPage(EMPTY_CHAT, page([1, 2, 3]), false), 7);
    expect(gapOf(withFilledGap(log, answer, 7, false))).toBeUndefined();
  });

  it('does not come from dropping the oldest messages', () => {
    const log = live(withNewestPage(EMPTY_CHAT, page([]), false), ...range(1, MOST_MESSAGES + 20));
    expect([log.messages.length, gapOf(log)]).toEqual([MOST_MESSAGES, undefined]);
  });
});

/** The answers of a room that keeps this many messages. */
const roomOf =
  (said: number, keeps: number, pageLength: number) =>
  (before = Infinity): ChatPage => {
    const kept = range(Math.max(1, said - keeps + 1), said).filter((id) => id < before);
    return page(kept.slice(-pageLength), kept.length > pageLength);
  };

describe('whatever messages a slow connection skips', () => {
  const plays = fc.record({
    before: fc.integer({ min: 0, max: 40 }),
    arrives: fc.array(fc.boolean(), { maxLength: 80 }),
    keeps: fc.integer({ min: 1, max: 200 }),
    pageLength: fc.integer({ min: 1, max: 20 }),
  });

  it('the chat ends up with all messages of the room, each once and in order', () => {
    fc.assert(
      fc.property(plays, ({ before, arrives, keeps, pageLength }) => {
        let log = withNewestPage(EMPTY_CHAT, roomOf(before, keeps, pageLength)(), false);
        arrives.forEach((isHere, index) => (log = isHere ? withMessage(log, message(before + 1 + index), false) : log));
        const said = before + arrives.length;
        const pageBefore = roomOf(said, keeps, pageLength);
        const seen = idsOf(log);
        for (let gap = gapOf(log); gap !== undefined; gap = gapOf(log)) log = withFilledGap(log, pageBefore(gap), gap, false);
        while (log.earlier === 'more') log = withEarlierPage(log, pageBefore(idsOf(log)[0]));
        const kept = range(Math.max(1, said - keeps + 1), seen.at(-1) ?? 0);
        expect(idsOf(log)).toEqual([...new Set([...seen, ...kept])].sort((one, other) => one - other));
      }),
    );
  });

  it('it takes few pages', () => {
    fc.assert(
      fc.property(plays, ({ before, arrives, keeps, pageLength }) => {
        let log = withNewestPage(EMPTY_CHAT, roomOf(before, keeps, pageLength)(), false);
        arrives.forEach((isHere, index) => (log = isHere ? withMessage(log, message(before + 1 + index), false) : log));
        const said = before + arrives.length;
        const pageBefore = roomOf(said, keeps, pageLength);
        let asked = 0;
        for (let gap = gapOf(log); gap !== undefined; gap = gapOf(log), asked += 1) log = withFilledGap(log, pageBefore(gap), gap, false);
        expect(asked).toBeLessThanOrEqual(arrives.length + 1);
      }),
    );
  });
});

it('merging is commutative: the same pages in any order give the same chat', () => {
  const pages = fc.shuffledSubarray([page(range(1, 4)), page(range(3, 9)), page(range(8, 12)), page(range(12, 20))], { minLength: 4 });
  fc.assert(
    fc.property(pages, (shuffled) => {
      const start = withNewestPage(EMPTY_CHAT, page([20]), true);
      expect(idsOf(shuffled.reduce((log, one) => withFilledGap(log, one, 21, true), start))).toEqual(range(1, 20));
    }),
  );
});
