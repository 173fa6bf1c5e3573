// The media pod as a process: its status endpoints, how it exits, and its errors at startup.
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { get } from 'node:http';

import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { mediaPodProgram, webDirectory } from '../support/environment.ts';
import { freeBlock, freePort } from '../support/programs/ports.ts';
import { Program } from '../support/programs/program.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, test } from './fixtures.ts';

const GRACE_SECONDS = 20;

test('health, readiness and metrics are answered', async ({ pod }) => {
  expect((await fetch(pod.url('/healthz'))).status).toBe(200);
  expect((await fetch(pod.url('/readyz'))).status).toBe(200);
  const metrics = await fetch(pod.url('/metrics'));
  expect(metrics.headers.get('content-type')).toContain('text/plain');
  expect(await metrics.text()).toMatch(/^# TYPE convene_\w+ (counter|gauge|histogram)$/m);
});

test('a page of another site can neither read nor change anything', async ({ pod }) => {
  const rebound = await new Promise<number | undefined>((resolve, reject) => {
    // fetch does not let a caller choose the Host header.
    get(pod.url('/stats'), { headers: { host: 'rebound.evil.example' } }, ({ statusCode }) => resolve(statusCode)).on('error', reject);
  });
  expect(rebound).toBe(421);
  const foreign = { method: 'POST', headers: { origin: 'https://evil.example', 'content-type': 'application/json' }, body: '{}' };
  expect((await fetch(pod.url('/rooms/hello/broadcasters'), foreign)).status).toBe(403);
  const page = await fetch(pod.url('/m/hello'));
  expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'self'");
});

test('the URL without a path is the front page', async ({ pod }) => {
  const answer = await fetch(pod.url('/'), { redirect: 'manual' });
  expect([answer.status, answer.headers.get('content-type')?.split(';')[0]]).toEqual([200, 'text/html']);
});

test('the app can be installed', async ({ pod }) => {
  const page = await (await fetch(pod.url('/m/hello'))).text();
  const address = /<link rel="manifest" href="([^"]+)"/.exec(page)?.[1] ?? '';
  const answer = await fetch(pod.url(address));
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/manifest+json']);
  const { icons } = (await answer.json()) as { icons: { src: string; sizes: string }[] };
  expect(icons.map(({ sizes }) => sizes)).toContain('512x512');
  for (const { src } of icons) expect((await fetch(new URL(src, pod.url(address)))).headers.get('content-type')).toBe('image/png');
});

test('statistics count what exists, and return to zero when all have left', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);
  // Two participants, each with a sending and a receiving transport, camera and microphone.
  expect(await pod.stats()).toMatchObject({ workers: 2, routers: 1, rooms: 1, participants: 2, connections: 2, transports: 4, producers: 4, consumers: 4 });

  await ada.leave();
  await grace.leave();
  await waitUntil('nothing is left', 20, async () => {
    const { participants, connections, transports, producers, consumers } = await pod.stats();
    const left = { participants, connections, transports, producers, consumers };
    return Object.values(left).every((count) => count === 0) ? undefined : JSON.stringify(left);
  });
});

test('SIGTERM notifies all participants and exits with 0 within the grace period', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);

  pod.program.signal('SIGTERM');
  for (const person of [ada, grace]) await person.seesTrouble(5);
  expect(await pod.program.ended(GRACE_SECONDS)).toEqual({ code: 0, signal: null });
});

test('an unknown flag is rejected with its name', async () => {
  const program = new Program(mediaPodProgram, ['--no-such-flag']);
  expect((await program.ended(5)).code).toBe(2);
  expect(program.output).toContain('--no-such-flag');
});

test('an invalid port range is rejected with a message', async () => {
  const program = new Program(mediaPodProgram, ['--dev', '--rtc-ports', '40010-40000']);
  expect((await program.ended(5)).code).toBe(2);
  expect(program.output).toContain('40010');
});

test('a media port in use is named', async () => {
  const port = await freeBlock(1);
  const occupant = createSocket('udp4').bind(port, '0.0.0.0');
  await once(occupant, 'listening');
  const program = new Program(mediaPodProgram, [
    ...['--dev', '--listen', `127.0.0.1:${String(await freePort())}`, '--web-dir', webDirectory],
    ...['--workers', '1', '--rtc-ports', `${String(port)}-${String(port)}`],
  ]);
  try {
    expect((await program.ended(20)).code).toBe(1);
    expect(program.output.trimEnd().split('\n').at(-1)).toContain(String(port));
  } finally {
    await program.kill();
    occupant.close();
  }
});
