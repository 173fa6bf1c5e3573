/** Provides the views with texts, and sets the language of the page. */

import { createContext, useContext, useEffect, useState, type ReactNode } from 'react';
import { loadTexts } from '../i18n/catalogs';
import { en, type Texts } from '../i18n/en';
import type { Language } from '../state/settings';

const Words = createContext<Texts>(en);

export function useTexts(): Texts {
  return useContext(Words);
}

interface Props {
  language: Language;
  /** Texts of the initial language. */
  initial: Texts;
  children: ReactNode;
}

export function LanguageProvider({ language, initial, children }: Props): ReactNode {
  const [texts, setTexts] = useState(initial);
  useEffect(() => {
    let isWanted = true;
    void loadTexts(language).then((loaded) => {
      if (isWanted) setTexts(loaded);
    });
    document.documentElement.lang = language;
    return () => {
      isWanted = false;
    };
  }, [language]);
  return <Words value={texts}>{children}</Words>;
}
