/** Chooses the screen. */

import { useSyncExternalStore, type ReactNode } from 'react';
import type { AppModel, AppState } from '../state/app-model';
import { CallScreen } from './screens/CallScreen';
import { MessageScreen } from './screens/MessageScreen';
import { PreJoinScreen } from './screens/PreJoinScreen';
import { ConnectionBadge } from './parts/ConnectionBadge';
import { endingText, errorText } from './texts';

export function App({ model }: { model: AppModel }): ReactNode {
  const state = useSyncExternalStore(model.state.subscribe, model.state.get);
  return (
    <>
      {state.title !== '' && <title>{`${state.title} · Convene`}</title>}
      <CurrentScreen model={model} state={state} />
    </>
  );
}

function CurrentScreen({ model, state }: { model: AppModel; state: AppState }): ReactNode {
  const { screen } = state;
  const rejoin = (label: string) => ({ label, onClick: () => void model.rejoin() });
  switch (screen.name) {
    case 'loading':
      return <MessageScreen mood="wait" text={{ title: state.title, advice: 'Looking for the meeting…' }} />;
    case 'missing':
      return (
        <MessageScreen
          mood="lost"
          isError
          text={{
            title: 'There is no meeting here',
            advice: 'Check the link for typing errors, or ask the person who invited you for a new one.',
          }}
        />
      );
    case 'unsupported':
      return <MessageScreen mood="trouble" isError text={errorText(screen.error)} />;
    case 'preJoin':
      return <PreJoinScreen model={model} state={state} />;
    case 'call':
      return <CallScreen model={model} state={state} />;
    case 'ended':
      return (
        <MessageScreen
          testId="ended-screen"
          mood={screen.cause === 'left' || screen.cause === 'meeting-ended' ? 'done' : 'lost'}
          text={endingText(screen.cause)}
          detail={screen.cause === 'closed' ? screen.reason : ''}
          action={screen.cause === 'meeting-missing' ? undefined : rejoin(screen.cause === 'meeting-ended' ? 'Start over' : 'Join again')}
        >
          <ConnectionBadge connection={state.connection} isHidden />
        </MessageScreen>
      );
    case 'failed':
      return (
        <MessageScreen mood="trouble" isError text={errorText(screen.error)} action={rejoin('Try again')}>
          <ConnectionBadge connection={state.connection} isHidden />
        </MessageScreen>
      );
  }
}
