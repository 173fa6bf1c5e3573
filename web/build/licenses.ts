/**
 * The licenses of the bundled packages, as `licenses.txt` next to the page: names, versions and full texts. Vite makes the list; this plugin adds the
 * byte order mark by which browsers read it as UTF-8, and fails the build if a package that is certainly bundled is missing.
 */

import type { Plugin } from 'vite';

export const LICENSES_FILE = 'licenses.txt';

const BYTE_ORDER_MARK = '\ufeff';

export function checkLicenses({ packages }: { packages: readonly string[] }): Plugin {
  return {
    name: 'check-licenses',
    apply: 'build',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const file = bundle[LICENSES_FILE];
        if (file?.type !== 'asset') return this.error(`${LICENSES_FILE} is missing`);
        const text = typeof file.source === 'string' ? file.source : new TextDecoder().decode(file.source);
        const missing = packages.filter((name) => !text.includes(`\n## ${name} - `));
        if (missing.length > 0) this.error(`${LICENSES_FILE} lacks ${missing.join(', ')}`);
        file.source = BYTE_ORDER_MARK + text;
      },
    },
  };
}
