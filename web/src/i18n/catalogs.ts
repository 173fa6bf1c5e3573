/** Finds the words of a language. English comes with the app, the others when they are wanted. */

import type { Language } from '../state/settings';
import { en, type Texts } from './en';

const LOADERS: Readonly<Record<Language, () => Texts | Promise<Texts>>> = {
  en: () => en,
  de: () => import('./de').then(({ de }) => de),
  es: () => import('./es').then(({ es }) => es),
};

/** English where the catalog cannot be fetched: better than no words at all. */
export async function loadTexts(language: Language): Promise<Texts> {
  try {
    return await LOADERS[language]();
  } catch {
    return en;
  }
}
