import { build, type Rolldown } from 'vite';
import { expect, it } from 'vitest';
import { LICENSES_FILE } from './licenses';

it('the bundle comes with the licenses of what is in it', { timeout: 60_000 }, async () => {
  const { output } = (await build({ logLevel: 'silent', build: { write: false } })) as Rolldown.RolldownOutput;
  const file = output.find(({ fileName }) => fileName === LICENSES_FILE);
  const text = file?.type === 'asset' ? String(file.source) : '';
  for (const name of ['mediasoup-client', 'react', 'react-dom']) expect(text).toMatch(new RegExp(`^## ${name} - \\d+\\.\\d+\\.\\d+ \\(\\w+\\)$`, 'mu'));
  expect(text).toContain('Permission is hereby granted');
  expect(text).toContain('Iñaki Baz Castillo');
});
