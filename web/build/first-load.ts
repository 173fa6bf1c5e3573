/** Adds up the JavaScript that a browser loads before anything is shown, prints it, and fails the build when it is too much. */

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

/** Entries and what they import at once; what is imported when it is wanted does not count. */
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
