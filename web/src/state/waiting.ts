/** What a meeting waits for, as far as it matters to people: a time, a moment, room, or somebody who mends it. Pure. */

import type { WaitingFor } from '../core/meeting';

export type WaitingKind = 'scheduled' | 'starting' | 'image' | 'capacity' | 'broken' | 'other';

const KINDS: readonly (readonly [WaitingKind, readonly string[]])[] = [
  ['scheduled', ['Scheduled']],
  ['starting', ['Pending', 'NoPodReady', 'PodNotReady', 'PodGone', 'PodLeaving', 'PodDraining', 'Reassigned', 'Relieved', 'Updating', 'RouterStarting']],
  ['image', ['ImagePulling', 'PullingImage']],
  ['capacity', ['PoolFull', 'NamespaceShareUsed', 'NoCapacity', 'PortsExhausted', 'PortsTaken', 'PortsResting', 'Unschedulable']],
  [
    'broken',
    [
      'PoolNotFound',
      'NamespaceNotAllowed',
      'DedicatedNotAllowed',
      'MeetingTooLarge',
      'MeetingInvalid',
      'InvalidSpec',
      'Unreadable',
      'ImagePullFailed',
      'PodCrashing',
      'PodFailed',
      'PodRefused',
      'ServiceRefused',
      'NoNodeAddress',
      'NoLoadBalancerAddress',
    ],
  ],
];

export function waitingKindOf({ reason }: WaitingFor): WaitingKind {
  return KINDS.find(([, reasons]) => reasons.includes(reason))?.[0] ?? 'other';
}

const MOMENT = /\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})/u;

/** When the meeting begins: as the server says it, or as its message does. */
export function beginOf(startsAt: number | undefined, { message }: WaitingFor): number | undefined {
  if (startsAt !== undefined) return startsAt;
  const moment = Date.parse(MOMENT.exec(message)?.[0] ?? '');
  return Number.isNaN(moment) ? undefined : moment;
}
