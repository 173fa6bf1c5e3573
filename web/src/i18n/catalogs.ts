/** Loads the texts of a language. English is part of the app, the others are loaded on demand. */

import type { Language } from '../state/settings';
import { en, type Texts } from './en';

const LOADERS: Readonly<Record<Language, () => Texts | Promise<Texts>>> = {
  en: () => en,
  de: () => import('./de').then(({ de }) => de),
  es: () => import('./es').then(({ es }) => es),
};

/** Falls back to English if a catalog cannot be loaded. */
export async function loadTexts(language: Language): Promise<Texts> {
  try {
    return await LOADERS[language]();
  } catch {
    return en;
  }
}
