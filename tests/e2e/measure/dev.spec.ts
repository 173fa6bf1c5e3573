// Measurements of one media pod without a cluster: startup, memory, time to the first frame.
import { expect, test } from '../dev/fixtures.ts';
import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { type Figure, report } from '../support/figures.ts';
import { clickToFirstPicture } from '../support/people/first-picture.ts';
import { MediaPod } from '../support/programs/media-pod.ts';

const ROUNDS = 10;
const MEBIBYTE = 2 ** 20;

async function startTimes(): Promise<Figure> {
  const values: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    const pod = await MediaPod.start();
    values.push(performance.now() - began);
    await pod.program.kill();
  }
  return { what: 'media pod, from start of the process to ready (asked every 10 ms)', unit: 'ms', values };
}

test('without a cluster', async ({ pod, people }) => {
  const figures: Figure[] = [await startTimes()];
  figures.push({ what: 'media pod with 2 workers, memory at rest', unit: 'MiB', values: [pod.program.residentBytes() / MEBIBYTE] });

  const place = { url: pod.url('/m/hello') };
  await people.join('Ada', place);
  const values: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const grace = await people.open('Grace', place);
    values.push(await clickToFirstPicture(grace));
    await grace.close();
  }
  figures.push({ what: 'from the click to the first decoded picture, one media pod', unit: 'ms', values });
  report('dev', figures);
  expect(values).toHaveLength(ROUNDS);
});

test('memory with three participants', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const all = [await people.join('Ada', place), await people.join('Grace', place), await people.join('Linus', place)];
  await everyoneSeesAndHearsEveryone(all);
  report('dev-call', [{ what: 'media pod with 2 workers, memory in a call of three', unit: 'MiB', values: [pod.program.residentBytes() / MEBIBYTE] }]);
});
