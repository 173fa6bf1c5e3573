/** Waiting for the meeting to become ready, or for a moderator's approval, with a self view. */

import type { ReactNode } from 'react';
import type { AppModel } from '../../state/app/app-model';
import type { AppState } from '../../state/app/app-state';
import { waitingKindOf } from '../../state/app/waiting';
import { useTexts } from '../language';
import { ConnectionBadge } from '../parts/ConnectionBadge';
import { RecordingHint } from '../parts/RecordingHint';
import { SelfView } from '../parts/media/SelfView';
import { MessageScreen } from './MessageScreen';

interface Props {
  model: AppModel;
  app: AppState;
}

export function WaitingScreen({ model, app }: Props): ReactNode {
  const texts = useTexts().waitingRoom;
  const { title } = app.meeting;
  const why = useWaitingWords(app);
  return (
    <MessageScreen
      testId="waiting-screen"
      mood={why.isLong ? 'later' : 'wait'}
      text={{ title, advice: why.words }}
      action={{ label: texts.back, onClick: () => model.leave(), isQuiet: true }}
    >
      <p className="message-quiet">{texts.auto}</p>
      {!app.meeting.isViewer && <SelfView model={model} app={app} isSmall />}
    </MessageScreen>
  );
}

export function LobbyScreen({ model, app }: Props): ReactNode {
  const texts = useTexts().waitingRoom;
  return (
    <MessageScreen
      testId="lobby-screen"
      mood="wait"
      text={{ title: texts.lobbyTitle, advice: texts.lobby }}
      action={{ label: texts.cancel, onClick: () => model.leave(), isQuiet: true }}
    >
      <p className="message-quiet">{app.meeting.title}</p>
      {app.meeting.isRecorded && <RecordingHint />}
      {!app.meeting.isViewer && <SelfView model={model} app={app} isSmall />}
      <ConnectionBadge connection={app.connection} isHidden />
    </MessageScreen>
  );
}

/** The reason the meeting is not ready. It is included where an administrator may need it. */
export function useWaitingWords({ meeting }: AppState): { words: string; isLong: boolean } {
  const texts = useTexts();
  const waitingFor = meeting.waitingFor ?? { reason: 'Pending', message: '' };
  const kind = waitingKindOf(waitingFor);
  const begin = meeting.startsAt;
  if (kind === 'scheduled' && begin !== undefined) return { words: texts.waitingRoom.startsAt(momentOf(begin), isToday(begin)), isLong: true };
  const isExplained = kind !== 'broken' && kind !== 'other';
  const words = isExplained || waitingFor.reason === '' ? texts.waiting[kind] : `${texts.waiting[kind]} (${waitingFor.reason})`;
  return { words, isLong: kind === 'scheduled' || kind === 'broken' };
}

function isToday(moment: number): boolean {
  return new Date(moment).toDateString() === new Date().toDateString();
}

function momentOf(moment: number): string {
  const style = isToday(moment) ? { timeStyle: 'short' as const } : { dateStyle: 'full' as const, timeStyle: 'short' as const };
  return new Intl.DateTimeFormat(document.documentElement.lang, style).format(moment);
}
