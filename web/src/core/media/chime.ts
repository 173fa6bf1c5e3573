/** Short notification sounds, synthesized rather than loaded. Silent where the browser does not allow sound yet. */

const MELODIES = {
  knock: [392, 523],
  join: [523, 659],
  leave: [523, 392],
  message: [784],
  hand: [659, 659],
} as const;

const NOTE_SECONDS = 0.13;
const LOUDNESS = 0.05;

let context: AudioContext | undefined;

export function playChime(name: keyof typeof MELODIES): void {
  if (!('AudioContext' in globalThis)) return;
  context ??= new AudioContext();
  const sound = context;
  if (sound.state !== 'running') void sound.resume().catch(() => undefined);
  MELODIES[name].forEach((frequency, index) => playNote(sound, frequency, sound.currentTime + index * NOTE_SECONDS));
}

function playNote(sound: AudioContext, frequency: number, begin: number): void {
  const tone = sound.createOscillator();
  const volume = sound.createGain();
  tone.frequency.value = frequency;
  volume.gain.setValueAtTime(0, begin);
  volume.gain.linearRampToValueAtTime(LOUDNESS, begin + 0.02);
  volume.gain.linearRampToValueAtTime(0, begin + NOTE_SECONDS);
  tone.connect(volume).connect(sound.destination);
  tone.start(begin);
  tone.stop(begin + NOTE_SECONDS);
}
