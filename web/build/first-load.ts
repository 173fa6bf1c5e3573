/** Prints the size of the JavaScript that is loaded before anything is shown, and fails the build if it is too large. */

import { gzipSync } from 'node:zlib';
import type { Plugin, Rolldown } from 'vite';

export function firstLoad({ maxKilobytes }: { maxKilobytes: number }): Plugin {
  return {
    name: 'first-load',
    apply: 'build',
    writeBundle(_options, bundle) {
      const bytes = chunksOfFirstLoad(bundle).reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0);
      const kilobytes = Math.round(bytes / 1000);
      this.info(`first load: ${kilobytes} kB of compressed JavaScript, at most ${maxKilobytes} kB allowed`);
      if (kilobytes > maxKilobytes) this.error(`the first load of ${kilobytes} kB is more than ${maxKilobytes} kB`);
    },
  };
}

/** Entries and their static imports; dynamic imports do not count. */
function chunksOfFirstLoad(bundle: Rolldown.OutputBundle): Rolldown.OutputChunk[] {
  const chunks = new Map(Object.values(bundle).flatMap((one) => (one.type === 'chunk' ? [[one.fileName, one] as const] : [])));
  const loaded = new Set<Rolldown.OutputChunk>();
  const load = (chunk: Rolldown.OutputChunk | undefined): void => {
    if (chunk === undefined || loaded.has(chunk)) return;
    loaded.add(chunk);
    for (const name of chunk.imports) load(chunks.get(name));
  };
  for (const chunk of chunks.values()) if (chunk.isEntry) load(chunk);
  return [...loaded];
}
