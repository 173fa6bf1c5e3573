/** Notices over the call: who came, who knocks, what went wrong. They go by themselves, except for trouble and knocks. */

import { CircleAlert, DoorOpen, Hand, Info, Lock, MessageSquare, MicOff, ShieldCheck, Users, X, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Texts } from '../../i18n/en';
import type { CallModel } from '../../state/call-model';
import type { CallState } from '../../state/call-state';
import type { Toast } from '../../state/toasts';
import { useTexts } from '../language';

interface Props {
  call: CallModel;
  state: Pick<CallState, 'toasts' | 'lobby' | 'panel' | 'rights'>;
}

export function Toasts({ call, state }: Props): ReactNode {
  const texts = useTexts();
  const showsKnock = state.lobby.length > 0 && state.rights.isModerator && state.panel !== 'people';
  return (
    <section className="toasts" aria-label={texts.toasts.region} aria-live="polite">
      {showsKnock && <KnockToast call={call} state={state} />}
      {state.toasts.map((toast) => (
        <ToastView key={toast.id} toast={toast} call={call} />
      ))}
    </section>
  );
}

function KnockToast({ call, state }: Props): ReactNode {
  const texts = useTexts().people;
  const [first] = state.lobby;
  const isOne = state.lobby.length === 1;
  if (first === undefined) return null;
  const admit = (): void => void (isOne ? call.ask('admitPeer', { peerId: first.peerId }) : call.ask('admitAll', {}));
  return (
    <div className="toast toast-knock" role="alert" data-testid="knock-toast">
      <DoorOpen size={20} aria-hidden="true" />
      <p>{texts.knocks(state.lobby.map(({ displayName }) => (displayName === '' ? texts.guest : displayName)))}</p>
      <button type="button" className="button button-small button-primary" onClick={admit}>
        {texts[isOne ? 'admit' : 'admitAll']}
      </button>
      <button type="button" className="button button-small button-quiet" onClick={() => call.togglePanel('people')}>
        {texts.title}
      </button>
    </div>
  );
}

function ToastView({ toast, call }: { toast: Toast; call: CallModel }): ReactNode {
  const texts = useTexts();
  const { icon: Icon, title, detail } = contentOf(toast, texts);
  const isProblem = toast.kind === 'problem' || toast.kind === 'refused';
  const isQuiet = toast.kind === 'presence' || toast.kind === 'chat' || toast.kind === 'hand';
  return (
    <div
      className={`toast${isProblem ? ' toast-problem' : ''}${isQuiet ? ' toast-quiet' : ''}`}
      {...(isProblem ? { role: 'alert', 'data-testid': 'error-message' } : { 'data-testid': `toast-${toast.kind}` })}
    >
      <Icon size={20} aria-hidden="true" />
      <p>
        <span className="toast-title">{title}</span>
        {detail !== '' && <span className="toast-detail">{detail}</span>}
      </p>
      <button type="button" className="icon-button" aria-label={texts.common.dismiss} onClick={() => call.dismissToast(toast.id)}>
        <X size={16} aria-hidden="true" />
      </button>
    </div>
  );
}

interface Content {
  icon: LucideIcon;
  title: string;
  detail: string;
}

function contentOf(toast: Toast, texts: Texts): Content {
  switch (toast.kind) {
    case 'presence':
      return { icon: Users, title: presence(toast.joined, toast.left, texts), detail: '' };
    case 'chat':
      return { icon: MessageSquare, title: toast.name, detail: toast.text };
    case 'hand':
      return { icon: Hand, title: texts.toasts.hand(toast.name), detail: '' };
    case 'muted':
      return { icon: MicOff, title: texts.mutedBy[toast.source], detail: '' };
    case 'rights':
      return { icon: ShieldCheck, title: texts.toasts[toast.change], detail: '' };
    case 'lock':
      return { icon: toast.isLocked ? Lock : Info, title: texts.toasts[toast.isLocked ? 'locked' : 'unlocked'], detail: '' };
    case 'problem': {
      const { title, advice } = texts.errors[toast.error.code](toast.device);
      return { icon: CircleAlert, title, detail: advice };
    }
    case 'replaced':
      return { icon: Info, title: texts.toasts.replaced[toast.device], detail: '' };
    case 'refused':
      return { icon: CircleAlert, title: texts.toasts.refused, detail: toast.error.message };
  }
}

function presence(joined: readonly string[], left: readonly string[], { toasts }: Texts): string {
  const parts = [joined.length > 0 ? toasts.joined(joined) : '', left.length > 0 ? toasts.left(left) : ''];
  return parts.filter((part) => part !== '').join(' · ');
}
