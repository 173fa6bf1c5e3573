// The end-to-end tests run one after the other (two cores carry three browsers, not six) and are never retried. A test that passes
// only on a retry has found a bug.
import { defineConfig } from '@playwright/test';

const results = '../../test-results';

export default defineConfig({
  testMatch: /.*\.spec\.ts/,
  outputDir: `${results}/e2e`,
  fullyParallel: false,
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 120_000,
  // The JSON report goes where PLAYWRIGHT_JSON_OUTPUT_FILE says; tests/run.sh counts from it.
  reporter: process.env['PLAYWRIGHT_JSON_OUTPUT_FILE'] === undefined ? [['list']] : [['list'], ['json']],
  projects: [
    { name: 'dev', testDir: 'dev' },
    // In a network of their own (tests/in-network.sh).
    { name: 'browsers', testDir: 'browsers' },
    { name: 'gallery', testDir: 'gallery' },
    { name: 'conformance', testDir: 'conformance', timeout: 60_000 },
    { name: 'cluster', testDir: 'cluster', timeout: 240_000 },
    { name: 'screenshots', testDir: 'screenshots' },
    { name: 'measure', testDir: 'measure', timeout: 900_000 },
  ],
});
