// WebKitGTK from Debian, driven by WebDriver: its driver does not support BiDi, and a few commands need no client library.
import { writeFileSync } from 'node:fs';

import { webkitDriver } from '../environment.ts';
import { freePort } from '../programs/ports.ts';
import { Program } from '../programs/program.ts';
import { waitUntil } from '../wait.ts';

/** The page is in English, whatever the language of this machine. */
const ENGLISH = { LC_ALL: 'C.UTF-8', LANGUAGE: 'en' };

/** A WebDriver command; returns its value. */
async function command<T>(url: string, method: 'GET' | 'POST' | 'DELETE', parameters?: object): Promise<T> {
  const answer = await fetch(url, { method, ...(parameters === undefined ? {} : { body: JSON.stringify(parameters) }) });
  const { value } = (await answer.json()) as { value: T };
  if (!answer.ok) throw new Error(`${method} ${url}: ${JSON.stringify(value)}`);
  return value;
}

export class WebKit {
  readonly driver: Program;
  readonly #session: string;

  private constructor(driver: Program, session: string) {
    this.driver = driver;
    this.#session = session;
  }

  static async open(): Promise<WebKit> {
    const port = await freePort();
    const driver = new Program(webkitDriver, [`--port=${String(port)}`], ENGLISH);
    const base = `http://127.0.0.1:${String(port)}`;
    try {
      await waitUntil(`${webkitDriver} is ready`, 20, async () => {
        await command(`${base}/status`, 'GET');
        return undefined;
      });
      const { sessionId } = await command<{ sessionId: string }>(`${base}/session`, 'POST', { capabilities: {} });
      return new WebKit(driver, `${base}/session/${sessionId}`);
    } catch (error) {
      await driver.kill();
      throw error;
    }
  }

  async goto(url: string): Promise<void> {
    await command(`${this.#session}/url`, 'POST', { url });
  }

  /** Evaluates a function body in the page, with `arguments`. */
  async evaluate<T>(body: string, ...args: readonly unknown[]): Promise<T> {
    return command<T>(`${this.#session}/execute/sync`, 'POST', { script: body, args });
  }

  async screenshot(path: string): Promise<void> {
    writeFileSync(path, Buffer.from(await command<string>(`${this.#session}/screenshot`, 'GET'), 'base64'));
  }

  /** Ends the session, and with it the browser. */
  async close(): Promise<void> {
    await command(this.#session, 'DELETE').catch(() => undefined);
    await this.driver.kill();
  }
}
