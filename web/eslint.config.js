import reactHooks from 'eslint-plugin-react-hooks';
import { base } from './eslint.base.js';

/** What each layer must not import: the core stands alone, the state knows no view. */
const layer = (files, patterns) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns }] },
});

export default [
  ...base(import.meta.dirname),
  { files: ['src/ui/**/*.{ts,tsx}'], ...reactHooks.configs.flat.recommended },
  layer(
    ['src/core/**'],
    [
      { group: ['react', 'react-dom', 'react-dom/*', 'lucide-react'], message: 'The core knows no framework.' },
      { group: ['**/state/**', '**/ui/**'], message: 'The core knows neither state nor views.' },
    ],
  ),
  layer(['src/state/**'], [{ group: ['react', 'react-dom', 'react-dom/*', 'lucide-react', '**/ui/**'], message: 'View models know no view.' }]),
];
