/** The reasons a meeting is not ready, in the categories that matter to users. Pure. */

import type { WaitingFor } from '../../core/meeting/meeting';

export type WaitingKind = 'scheduled' | 'starting' | 'image' | 'capacity' | 'broken' | 'other';

const KINDS: readonly (readonly [WaitingKind, readonly string[]])[] = [
  ['scheduled', ['Scheduled']],
  [
    'starting',
    [
      'Pending',
      'NoPodReady',
      'PodNotReady',
      'PodGone',
      'PodLeaving',
      'PodDraining',
      'Reassigned',
      'Relieved',
      'Updating',
      'RouterStarting',
      'AdmissionKeyMissing',
    ],
  ],
  ['image', ['ImagePulling', 'PullingImage']],
  ['capacity', ['PoolFull', 'NamespaceShareUsed', 'NoCapacity', 'PortsExhausted', 'PortsTaken', 'PortsResting', 'Unschedulable']],
  [
    'broken',
    [
      'PoolNotFound',
      'PoolDeleting',
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
      'FinalizersNotWritten',
      'ServiceRefused',
      'NoNodeAddress',
      'NoLoadBalancerAddress',
    ],
  ],
];

export function waitingKindOf({ reason }: WaitingFor): WaitingKind {
  return KINDS.find(([, reasons]) => reasons.includes(reason))?.[0] ?? 'other';
}
