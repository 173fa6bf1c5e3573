/** The level of a microphone, from 0 to 1, several times a second. */

import type { Unsubscribe } from '../emitter';

const PERIOD_MS = 100;
/** About the mean amplitude of speech close to a microphone. */
const SPEECH = 0.12;

export function followLevel(track: MediaStreamTrack, listener: (level: number) => void): Unsubscribe {
  if (!('AudioContext' in globalThis)) return () => undefined;
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    listener(Math.min(Math.sqrt(power) / SPEECH, 1));
  }, PERIOD_MS);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
