/** How the connection is, in a word; read out when it changes. */

import type { ReactNode } from 'react';
import type { ConnectionState } from '../../core/session/connection-state';
import { useTexts } from '../language';

export function ConnectionBadge({ connection, isHidden = false }: { connection: ConnectionState; isHidden?: boolean }): ReactNode {
  const texts = useTexts();
  return (
    <p
      className={isHidden ? 'visually-hidden' : `connection connection-${connection.status}`}
      role="status"
      data-testid="connection-state"
      data-state={connection.status}
    >
      <span className="connection-dot" aria-hidden="true" />
      <span className="connection-word">{texts.connection[connection.status]}</span>
    </p>
  );
}
