/** The part of the call's state that the controls show. */

import type { CallState } from '../../../state/call/call-state';

export const SHOWN_IN_BAR = ['local', 'rights', 'panel', 'chat', 'lobby', 'viewerHands', 'isHandRaised'] as const;

export type BarState = Pick<CallState, (typeof SHOWN_IN_BAR)[number]>;
