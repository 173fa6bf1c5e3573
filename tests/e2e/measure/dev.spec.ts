// Measurements of one media pod without a cluster: startup, memory, time to the first frame.
import { expect, test } from '../dev/fixtures.ts';
import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { type Figure, report } from '../support/figures.ts';
import { type FirstPictures, firstPictures } from '../support/people/first-picture.ts';
import type { Place } from '../support/people/participant.ts';
import type { People } from '../support/people/people.ts';
import { CuttablePod } from '../support/programs/cuttable-pod.ts';
import { MediaPod } from '../support/programs/media-pod.ts';

const STARTS = 10;
const JOINS = 20;
const MEBIBYTE = 2 ** 20;
/** As cameras of computers have; with the 10 of other tests, waiting for the next frame takes longer than everything else. */
const FRAMES_PER_SECOND = 30;

async function startTimes(): Promise<Figure> {
  const values: number[] = [];
  for (let round = 0; round < STARTS; round += 1) {
    const began = performance.now();
    const pod = await MediaPod.start();
    values.push(performance.now() - began);
    await pod.program.kill();
  }
  return { what: 'media pod, from start of the process to ready (asked every 10 ms)', unit: 'ms', values };
}

/** Grace joins again and again a meeting in which Ada is. */
async function joins(people: People, place: Place): Promise<FirstPictures[]> {
  const ada = await people.join('Ada', place);
  const rounds: FirstPictures[] = [];
  for (let round = 0; round < JOINS; round += 1) {
    const grace = await people.open('Grace', place);
    await grace.isPrepared();
    rounds.push(await firstPictures(grace, ada));
    await grace.leave();
    await grace.close();
  }
  return rounds;
}

function figuresOf(where: string, rounds: readonly FirstPictures[]): Figure[] {
  const names = [...new Set(rounds.flatMap(({ steps }) => Object.keys(steps)))];
  const valuesOf = (name: string): number[] => rounds.flatMap(({ steps }) => steps[name] ?? []);
  const steps = names.map((name) => ({ what: `${where}: ${name}, after the click`, unit: 'ms', values: valuesOf(name) }));
  return [
    { what: `${where}: from the click to the first decoded picture`, unit: 'ms', values: rounds.map(({ atNewcomer }) => atNewcomer) },
    { what: `${where}: from the click to the first picture of the newcomer at another`, unit: 'ms', values: rounds.map(({ atOther }) => atOther) },
    ...steps,
  ];
}

test('without a cluster', async ({ pod }) => {
  const figures: Figure[] = [await startTimes()];
  figures.push({ what: 'media pod with 2 workers, memory at rest', unit: 'MiB', values: [pod.program.residentBytes() / MEBIBYTE] });
  report('dev', figures);
});

for (const roundTrip of [0, 50, 100]) {
  test(`joins with ${String(roundTrip)} ms of round trip`, async ({ people }) => {
    const cuttable = await CuttablePod.start();
    cuttable.slowDown(roundTrip);
    const rounds = await joins(people, { ...cuttable.place('hello'), framesPerSecond: FRAMES_PER_SECOND });
    await cuttable.stop();
    report(`joins-${String(roundTrip)}`, figuresOf(`${String(roundTrip)} ms of round trip`, rounds));
    expect(rounds).toHaveLength(JOINS);
  });
}

test('memory with three participants', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const all = [await people.join('Ada', place), await people.join('Grace', place), await people.join('Linus', place)];
  await everyoneSeesAndHearsEveryone(all);
  report('dev-call', [{ what: 'media pod with 2 workers, memory in a call of three', unit: 'MiB', values: [pod.program.residentBytes() / MEBIBYTE] }]);
});
