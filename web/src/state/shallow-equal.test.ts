import { expect, it } from 'vitest';
import { isShallowEqual, reuseEqual } from './shallow-equal';

interface Thing {
  key: string;
  count: number;
  rights: { audio: boolean };
}

const thing = (key: string, count = 0, audio = true): Thing => ({ key, count, rights: { audio } });
const keyOf = ({ key }: Thing): string => key;

it.each<[Thing, Thing, boolean]>([
  [thing('a'), thing('a'), true],
  [thing('a'), thing('a', 1), false],
  [thing('a'), thing('a', 0, false), false],
])('%j is like %j: %s', (one, other, alike) => expect(isShallowEqual(one, other)).toBe(alike));

it('excluded properties do not count', () => {
  expect(isShallowEqual(thing('a', 1), thing('a', 2), ['count'])).toBe(true);
  expect(isShallowEqual(thing('a', 1), thing('b', 2), ['count'])).toBe(false);
});

it('a list of equal items is the previous list', () => {
  const before = [thing('a'), thing('b')];
  expect(reuseEqual(before, [thing('a'), thing('b')], keyOf)).toBe(before);
});

it('unchanged items stay the same objects, at any index', () => {
  const [a, b, c] = [thing('a'), thing('b'), thing('c')];
  const kept = reuseEqual([a, b, c], [thing('c'), thing('b', 7), thing('d')], keyOf);
  expect(kept[0]).toBe(c);
  expect(kept).toEqual([thing('c'), thing('b', 7), thing('d')]);
});

it('fewer items are another list', () => {
  const before = [thing('a'), thing('b')];
  expect(reuseEqual(before, [thing('a')], keyOf)).toEqual([thing('a')]);
});
