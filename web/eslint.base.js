// The rules for all TypeScript of this repository: the web app and the end-to-end tests in `tests/e2e`.
import eslint from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** `root` is the folder of the `tsconfig.json` by whose types files are linted. */
export function base(root) {
  return tseslint.config(
    { ignores: ['dist/', 'dist-gallery/', 'node_modules/', 'src/generated/', 'test-results/'] },
    eslint.configs.recommended,
    ...tseslint.configs.strictTypeChecked,
    ...tseslint.configs.stylisticTypeChecked,
    {
      plugins: { 'import-x': importX },
      settings: {
        'import-x/extensions': ['.ts', '.tsx'],
        'import-x/parsers': { '@typescript-eslint/parser': ['.ts', '.tsx'] },
        'import-x/resolver-next': [createTypeScriptImportResolver({ project: `${root}/tsconfig.json` })],
      },
      languageOptions: {
        parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js', 'eslint.base.js'] }, tsconfigRootDir: root },
      },
      rules: {
        '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
        '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
        '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
        '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
        'import-x/no-cycle': 'error',
        'no-console': 'error',
        eqeqeq: 'error',
      },
    },
    { files: ['eslint.*.js'], ...tseslint.configs.disableTypeChecked },
  );
}
