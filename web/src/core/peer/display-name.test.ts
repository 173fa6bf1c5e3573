import { expect, it } from 'vitest';
import { cleanLine, normalizeName, shownName } from './display-name';

interface Case {
  about: string;
  given: string;
  shown: string;
}

/** The media pod's tests read the same table. By its pattern: the app is also built without that file. */
const tables = import.meta.glob<Case[]>('../../../../crates/protocol/tests/data/names.json', { eager: true, import: 'default' });
const cases = Object.values(tables).flat();

it('finds the table', () => expect(cases.length).toBeGreaterThan(20));

it.each(cases.map(({ about, given, shown }) => [about, given, shown] as const))('%s', (_about, given, shown) => {
  expect(cleanLine(given)).toBe(shown);
  expect(cleanLine(shown)).toBe(shown);
});

it('a name has at most 64 characters, counted after cleaning', () => {
  expect(normalizeName(`\u200b${'x'.repeat(70)}`)).toBe('x'.repeat(64));
  expect(normalizeName('\u202e \u3164')).toBeUndefined();
  expect(shownName('\u202e')).toBe('?');
});
