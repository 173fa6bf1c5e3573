/** Chooses the screen. */

import { useEffect, type ReactNode } from 'react';
import type { ErrorCode } from '../core/errors';
import type { EndCause } from '../core/session/close-reason';
import type { Texts } from '../i18n/en';
import type { AppModel, AppState } from '../state/app-model';
import { CallScreen } from './screens/CallScreen';
import { MessageScreen, type Mood } from './screens/MessageScreen';
import { PreJoinScreen } from './screens/PreJoinScreen';
import { LobbyScreen, WaitingScreen } from './screens/WaitingScreen';
import { ConnectionBadge } from './parts/ConnectionBadge';
import { useStore } from './hooks/useStore';
import { LanguageProvider, useTexts } from './language';

export function App({ model, texts }: { model: AppModel; texts: Texts }): ReactNode {
  const app = useStore(model.state);
  const { theme, language } = app.settings;
  useEffect(() => {
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  return (
    <LanguageProvider language={language} initial={texts}>
      {app.meeting.title !== '' && <title>{`${app.meeting.title} · Convene`}</title>}
      <CurrentScreen model={model} app={app} />
    </LanguageProvider>
  );
}

function CurrentScreen({ model, app }: { model: AppModel; app: AppState }): ReactNode {
  const texts = useTexts();
  const { screen } = app;
  switch (screen.name) {
    case 'loading':
      return <MessageScreen mood="wait" text={{ title: app.meeting.title, advice: texts.common.loading }} />;
    case 'missing':
      return <MessageScreen mood="lost" isError text={texts.errors['meeting-missing']('both')} />;
    case 'unsupported':
      return <MessageScreen mood="trouble" isError text={texts.errors[screen.error.code]('both')} />;
    case 'tokenRequired':
      return <MessageScreen mood="key" isError text={texts.errors['token-required']('both')} />;
    case 'preJoin':
      return <PreJoinScreen model={model} app={app} />;
    case 'waiting':
      return <WaitingScreen model={model} app={app} />;
    case 'lobby':
      return <LobbyScreen model={model} app={app} />;
    case 'call':
      return app.call === undefined ? null : <CallScreen model={model} app={app} call={app.call} />;
    case 'ended':
      return <EndedScreen model={model} app={app} cause={screen.cause} reason={screen.reason} />;
    case 'failed':
      return <FailedScreen model={model} app={app} code={screen.error.code} />;
  }
}

const END_MOODS: Readonly<Record<EndCause, Mood>> = {
  left: 'done',
  'ended-by-moderator': 'done',
  'meeting-ended': 'done',
  'meeting-missing': 'lost',
  'meeting-full': 'later',
  'meeting-locked': 'locked',
  removed: 'removed',
  refused: 'removed',
  'not-admitted': 'later',
  'lobby-full': 'later',
  replaced: 'lost',
  'peer-id-taken': 'trouble',
  closed: 'lost',
};

/** Whoever was sent away, or for whom there is nothing to come back to, is not offered to try. */
const NO_WAY_BACK: readonly EndCause[] = ['meeting-missing', 'removed'];

function EndedScreen({ model, app, cause, reason }: { model: AppModel; app: AppState; cause: EndCause; reason: string }): ReactNode {
  const texts = useTexts();
  const isOver = cause === 'meeting-ended' || cause === 'ended-by-moderator';
  const action = { label: isOver ? texts.ended.startOver : texts.ended.joinAgain, onClick: () => void model.rejoin() };
  return (
    <MessageScreen
      testId="ended-screen"
      mood={END_MOODS[cause]}
      text={texts.endings[cause]}
      detail={cause === 'closed' ? reason : ''}
      action={NO_WAY_BACK.includes(cause) ? undefined : action}
    >
      <ConnectionBadge connection={app.connection} isHidden />
    </MessageScreen>
  );
}

const KEY_CODES: readonly ErrorCode[] = ['token-required', 'token-invalid', 'token-expired', 'access-refused'];

function FailedScreen({ model, app, code }: { model: AppModel; app: AppState; code: ErrorCode }): ReactNode {
  const texts = useTexts();
  const isKey = KEY_CODES.includes(code);
  return (
    <MessageScreen
      testId="failed-screen"
      mood={isKey ? 'key' : code === 'meeting-waits' || code === 'meeting-busy' ? 'later' : 'trouble'}
      isError
      text={texts.errors[code]('both')}
      action={isKey ? undefined : { label: texts.common.tryAgain, onClick: () => void model.rejoin() }}
    >
      <ConnectionBadge connection={app.connection} isHidden />
    </MessageScreen>
  );
}
