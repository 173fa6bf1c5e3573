import { expect, it } from 'vitest';
import { readRecent, withRecent } from './recent';

const meeting = (name: string): { path: string; title: string } => ({ path: `/m/team-a/${name}`, title: name.toUpperCase() });

it('newest first, without duplicates, dropping the oldest', () => {
  const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'b'].map(meeting);
  const list = all.reduce(withRecent, []);
  expect(list.map(({ title }) => title)).toEqual(['B', 'I', 'H', 'G', 'F', 'E', 'D', 'C']);
});

it.each([
  ['nothing', null],
  ['no JSON', '{'],
  ['no list', '{"path":"/m/a"}'],
  ['addresses of others', '[{"path":"https://evil.example/m/a","title":"A"}]'],
  ['scripts', '[{"path":"javascript:alert(1)","title":"A"}]'],
  ['a path with a token', '[{"path":"/m/a#token=x","title":"A"}]'],
  ['a path with a query', '[{"path":"/m/a?token=x","title":"A"}]'],
  ['what has no title', '[{"path":"/m/a"},7,null]'],
])('%s is ignored', (_about, stored) => expect(readRecent(stored)).toEqual([]));

it('stored meetings are restored', () => {
  const list = [meeting('a'), meeting('b')];
  expect(readRecent(JSON.stringify(list))).toEqual(list);
});
