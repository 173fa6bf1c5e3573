// The participants of one test: opened on demand, closed at its end, with screenshots if it failed.
import { writeFileSync } from 'node:fs';

import type { TestInfo } from '@playwright/test';

import type { Browsers } from './browsers.ts';
import { Participant, type Place } from './participant.ts';

export class People {
  readonly #all: Participant[] = [];
  readonly #browsers: Browsers;

  constructor(browsers: Browsers) {
    this.#browsers = browsers;
  }

  async open(name: string, place: Place, viewport?: { width: number; height: number }, script?: () => void): Promise<Participant> {
    const participant = await Participant.open(this.#browsers, name, place, viewport, script);
    this.#all.push(participant);
    return participant;
  }

  async join(name: string, place: Place): Promise<Participant> {
    const participant = await this.open(name, place);
    await participant.enter();
    await participant.isConnected();
    return participant;
  }

  /** Writes screenshot and console of each participant to the folder of the test. */
  async dump(info: TestInfo): Promise<void> {
    for (const person of this.#all) {
      writeFileSync(info.outputPath(`${person.name}-console.log`), `${person.console.join('\n')}\n`);
      await person.screenshot(info.outputPath(`${person.name}.png`)).catch(() => undefined);
    }
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#all.map((person) => person.close()));
  }
}
