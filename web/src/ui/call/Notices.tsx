/** Banners that stay above the tiles until resolved: requests to join, problems, sharing, being alone. They never cover tiles. */

import { CircleAlert, DoorOpen, Eye, Link, ScreenShare, X } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { KINDS, type DeviceKind } from '../../core/media/devices';
import { isInterrupted, isTurnedOn } from '../../core/media/local-media';
import type { CallModel } from '../../state/call/call-model';
import type { CallState } from '../../state/call/call-state';
import type { Toast } from '../../state/call/toasts';
import { useTexts } from '../language';
import { copyLink } from './controls/page-actions';

interface Props {
  call: CallModel;
  state: CallState;
  /** Whether a join token is required: the link alone is not enough. */
  needsInvitation: boolean;
}

export function Notices({ call, state, needsInvitation }: Props): ReactNode {
  const isConnected = state.connection.status === 'connected';
  const onStage = state.people.filter(({ isRecorder }) => !isRecorder).length;
  const isAlone = onStage === 1 && !state.rights.isViewer && isConnected && state.lobby.length === 0 && state.viewers === 0;
  const isStageEmpty = onStage === 0 && state.rights.isViewer && isConnected;
  const showsKnock = state.lobby.length > 0 && state.rights.isModerator && state.panel !== 'people';
  return (
    <div className="call-banners">
      {showsKnock && <KnockBanner call={call} lobby={state.lobby} />}
      {state.toasts.map((toast) => toast.kind === 'problem' && <ProblemBanner key={toast.id} toast={toast} call={call} />)}
      {KINDS.map((kind) => isTurnedOn(state.local[kind]) && isInterrupted(state.local[kind]) && <InterruptedBanner key={kind} kind={kind} call={call} />)}
      {state.local.screen.status === 'on' && <ShareBanner call={call} />}
      {isStageEmpty && <StageEmptyBanner />}
      {isAlone && <InviteBanner needsInvitation={needsInvitation} />}
    </div>
  );
}

function KnockBanner({ call, lobby }: { call: CallModel; lobby: CallState['lobby'] }): ReactNode {
  const texts = useTexts().people;
  const [first] = lobby;
  const isOne = lobby.length === 1;
  if (first === undefined) return null;
  const admit = (): void => void (isOne ? call.ask('admitPeer', { peerId: first.peerId }) : call.ask('admitAll', {}));
  return (
    <div className="banner banner-urgent" role="alert" data-testid="knock-toast">
      <DoorOpen size={20} aria-hidden="true" />
      <p className="banner-lines">{texts.asksToJoin(lobby.map(({ displayName }) => (displayName === '' ? texts.guest : displayName)))}</p>
      <span className="banner-actions">
        <button type="button" className="button button-small button-quiet" onClick={() => call.togglePanel('people')}>
          {texts.title}
        </button>
        <button type="button" className="button button-small button-primary" onClick={admit}>
          {texts[isOne ? 'admit' : 'admitAll']}
        </button>
      </span>
    </div>
  );
}

function ProblemBanner({ toast, call }: { toast: Toast & { kind: 'problem' }; call: CallModel }): ReactNode {
  const texts = useTexts();
  const { title, advice } = texts.errors[toast.error.code](toast.device);
  return (
    <div className="banner banner-urgent banner-problem" role="alert" data-testid="error-message">
      <CircleAlert size={20} aria-hidden="true" />
      <p>
        <strong>{title}.</strong> {advice}
      </p>
      <button type="button" className="icon-button" aria-label={texts.common.dismiss} onClick={() => call.dismissToast(toast.id)}>
        <X size={16} aria-hidden="true" />
      </button>
    </div>
  );
}

/** Shown until the system resumes the device. */
function InterruptedBanner({ kind, call }: { kind: DeviceKind; call: CallModel }): ReactNode {
  const texts = useTexts();
  return (
    <div className="banner banner-urgent banner-problem" role="alert" data-testid={`interrupted-${kind}`}>
      <CircleAlert size={20} aria-hidden="true" />
      <p>{texts.interrupted[kind]}</p>
      <button type="button" className="button button-small button-quiet" onClick={() => call.reopenInterrupted()}>
        {texts.common.tryAgain}
      </button>
    </div>
  );
}

function ShareBanner({ call }: { call: CallModel }): ReactNode {
  const texts = useTexts();
  return (
    <div className="banner" data-testid="share-banner">
      <ScreenShare size={18} aria-hidden="true" />
      <p>{texts.call.sharing}</p>
      <button type="button" className="button button-small button-quiet" onClick={() => call.toggleShare()}>
        {texts.controls.stopShare}
      </button>
    </div>
  );
}

function StageEmptyBanner(): ReactNode {
  const texts = useTexts().call;
  return (
    <div className="banner" role="status" data-testid="stage-empty">
      <Eye size={18} aria-hidden="true" />
      <p>{texts.stageEmpty}</p>
    </div>
  );
}

function InviteBanner({ needsInvitation }: { needsInvitation: boolean }): ReactNode {
  const texts = useTexts();
  const [isCopied, setCopied] = useState(false);
  return (
    <div className="banner" role="status">
      <p>{texts.call[needsInvitation ? 'aloneInvited' : 'alone']}</p>
      {globalThis.isSecureContext && (
        <button type="button" className="button button-small button-quiet" onClick={() => copyLink(() => setCopied(true))}>
          <Link size={16} aria-hidden="true" />
          {isCopied ? texts.common.copied : texts.controls.copyLink}
        </button>
      )}
    </div>
  );
}
