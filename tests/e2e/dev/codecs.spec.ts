// The selectable video codecs: each is sent, received, and arrives in the size in which it is shown.
import { everyoneSeesAndHearsEveryone } from '../support/people/call.ts';
import { MediaPod } from '../support/programs/media-pod.ts';
import { waitUntil } from '../support/wait.ts';
import { expect, test } from './fixtures.ts';

const wish = (codec: string): (() => void) =>
  ({
    VP9: () => localStorage.setItem('convene.settings', '{"videoCodec":"VP9"}'),
    H264: () => localStorage.setItem('convene.settings', '{"videoCodec":"H264"}'),
    AV1: () => localStorage.setItem('convene.settings', '{"videoCodec":"AV1"}'),
  })[codec] ?? (() => undefined);

for (const codec of ['VP9', 'H264', 'AV1']) {
  test(`a participant who selects ${codec} sends it, and others see it`, async ({ people }) => {
    const pod = await MediaPod.start({ args: ['--codecs', 'opus,VP8,VP9,H264,AV1'] });
    const place = { url: pod.url(`/m/${codec.toLowerCase()}`) };
    const ada = await people.open('Ada', place, undefined, wish(codec));
    await ada.enter();
    await ada.isConnected();
    const grace = await people.join('Grace', place);
    await everyoneSeesAndHearsEveryone([ada, grace], 60);
    const pictures = (await grace.stats()).filter(({ kind }) => kind === 'video');
    expect(pictures.map((picture) => picture.codec)).toEqual([codec]);
    expect((await ada.stats()).filter(({ kind }) => kind === 'video').map((picture) => picture.codec)).toEqual(['VP8']);
    await pod.program.kill();
  });
}

test('VP9 in one stream still comes in the size in which it is shown', async ({ pod, people }) => {
  const place = { url: pod.url('/m/sizes') };
  const ada = await people.open('Ada', place, undefined, wish('VP9'));
  await ada.enter();
  await ada.isConnected();
  const grace = await people.join('Grace', place);
  await everyoneSeesAndHearsEveryone([ada, grace], 60);
  const width = async (): Promise<number> => (await grace.stats()).find(({ kind }) => kind === 'video')?.frameWidth ?? 0;
  await grace.page.setViewportSize({ width: 1280, height: 800 });
  await waitUntil('the video is large', 60, async () => ((await width()) >= 600 ? undefined : `${String(await width())} pixels wide`));
  await grace.page.setViewportSize({ width: 360, height: 400 });
  await waitUntil('the video is small', 60, async () => ((await width()) < 600 ? undefined : `${String(await width())} pixels wide`));
});
