/** Toasts over the call. Those about joining and leaving are merged into one; the oldest go when there are too many. Pure. */

import type { ConveneError } from '../../core/errors';
import type { DeviceKind } from '../../core/media/devices';
import type { SendKind } from '../../core/session/connection/send-kind';
import type { PublishSource } from '../../generated/messages';
import type { Refusal } from './refusal';

export type ToastContent =
  | { kind: 'presence'; joined: readonly string[]; left: readonly string[] }
  | { kind: 'chat'; name: string; text: string }
  | { kind: 'hand'; name: string }
  /** A participant left the stage, and is a viewer now. */
  | { kind: 'leftStage'; name: string }
  | { kind: 'muted'; source: PublishSource }
  | { kind: 'rights'; change: 'moderator' | 'noModerator' | 'restricted' | 'viewer' | 'onStage' }
  | { kind: 'lock'; isLocked: boolean }
  | { kind: 'lobby'; isOn: boolean }
  /** Recording started or stopped. */
  | { kind: 'recording'; isOn: boolean }
  | { kind: 'problem'; device: SendKind; error: ConveneError }
  /** A device was disconnected, and another one is used now: `name` is its label, '' where the browser does not tell. */
  | { kind: 'replaced'; device: DeviceKind | 'speaker'; name: string }
  /** The link was copied; `needsInvitation`: it is not enough to join. */
  | { kind: 'link'; needsInvitation: boolean }
  /** A request of the user was rejected. */
  | { kind: 'refused'; refusal: Refusal };

export type Toast = ToastContent & { id: number };

const MOST = 4;

/** How long a toast stays, in milliseconds: problems stay until dismissed. */
export function lifetimeOf({ kind }: ToastContent): number | undefined {
  switch (kind) {
    case 'problem':
      return undefined;
    case 'muted':
    case 'replaced':
    case 'link':
    case 'recording':
    case 'refused':
    case 'rights':
      return 8000;
    default:
      return 5000;
  }
}

export function withToast(toasts: readonly Toast[], content: ToastContent, id: number): readonly Toast[] {
  const gathered = content.kind === 'presence' ? gather(toasts, content) : content;
  // Only the newest of each kind, except chat and raised hands.
  const others = toasts.filter(({ kind }) => kind !== content.kind || content.kind === 'chat' || content.kind === 'hand');
  const isEmpty = gathered.kind === 'presence' && gathered.joined.length + gathered.left.length === 0;
  return isEmpty ? others : withinBounds([...others, { ...gathered, id }]);
}

/** Problems do not count: other toasts never replace them. */
function withinBounds(toasts: readonly Toast[]): readonly Toast[] {
  const newest = toasts.filter(({ kind }) => kind !== 'problem').slice(-MOST);
  return toasts.filter((toast) => toast.kind === 'problem' || newest.includes(toast));
}

/** Merges two presence toasts; a participant that joined and left again is dropped. */
function gather(toasts: readonly Toast[], { joined, left }: ToastContent & { kind: 'presence' }): ToastContent {
  const before = toasts.find((one) => one.kind === 'presence');
  if (before?.kind !== 'presence') return { kind: 'presence', joined, left };
  const stillJoined = before.joined.filter((name) => !left.includes(name));
  const stillLeft = before.left.filter((name) => !joined.includes(name));
  return {
    kind: 'presence',
    joined: [...stillJoined, ...joined.filter((name) => !before.left.includes(name))],
    left: [...stillLeft, ...left.filter((name) => !before.joined.includes(name))],
  };
}

export function withoutToast(toasts: readonly Toast[], id: number): readonly Toast[] {
  return toasts.filter((one) => one.id !== id);
}
