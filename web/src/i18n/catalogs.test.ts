import { expect, it } from 'vitest';
import { LANGUAGES } from '../state/settings';
import { loadTexts } from './catalogs';
import type { DeviceWord } from './en';

const DEVICES: readonly DeviceWord[] = ['microphone', 'camera', 'screen', 'screenSound', 'both'];

/** All words of a catalog that are not made from names or numbers. */
function words(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(words) : [];
}

it.each(LANGUAGES)('%s has all texts', async (language) => {
  const texts = await loadTexts(language);
  const errors = Object.values(texts.errors).flatMap((make) => DEVICES.map(make));
  const all = [...words(texts), ...words(errors)];
  expect(all.length).toBeGreaterThan(400);
  expect(all.filter((word) => word.trim() === '' || word.includes('undefined'))).toEqual([]);
});

it.each([
  ['en', ['Ada'], 'Ada joined'],
  ['en', ['Ada', 'Bob'], 'Ada and Bob joined'],
  ['en', ['Ada', 'Bob', 'Cy'], 'Ada and 2 others joined'],
  ['de', ['Ada'], 'Ada ist beigetreten'],
  ['de', ['Ada', 'Bob'], 'Ada und Bob sind beigetreten'],
  ['es', ['Ada', 'Bob', 'Cy'], 'Ada y 2 más han entrado'],
] as const)('%s names %j', async (language, list, sentence) => expect((await loadTexts(language)).toasts.joined(list)).toBe(sentence));

it.each([
  ['en', 'Built-in', 'Camera disconnected. Using “Built-in”.'],
  ['en', '', 'Camera disconnected. Using another one.'],
  ['de', '', 'Kamera getrennt. Eine andere wird verwendet.'],
  ['es', '', 'Cámara desconectada. Se usa otra.'],
] as const)('%s says which camera is used instead: %j', async (language, name, sentence) =>
  expect((await loadTexts(language)).toasts.replaced.camera(name)).toBe(sentence),
);

it.each([
  ['en', '8:42 PM', true, 'Starts at 8:42 PM'],
  ['en', 'Monday', false, 'Starts on Monday'],
  ['de', '20:42', true, 'Beginnt um 20:42 Uhr'],
  ['es', '1:05', true, 'Empieza a la 1:05'],
  ['es', '13:05', true, 'Empieza a las 13:05'],
] as const)('%s says when the meeting starts: %s', async (language, when, isToday, sentence) =>
  expect((await loadTexts(language)).waitingRoom.startsAt(when, isToday)).toBe(sentence),
);
