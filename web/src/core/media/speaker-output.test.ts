import { describe, expect, it } from 'vitest';
import { SpeakerOutput } from './speaker-output';

/** An element whose browser answers when the test says so. */
class Element {
  readonly asked: string[] = [];
  readonly #answers: ((isOk: boolean) => void)[] = [];

  readonly setSinkId = (sinkId: string): Promise<void> => {
    this.asked.push(sinkId);
    return new Promise((resolve, reject) => this.#answers.push((isOk) => (isOk ? resolve() : reject(new DOMException('gone', 'NotFoundError')))));
  };

  async answers(isOk = true): Promise<void> {
    this.#answers.shift()?.(isOk);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

describe('the speaker of an audio element', () => {
  it('is the one that was chosen last, although an earlier one fails later', async () => {
    const element = new Element();
    const output = new SpeakerOutput(element);
    void output.select('gone');
    void output.select('desk');
    await element.answers(false);
    expect([element.asked, output.isSettled]).toEqual([['gone', 'desk'], false]);
    await element.answers();
    expect([element.asked, output.isSettled]).toEqual([['gone', 'desk'], true]);
  });

  it('is the system default if it fails, and stays what it was if that fails too', async () => {
    const element = new Element();
    const output = new SpeakerOutput(element);
    void output.select('gone');
    await element.answers(false);
    await element.answers(false);
    expect([element.asked, output.isSettled]).toEqual([['gone', ''], true]);
  });

  it('that was chosen during the fallback is used after it', async () => {
    const element = new Element();
    const output = new SpeakerOutput(element);
    void output.select('gone');
    await element.answers(false);
    void output.select('desk');
    await element.answers();
    await element.answers();
    expect(element.asked).toEqual(['gone', '', 'desk']);
  });

  it('can be chosen again after it has failed', async () => {
    const element = new Element();
    const output = new SpeakerOutput(element);
    void output.select('desk');
    await element.answers(false);
    await element.answers();
    void output.select(undefined);
    void output.select('desk');
    await element.answers();
    await element.answers();
    expect(element.asked).toEqual(['desk', '', '', 'desk']);
  });

  it('is nothing to wait for where a browser cannot change it, or the default is used anyway', () => {
    const [plain, element] = [new SpeakerOutput({}), new Element()];
    void plain.select('desk');
    void new SpeakerOutput(element).select(undefined);
    expect([plain.isSettled, element.asked]).toEqual([true, []]);
  });
});
