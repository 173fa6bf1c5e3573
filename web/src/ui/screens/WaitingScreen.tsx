/** Between the door and the call: the meeting has not begun, or a moderator has yet to open. */

import type { ReactNode } from 'react';
import type { AppModel, AppState } from '../../state/app-model';
import { beginOf, waitingKindOf } from '../../state/waiting';
import { useTexts } from '../language';
import { ConnectionBadge } from '../parts/ConnectionBadge';
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
      action={{ label: texts.leave, onClick: () => model.leave(), isQuiet: true }}
    >
      <p className="message-quiet">{app.meeting.title}</p>
      <ConnectionBadge connection={app.connection} isHidden />
    </MessageScreen>
  );
}

/** What is waited for, in words; the server's own only for reasons that this app does not know. */
export function useWaitingWords({ meeting }: AppState): { words: string; isLong: boolean } {
  const texts = useTexts();
  const waitingFor = meeting.waitingFor ?? { reason: 'Pending', message: '' };
  const kind = waitingKindOf(waitingFor);
  const begin = beginOf(meeting.startsAt, waitingFor);
  if (kind === 'scheduled' && begin !== undefined) return { words: texts.waitingRoom.startsAt(momentOf(begin)), isLong: true };
  const words = kind === 'other' ? `${texts.waiting.other} ${sentence(waitingFor.message)}`.trim() : texts.waiting[kind];
  return { words, isLong: kind === 'scheduled' || kind === 'broken' };
}

function momentOf(moment: number): string {
  const isToday = new Date(moment).toDateString() === new Date().toDateString();
  const style = isToday ? { timeStyle: 'short' as const } : { dateStyle: 'full' as const, timeStyle: 'short' as const };
  return new Intl.DateTimeFormat(document.documentElement.lang, style).format(moment);
}

/** With a capital and a full stop, which not all of the server's sentences have. */
function sentence(reason: string): string {
  if (reason === '') return '';
  return `${reason.charAt(0).toLocaleUpperCase()}${reason.slice(1)}${/[.!?]$/u.test(reason) ? '' : '.'}`;
}
