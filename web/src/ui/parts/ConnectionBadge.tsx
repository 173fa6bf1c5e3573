/** How the connection is, in a word; read out when it changes. */

import type { ReactNode } from 'react';
import type { ConnectionState } from '../../core/session/connection-state';
import { connectionText } from '../texts';

export function ConnectionBadge({ connection, isHidden = false }: { connection: ConnectionState; isHidden?: boolean }): ReactNode {
  return (
    <p
      className={isHidden ? 'visually-hidden' : `connection connection-${connection.status}`}
      role="status"
      data-testid="connection-state"
      data-state={connection.status}
    >
      <span className="connection-dot" aria-hidden="true" />
      {connectionText(connection)}
    </p>
  );
}
