// The end-to-end tests run one after the other (two cores carry three browsers, not six) and are never retried. A test that passes
// only on a retry has found a bug.
import { defineConfig, type Project } from '@playwright/test';

import type { BrowserOptions } from './support/people/browsers.ts';

const results = '../../test-results';

/** Each project has a folder of its own, which is emptied when it starts: projects may run side by side. */
function project(name: string, timeout = 120_000): Project<object, BrowserOptions> {
  return { name, timeout, testDir: name, outputDir: `${results}/e2e/${name}` };
}

/** Each participant has a browser process, as at home. */
function measurement(name: string, timeout: number): Project<object, BrowserOptions> {
  return { ...project(name, timeout), use: { sharedBrowsers: false } };
}

export default defineConfig<object, BrowserOptions>({
  testMatch: /.*\.spec\.ts/,
  fullyParallel: false,
  workers: 1,
  retries: 0,
  forbidOnly: true,
  // The JSON report goes where PLAYWRIGHT_JSON_OUTPUT_FILE says; tests/run.sh counts from it.
  reporter: process.env['PLAYWRIGHT_JSON_OUTPUT_FILE'] === undefined ? [['list']] : [['list'], ['json']],
  projects: [
    project('dev'),
    // In a network of their own (tests/in-network.sh).
    project('browsers'),
    project('gallery'),
    project('conformance', 60_000),
    project('cluster', 240_000),
    project('screenshots'),
    measurement('measure', 900_000),
    measurement('moves', 900_000),
    // Between two networks (tests/between-networks.sh).
    measurement('weak', 180_000),
  ],
});
