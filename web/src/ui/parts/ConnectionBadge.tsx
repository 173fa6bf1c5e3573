/** The connection state; announced when it changes. */

import type { ReactNode } from 'react';
import type { ConnectionState } from '../../core/session/connection-state';
import { useTexts } from '../language';

export function ConnectionBadge({ connection, isHidden = false }: { connection: ConnectionState; isHidden?: boolean }): ReactNode {
  const texts = useTexts();
  const isInterrupted = connection.status === 'interrupted';
  return (
    <p
      className={isHidden ? 'visually-hidden' : `connection connection-${isInterrupted ? 'reconnecting' : connection.status}`}
      role="status"
      data-testid="connection-state"
      data-state={connection.status}
      data-interrupted={isInterrupted ? connection.what : undefined}
    >
      <span className="connection-dot" aria-hidden="true" />
      <span className="connection-word">{isInterrupted ? texts.interruptions[connection.what] : texts.connection[connection.status]}</span>
    </p>
  );
}
