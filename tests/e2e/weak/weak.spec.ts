// What a participant with a weak network receives, and what others receive of them: one row of a table for each link. Between two networks: see
// tests/between-networks.sh. The link becomes weak after the page has been loaded, before its user joins.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

import { expect } from '@playwright/test';

import { NEAR_ADDRESS, farBrowser, shapeLink, type Way } from '../support/programs/weak-link.ts';
import { withBrowsers } from '../support/people/browsers.ts';
import { keepConnections, Recording, type Reception } from '../support/people/received.ts';
import type { Participant, Place } from '../support/people/participant.ts';
import { People } from '../support/people/people.ts';
import { MediaPod } from '../support/programs/media-pod.ts';
import { report } from '../support/figures.ts';

interface Row {
  readonly what: string;
  readonly down?: Way;
  readonly up?: Way;
}

const SENDERS = ['Ada', 'Grace', 'Linus'];
const SPEAKER = 'Grace';
const SECONDS = 30;
/** After this the estimates have settled. */
const SETTLED_AFTER = 10;

const kilobits = (kilobitsPerSecond: number): Way => ({ kilobitsPerSecond });
const loss = (lostPercent: number): Way => ({ lostPercent });

const ROWS: readonly Row[] = [
  { what: 'down 150 kbit/s', down: kilobits(150) },
  { what: 'down 300 kbit/s', down: kilobits(300) },
  { what: 'down 600 kbit/s', down: kilobits(600) },
  { what: 'down 1,500 kbit/s', down: kilobits(1500) },
  { what: 'down 2 % lost', down: loss(2) },
  { what: 'down 5 % lost', down: loss(5) },
  { what: 'down 10 % lost', down: loss(10) },
  { what: 'down 600 kbit/s, 5 % lost', down: { kilobitsPerSecond: 600, lostPercent: 5 } },
  { what: 'up 150 kbit/s', up: kilobits(150) },
  { what: 'up 300 kbit/s', up: kilobits(300) },
  { what: 'up 600 kbit/s', up: kilobits(600) },
  { what: 'up 1,500 kbit/s', up: kilobits(1500) },
  { what: 'up 2 % lost', up: loss(2) },
  { what: 'up 5 % lost', up: loss(5) },
  { what: 'up 10 % lost', up: loss(10) },
];

/** A picture that no encoder can make small, and a voice that never pauses: both use all that they may. The others are silent. */
function media(folder: string, speaks: boolean): string[] {
  const picture = `${folder}/picture.y4m`;
  const sound = `${folder}/${speaks ? 'voice' : 'silence'}.wav`;
  const syllables = [1, 2, 3, 4, 5].map((n) => `sin(2*PI*${String(n * 140)}*t+${String(n * 3)}*sin(2*PI*0.8*t))/${String(n)}`).join('+');
  ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=15,noise=alls=12:allf=t', '-t', '4', '-pix_fmt', 'yuv420p', picture);
  const voice = `0.2*(0.6+0.4*sin(2*PI*4*t))*(${syllables})`;
  ffmpeg('-f', 'lavfi', '-i', `aevalsrc='${speaks ? voice : '0'}':s=48000:d=10`, '-ac', '1', sound);
  return [`--use-file-for-fake-video-capture=${picture}`, `--use-file-for-fake-audio-capture=${sound}`];
}

function ffmpeg(...args: readonly string[]): void {
  execFileSync('ffmpeg', ['-nostdin', '-hide_banner', '-loglevel', 'error', '-y', ...args]);
}

interface Meeting {
  readonly people: People;
  readonly near: (speaks: boolean) => Place;
  readonly far: (speaks: boolean) => Place;
}

const test = withBrowsers.extend<object, { meeting: Meeting }>({
  meeting: [
    async ({ browsers }, use, info) => {
      const pod = await MediaPod.start({ address: NEAR_ADDRESS, workers: 1 });
      const folder = `${info.project.outputDir}/media`;
      mkdirSync(folder, { recursive: true });
      const trusted = `--unsafely-treat-insecure-origin-as-secure=http://${NEAR_ADDRESS}:${String(pod.port)}`;
      const near = (speaks: boolean): Place => ({ url: pod.url('/m/weak'), flags: [trusted, ...media(folder, speaks)] });
      const program = farBrowser(`${folder}/far-browser`);
      const people = new People(browsers);
      await use({ people, near, far: (speaks) => ({ ...near(speaks), program }) });
      await people.closeAll();
      await pod.program.kill();
    },
    { scope: 'worker', timeout: 60_000 },
  ],
});

interface Outcome {
  readonly first: readonly number[];
  readonly start: Reception;
  readonly settled: Reception;
}

/** Eve joins through the link. */
async function join(eve: Participant, observer: Participant, { down = {}, up = {} }: Row): Promise<Outcome> {
  const recording = await Recording.of(observer);
  shapeLink(down, up);
  await eve.enter();
  await recording.run(SECONDS);
  shapeLink({}, {});
  return { first: recording.firstPictures(), start: recording.between(0, SETTLED_AFTER), settled: recording.between(SETTLED_AFTER, SECONDS) };
}

function show(what: string, { first, start, settled }: Outcome): void {
  const shown = (value: number): string => value.toFixed(1);
  console.log(
    [
      what,
      `first ${first.map(shown).join(' ')} s`,
      `sound ${shown(start.madeUpPercent)} then ${shown(settled.madeUpPercent)} (worst ${shown(settled.worstMadeUpPercent)}) %, ${shown(settled.soundBufferMilliseconds)} ms`,
      `moving ${shown(settled.moving)} (least ${shown(settled.leastMoving)})`,
      `${settled.lines.join(' ')} lines, ${shown(settled.framesPerSecond)} fps`,
      `frozen ${String(settled.freezes)}, ${shown(settled.frozenSeconds)} s`,
    ].join(' | '),
  );
}

test.describe.serial('a weak network', () => {
  const others: Participant[] = [];

  test('others join', async ({ meeting: { people, near } }) => {
    for (const name of SENDERS) {
      const other = await people.open(name, near(name === SPEAKER), { width: 640, height: 480 }, keepConnections);
      await other.enter();
      await other.isConnected();
      others.push(other);
    }
  });

  for (const row of ROWS) {
    test(row.what, async ({ meeting: { people, far } }) => {
      const isUplink = row.down === undefined;
      const eve = await people.open('Eve', far(isUplink), undefined, keepConnections);
      await eve.isPrepared();
      const [ada] = others;
      const outcome = await join(eve, isUplink && ada !== undefined ? ada : eve, row);
      await eve.leave();
      await eve.close();
      show(row.what, outcome);
      const { first, start, settled } = outcome;
      report(`weak-${row.what}`.replaceAll(/[^a-z0-9]+/gu, '-'), [
        { what: 'first pictures', unit: 's', values: first },
        { what: 'made up sound at the start, then', unit: '%', values: [start.madeUpPercent, settled.madeUpPercent] },
      ]);
      expect(settled.madeUpPercent).toBeLessThan(100);
    });
  }
});
