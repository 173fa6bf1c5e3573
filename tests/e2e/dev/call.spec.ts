// The call of `make run`: one media pod, real browsers.
import { everyoneSeesAndHearsEveryone, everyoneShowsOnly } from '../support/people/call.ts';
import { MediaPod } from '../support/programs/media-pod.ts';
import { waitUntil } from '../support/wait.ts';
import { test } from './fixtures.ts';

test('two and then three people see and hear each other, and one leaves', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);

  const linus = await people.join('Linus', place);
  await everyoneSeesAndHearsEveryone([ada, grace, linus]);

  await linus.leave();
  await everyoneShowsOnly([ada, grace]);
  await everyoneSeesAndHearsEveryone([ada, grace]);
});

test('meetings of different names do not meet', async ({ pod, people }) => {
  const ada = await people.join('Ada', { url: pod.url('/m/first') });
  const grace = await people.join('Grace', { url: pod.url('/m/second') });
  await waitUntil('both rooms are there', 10, async () => {
    const { rooms } = await pod.stats();
    return rooms === 2 ? undefined : `there are ${String(rooms)} rooms`;
  });
  await everyoneShowsOnly([ada]);
  await everyoneShowsOnly([grace]);
});

test('a browser that is killed disappears from the call', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);
  await grace.close();
  await everyoneShowsOnly([ada], 30);
});

test('the media pod dies and the call recovers', async ({ pod, people }) => {
  const place = { url: pod.url('/m/hello') };
  const ada = await people.join('Ada', place);
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace]);

  await pod.program.kill();
  await ada.seesTrouble(10);
  const successor = await MediaPod.start({ port: pod.port });
  try {
    await ada.isConnected(40);
    await grace.isConnected(40);
    await everyoneSeesAndHearsEveryone([ada, grace]);
  } finally {
    await successor.program.kill();
  }
});
