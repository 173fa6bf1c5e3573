import { expect, it } from 'vitest';
import table from '../../../media-pod/protocol/tests/data/names.json';
import { cleanLine, normalizeName, shownName } from './display-name';

/** The media pod's tests read the same table. */
it.each(table.map(({ about, given, shown }) => [about, given, shown] as const))('%s', (_about, given, shown) => {
  expect(cleanLine(given)).toBe(shown);
  expect(cleanLine(shown)).toBe(shown);
});

it('a name has at most 64 characters, counted after cleaning', () => {
  expect(normalizeName(`\u200b${'x'.repeat(70)}`)).toBe('x'.repeat(64));
  expect(normalizeName('\u202e \u3164')).toBeUndefined();
  expect(shownName('\u202e')).toBe('?');
});
