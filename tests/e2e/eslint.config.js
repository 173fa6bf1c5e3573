// With the rules and the ESLint of the web app.
import { base } from '../../web/eslint.base.js';

export default [
  ...base(import.meta.dirname),
  {
    files: ['**/*.ts'],
    rules: {
      // Playwright learns from the pattern of the first argument which fixtures a test wants: `{}` are none.
      'no-empty-pattern': 'off',
      // Measurements are printed.
      'no-console': 'off',
      // What programs under test answer has the types that they claim, and is checked where it matters.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // Functions that others await are async for that alone.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/no-extraneous-class': ['error', { allowConstructorOnly: true }],
    },
  },
];
