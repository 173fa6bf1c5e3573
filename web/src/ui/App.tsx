/** Renders the current screen. */

import { useEffect, type ReactNode } from 'react';
import type { ErrorCode } from '../core/errors';
import type { EndCause } from '../core/session/close-reason';
import type { Texts } from '../i18n/en';
import type { AppModel } from '../state/app/app-model';
import type { AppState, Screen } from '../state/app/app-state';
import { exitActionOf } from '../state/app/exit-action';
import { CallScreen } from './screens/CallScreen';
import { HomeScreen } from './screens/HomeScreen';
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
    case 'home':
      return <HomeScreen model={model} app={app} />;
    case 'loading':
      return <MessageScreen mood="wait" text={{ title: app.meeting.title, advice: texts.common.loading }} />;
    case 'missing':
      return <MissingScreen model={model} screen={screen} />;
    case 'unsupported':
      return <MessageScreen mood="trouble" isError text={texts.errors[screen.error.code]('both')} />;
    case 'tokenRequired':
      return <MessageScreen mood="key" isError hasHome text={texts.errors['token-required']('both')} />;
    case 'preJoin':
      return <PreJoinScreen model={model} app={app} />;
    case 'waiting':
      return <WaitingScreen model={model} app={app} />;
    case 'lobby':
      return <LobbyScreen model={model} app={app} />;
    case 'call':
      return app.call === undefined ? null : <CallScreen model={model} app={app} call={app.call} />;
    case 'ended':
      return <EndedScreen model={model} app={app} screen={screen} />;
    case 'failed':
      return <FailedScreen model={model} app={app} screen={screen} />;
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
  'invitation-used': 'key',
  'token-required': 'key',
  closed: 'lost',
};

function useWayOut(model: AppModel, screen: Screen): { label: string; onClick: () => void } | undefined {
  const texts = useTexts().ended;
  const way = exitActionOf(screen);
  if (way === undefined) return undefined;
  return { label: texts[way.label], onClick: () => (way.does === 'back' ? void model.rejoin() : location.reload()) };
}

function EndedScreen({ model, app, screen }: { model: AppModel; app: AppState; screen: Screen & { name: 'ended' } }): ReactNode {
  const texts = useTexts();
  const { cause, reason } = screen;
  return (
    <MessageScreen
      testId="ended-screen"
      hasHome
      mood={END_MOODS[cause]}
      text={texts.endings[cause]}
      detail={cause === 'closed' ? reason : ''}
      action={useWayOut(model, screen)}
    >
      <ConnectionBadge connection={app.connection} isHidden />
    </MessageScreen>
  );
}

const KEY_CODES: readonly ErrorCode[] = ['token-required', 'token-invalid', 'token-expired', 'access-refused'];

function FailedScreen({ model, app, screen }: { model: AppModel; app: AppState; screen: Screen & { name: 'failed' } }): ReactNode {
  const texts = useTexts();
  const { code } = screen.error;
  return (
    <MessageScreen
      testId="failed-screen"
      hasHome
      mood={KEY_CODES.includes(code) ? 'key' : code === 'meeting-waits' || code === 'meeting-busy' ? 'later' : 'trouble'}
      isError
      text={texts.errors[code]('both')}
      action={useWayOut(model, screen)}
    >
      <ConnectionBadge connection={app.connection} isHidden />
    </MessageScreen>
  );
}

function MissingScreen({ model, screen }: { model: AppModel; screen: Screen & { name: 'missing' } }): ReactNode {
  const texts = useTexts();
  return <MessageScreen mood="lost" isError hasHome text={texts.errors['meeting-missing']('both')} action={useWayOut(model, screen)} />;
}
