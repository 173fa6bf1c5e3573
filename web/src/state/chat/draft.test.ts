import { expect, it } from 'vitest';
import { withUnsent } from './draft';

it.each([
  ['', 'hello', 'hello'],
  [' \n', 'hello', 'hello'],
  ['how are', 'hello', 'hello\nhow are'],
])('a message that could not be sent keeps what was written since: %j', (draft, message, expected) => {
  expect(withUnsent(draft, message)).toBe(expected);
});
