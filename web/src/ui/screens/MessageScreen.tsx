/** A screen with one message: waiting, not found, ended, failed. */

import { CalendarX2, CircleAlert, DoorOpen, Hourglass, KeyRound, Lock, UserX } from 'lucide-react';
import { useEffect, useRef, type ReactNode } from 'react';
import type { Text } from '../../i18n/en';
import { useTexts } from '../language';
import { Brand } from '../parts/Brand';

const ICONS = { lost: CalendarX2, trouble: CircleAlert, done: DoorOpen, key: KeyRound, locked: Lock, removed: UserX, later: Hourglass };

export type Mood = 'wait' | keyof typeof ICONS;

interface Props {
  mood: Mood;
  text: Text;
  detail?: string;
  isError?: boolean;
  /** Whether to link to the front page. */
  hasHome?: boolean;
  testId?: string;
  action?: { label: string; onClick: () => void; isQuiet?: boolean } | undefined;
  children?: ReactNode;
}

export function MessageScreen({ mood, text, detail = '', isError = false, hasHome = false, testId, action, children }: Props): ReactNode {
  const { toHome } = useTexts().home;
  const heading = useRef<HTMLHeadingElement>(null);
  // Screen readers start at the new heading.
  useEffect(() => heading.current?.focus(), []);
  return (
    <main className="page message-page" data-testid={testId}>
      <Brand />
      <section className="card message" {...(isError ? { role: 'alert', 'data-testid': 'error-message' } : {})}>
        <MoodIcon mood={mood} />
        <h1 ref={heading} tabIndex={-1}>
          {text.title}
        </h1>
        <p>{text.advice}</p>
        {detail !== '' && <p className="message-detail">“{detail}”</p>}
        {children}
        {action !== undefined && (
          <button
            type="button"
            className={`button ${action.isQuiet === true ? 'button-quiet' : 'button-primary'}`}
            data-testid="rejoin-button"
            onClick={action.onClick}
          >
            {action.label}
          </button>
        )}
        {hasHome && (
          <a className="button button-quiet" href="/" data-testid="home-link">
            {toHome}
          </a>
        )}
      </section>
    </main>
  );
}

function MoodIcon({ mood }: { mood: Mood }): ReactNode {
  if (mood === 'wait') return <span className="spinner" aria-hidden="true" />;
  const Icon = ICONS[mood];
  return (
    <span className={`message-icon message-icon-${mood}`} aria-hidden="true">
      <Icon size={28} />
    </span>
  );
}
