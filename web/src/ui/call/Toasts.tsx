/** Toasts at the top: participants, raised hands, rejected requests. They disappear by themselves; whatever needs an answer is a banner. */

import {
  CircleAlert,
  Disc,
  DoorClosed,
  DoorOpen,
  Eye,
  Hand,
  Info,
  Link,
  Lock,
  MessageSquare,
  MicOff,
  ShieldCheck,
  Users,
  X,
  type LucideIcon,
} from 'lucide-react';
import type { ReactNode } from 'react';
import type { Texts } from '../../i18n/en';
import type { CallModel } from '../../state/call/call-model';
import type { CallState } from '../../state/call/call-state';
import type { Toast } from '../../state/call/toasts';
import { useTexts } from '../language';

interface Props {
  call: CallModel;
  state: Pick<CallState, 'toasts'>;
}

export function Toasts({ call, state }: Props): ReactNode {
  const texts = useTexts();
  return (
    <section className="toasts" aria-label={texts.toasts.region} aria-live="polite">
      {state.toasts.map((toast) => toast.kind !== 'problem' && <ToastView key={toast.id} toast={toast} call={call} />)}
    </section>
  );
}

type Brief = Exclude<Toast, { kind: 'problem' }>;

function ToastView({ toast, call }: { toast: Brief; call: CallModel }): ReactNode {
  const texts = useTexts();
  const { icon: Icon, title, detail } = contentOf(toast, texts);
  const isProblem = toast.kind === 'refused';
  const isQuiet = toast.kind === 'presence' || toast.kind === 'chat' || toast.kind === 'hand' || toast.kind === 'leftStage';
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

function contentOf(toast: Brief, texts: Texts): Content {
  switch (toast.kind) {
    case 'presence':
      return { icon: Users, title: presence(toast.joined, toast.left, texts), detail: '' };
    case 'chat':
      return { icon: MessageSquare, title: toast.name, detail: toast.text };
    case 'hand':
      return { icon: Hand, title: texts.toasts.hand(toast.name), detail: '' };
    case 'leftStage':
      return { icon: Eye, title: texts.toasts.leftStage(toast.name), detail: '' };
    case 'muted':
      return { icon: MicOff, title: texts.mutedBy[toast.source], detail: '' };
    case 'rights':
      return { icon: ShieldCheck, title: texts.toasts[toast.change], detail: '' };
    case 'lock':
      return { icon: toast.isLocked ? Lock : Info, title: texts.toasts[toast.isLocked ? 'locked' : 'unlocked'], detail: '' };
    case 'lobby':
      return { icon: toast.isOn ? DoorClosed : DoorOpen, title: texts.toasts[toast.isOn ? 'lobbyOn' : 'lobbyOff'], detail: '' };
    case 'replaced':
      return { icon: Info, title: replaced(toast, texts), detail: '' };
    case 'recording':
      return { icon: toast.isOn ? Disc : Info, title: texts.recording[toast.isOn ? 'on' : 'off'], detail: '' };
    case 'link':
      return { icon: Link, title: texts.common.copied, detail: toast.needsInvitation ? texts.toasts.linkNeedsInvitation : '' };
    case 'refused':
      return { icon: CircleAlert, title: texts.toasts.refused, detail: texts.refusals[toast.refusal] };
  }
}

function replaced({ device, name }: Toast & { kind: 'replaced' }, { toasts }: Texts): string {
  return device === 'speaker' ? toasts.replaced.speaker : toasts.replaced[device](name);
}

function presence(joined: readonly string[], left: readonly string[], { toasts }: Texts): string {
  const parts = [joined.length > 0 ? toasts.joined(joined) : '', left.length > 0 ? toasts.left(left) : ''];
  return parts.filter((part) => part !== '').join(' · ');
}
