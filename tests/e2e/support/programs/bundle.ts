// A client page's TypeScript as one script for the browser.
import { build } from 'esbuild';

export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'chrome120',
    define: { global: 'globalThis' },
    logLevel: 'silent',
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`${entry} gave no script`);
  return file.text;
}
