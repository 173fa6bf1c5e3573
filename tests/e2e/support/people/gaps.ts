// The longest time without a new picture and the longest silence of what a page shows and plays, whichever connection it comes from.
import { writeFileSync } from 'node:fs';

import type { Participant } from './participant.ts';
import { forgetPictures, longestGap, recordPictures } from './pictures.ts';

declare global {
  interface Window {
    gaps: { silences: number[]; silentSince: number | undefined; clock: () => number };
  }
}

export interface Gaps {
  readonly pictureMilliseconds: number;
  readonly silenceMilliseconds: number;
}

/** A sound without pauses, for Chromium's fake microphone: its own one beeps once a second. */
export function writeTone(path: string): void {
  const [rate, seconds] = [48_000, 2];
  const samples = Int16Array.from({ length: rate * seconds }, (_, index) => Math.round(9000 * Math.sin((2 * Math.PI * 440 * index) / rate)));
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  writeFileSync(path, Buffer.concat([header, Buffer.from(samples.buffer)]));
}

/** Starts to record. The sound that is examined is the sum of all audio elements that are not muted. */
export async function recordGaps(person: Participant): Promise<void> {
  await recordPictures(person);
  await person.page.evaluate(async () => {
    const context = new AudioContext();
    const record: Window['gaps'] = { silences: [], silentSince: undefined, clock: () => context.currentTime * 1000 };
    window.gaps = record;
    const code = `registerProcessor('loudness', class extends AudioWorkletProcessor {
      process([[samples]]) {
        let loudest = 0;
        for (const sample of samples ?? []) loudest = Math.max(loudest, Math.abs(sample));
        const isSilent = loudest < 0.01;
        if (isSilent !== this.wasSilent) this.port.postMessage({ isSilent, at: currentTime * 1000 });
        this.wasSilent = isSilent;
        return true;
      }
    })`;
    await context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(code)}`);
    const loudness = new AudioWorkletNode(context, 'loudness');
    loudness.connect(context.destination);
    loudness.port.onmessage = ({ data }: MessageEvent<{ isSilent: boolean; at: number }>) => {
      if (!data.isSilent && record.silentSince !== undefined) record.silences.push(data.at - record.silentSince);
      record.silentSince = data.isSilent ? data.at : undefined;
    };
    const voices = new Map<HTMLAudioElement, { source: MediaStreamAudioSourceNode; gain: GainNode }>();
    setInterval(() => {
      for (const [audio, { source, gain }] of voices) {
        if (audio.isConnected) continue;
        source.disconnect();
        gain.disconnect();
        voices.delete(audio);
      }
      for (const audio of document.querySelectorAll('audio')) {
        if (!(audio.srcObject instanceof MediaStream)) continue;
        const known = voices.get(audio);
        if (known === undefined) {
          const source = context.createMediaStreamSource(audio.srcObject);
          const gain = new GainNode(context, { gain: audio.muted ? 0 : 1 });
          source.connect(gain).connect(loudness);
          voices.set(audio, { source, gain });
        } else known.gain.gain.value = audio.muted ? 0 : 1;
      }
    }, 5);
  });
}

/** Forgets what was recorded until now. */
export async function forgetGaps(person: Participant): Promise<void> {
  await forgetPictures(person);
  await person.page.evaluate(() => {
    window.gaps.silences = [];
  });
}

export async function gapsOf(person: Participant): Promise<Gaps> {
  const silenceMilliseconds = await person.page.evaluate(() => {
    const { silences, silentSince, clock } = window.gaps;
    const silence = silentSince === undefined ? 0 : clock() - silentSince;
    return Math.round(Math.max(silence, ...silences));
  });
  return { pictureMilliseconds: await longestGap(person), silenceMilliseconds };
}
