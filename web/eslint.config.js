import eslint from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** What each layer must not import: the core stands alone, the state knows no view. */
const layer = (files, patterns) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns }] },
});

export default tseslint.config(
  { ignores: ['dist/', 'dist-gallery/', 'node_modules/', 'src/generated/', 'e2e/'] },
  eslint.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js'] }, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  { files: ['src/ui/**/*.{ts,tsx}'], ...reactHooks.configs.flat.recommended },
  layer(['src/core/**'], [
    { group: ['react', 'react-dom', 'react-dom/*', 'lucide-react'], message: 'The core knows no framework.' },
    { group: ['**/state/**', '**/ui/**'], message: 'The core knows neither state nor views.' },
  ]),
  layer(['src/state/**'], [
    { group: ['react', 'react-dom', 'react-dom/*', 'lucide-react', '**/ui/**'], message: 'View models know no view.' },
  ]),
  { files: ['eslint.config.js'], ...tseslint.configs.disableTypeChecked },
);
