/** The call: everybody's tiles, one's own controls, and how the connection is. */

import { Link, PhoneOff, Volume2, X } from 'lucide-react';
import { useCallback, useRef, useState, type ReactNode } from 'react';
import type { AppModel, AppState, Notice } from '../../state/app-model';
import { ConnectionBadge } from '../parts/ConnectionBadge';
import { DeviceToggle } from '../parts/DeviceToggle';
import { Grid } from '../parts/Grid';
import { RemoteAudio } from '../parts/RemoteAudio';
import { errorText } from '../texts';

interface Props {
  model: AppModel;
  state: AppState;
}

export function CallScreen({ model, state }: Props): ReactNode {
  const others = state.tiles.filter(({ isSelf }) => !isSelf).length;
  return (
    <main className="call">
      <header className="call-header">
        <h1>{state.title}</h1>
        <ConnectionBadge connection={state.connection} />
      </header>
      <div className="call-banners">
        {state.notice !== undefined && <NoticeBanner notice={state.notice} onDismiss={() => model.dismissNotice()} />}
        {others === 0 && state.connection.status === 'connected' && <InviteBanner />}
      </div>
      <Grid tiles={state.tiles} />
      <Sound tiles={state.tiles} />
      <footer className="controls" role="toolbar" aria-label="Call controls">
        <DeviceToggle kind="microphone" device={state.local.microphone} onToggle={() => model.toggle('microphone')} />
        <DeviceToggle kind="camera" device={state.local.camera} onToggle={() => model.toggle('camera')} />
        <button type="button" className="control control-leave" data-testid="leave-button" onClick={() => model.leave()}>
          <PhoneOff size={22} aria-hidden="true" />
          <span className="control-label">Leave</span>
        </button>
      </footer>
    </main>
  );
}

function NoticeBanner({ notice, onDismiss }: { notice: Notice; onDismiss: () => void }): ReactNode {
  const text = errorText(notice.error, notice.kind);
  return (
    <div className="banner banner-problem" role="alert" data-testid="error-message">
      <p>
        <strong>{text.title}.</strong> {text.advice}
      </p>
      <button type="button" className="icon-button" aria-label="Dismiss" onClick={onDismiss}>
        <X size={18} aria-hidden="true" />
      </button>
    </div>
  );
}

function InviteBanner(): ReactNode {
  const [isCopied, setCopied] = useState(false);
  const copy = (): void => {
    // Without a secure context there is no clipboard; the address bar still has the link.
    navigator.clipboard.writeText(location.href).then(
      () => setCopied(true),
      () => undefined,
    );
  };
  return (
    <div className="banner" role="status">
      <p>You are the only one here. Share the link to invite others.</p>
      {globalThis.isSecureContext && (
        <button type="button" className="button button-quiet" onClick={copy}>
          <Link size={16} aria-hidden="true" />
          {isCopied ? 'Copied' : 'Copy link'}
        </button>
      )}
    </div>
  );
}

/** Everybody's voices. Browsers may refuse to play before a click: then one is asked for. */
function Sound({ tiles }: Pick<AppState, 'tiles'>): ReactNode {
  const [isBlocked, setBlocked] = useState(false);
  const elements = useRef<HTMLDivElement>(null);
  const onBlocked = useCallback(() => setBlocked(true), []);
  const playAll = (): void => {
    const voices = [...(elements.current?.querySelectorAll('audio') ?? [])];
    Promise.all(voices.map((voice) => voice.play())).then(
      () => setBlocked(false),
      () => setBlocked(true),
    );
  };
  return (
    <div ref={elements}>
      {tiles.map(({ peerId, audio }) =>
        audio === undefined ? null : <RemoteAudio key={`${peerId}-${audio.id}`} track={audio} onBlocked={onBlocked} />,
      )}
      {isBlocked && (
        <button type="button" className="button button-primary hear-button" onClick={playAll}>
          <Volume2 size={18} aria-hidden="true" />
          Click to hear
        </button>
      )}
    </div>
  );
}
