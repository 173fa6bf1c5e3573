/** The front page: joins a meeting by code or link, or one of the recent ones. */

import { History } from 'lucide-react';
import { useState, type ReactNode, type SyntheticEvent } from 'react';
import type { AppModel } from '../../state/app/app-model';
import type { AppState, EntryProblem } from '../../state/app/app-state';
import { LANGUAGES } from '../../state/settings';
import { useTexts } from '../language';
import { Brand } from '../parts/Brand';
import { Select } from '../parts/Select';

interface Props {
  model: AppModel;
  app: AppState;
}

export function HomeScreen({ model, app }: Props): ReactNode {
  const texts = useTexts();
  return (
    <main className="page home" data-testid="home-screen">
      <header className="page-header">
        <Brand />
        <Select
          label={texts.settings.language}
          value={app.settings.language}
          choices={LANGUAGES.map((value) => ({ value, label: texts.languages[value] }))}
          onChoose={(language) => model.change({ language })}
        />
      </header>
      <section className="card home-card">
        <header>
          <h1>{texts.home.title}</h1>
          <p>{texts.home.advice}</p>
        </header>
        <EntryForm model={model} />
        {app.recent.length > 0 && <Recent model={model} app={app} />}
      </section>
    </main>
  );
}

function EntryForm({ model }: Pick<Props, 'model'>): ReactNode {
  const texts = useTexts().home;
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<EntryProblem>();
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    setProblem(model.goTo(text));
  };
  return (
    <form onSubmit={submit}>
      <label className="field">
        <span>{texts.entry}</span>
        <input
          data-testid="entry-input"
          type="text"
          name="meeting"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          placeholder={texts.entryHint}
          value={text}
          aria-invalid={problem !== undefined}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setProblem(undefined);
          }}
        />
      </label>
      {problem !== undefined && (
        <p className="problem" role="alert" data-testid="error-message">
          {texts.problems[problem]}
        </p>
      )}
      <button type="submit" className="button button-primary button-wide" data-testid="entry-button" disabled={text.trim() === ''}>
        {texts.go}
      </button>
    </form>
  );
}

function Recent({ model, app }: Props): ReactNode {
  const texts = useTexts().home;
  return (
    <section className="recent" aria-labelledby="recent-title">
      <header>
        <h2 id="recent-title">{texts.recent}</h2>
        <button type="button" className="button button-small button-quiet" data-testid="clear-recent" onClick={() => model.clearRecent()}>
          {texts.clear}
        </button>
      </header>
      <ul>
        {app.recent.map(({ path, title }) => (
          <li key={path}>
            <a href={path}>
              <History size={18} aria-hidden="true" />
              <span className="recent-title">{title}</span>
              <span className="recent-path">{path.slice('/m/'.length)}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
