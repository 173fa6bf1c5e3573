/** The action that a message screen offers, if any can help. Pure. */

import type { ErrorCode } from '../../core/errors';
import type { EndCause } from '../../core/session/close-reason';
import type { Screen } from './app-state';

/** `back` returns to the pre-join screen; `reload` reloads the page. */
export interface ExitAction {
  does: 'back' | 'reload';
  label: 'joinAgain' | 'startOver' | 'tryAgain' | 'reload';
}

const JOIN_AGAIN: ExitAction = { does: 'back', label: 'joinAgain' };
const TRY_AGAIN: ExitAction = { does: 'back', label: 'tryAgain' };
const RELOAD: ExitAction = { does: 'reload', label: 'reload' };

/** Undefined for participants who were removed, and where nothing is left to return to. */
const AFTER_END: Readonly<Record<EndCause, ExitAction | undefined>> = {
  left: JOIN_AGAIN,
  'ended-by-moderator': { does: 'back', label: 'startOver' },
  'meeting-ended': undefined,
  'meeting-missing': undefined,
  'meeting-full': TRY_AGAIN,
  'meeting-locked': TRY_AGAIN,
  removed: undefined,
  refused: TRY_AGAIN,
  'not-admitted': TRY_AGAIN,
  'lobby-full': TRY_AGAIN,
  replaced: JOIN_AGAIN,
  'peer-id-taken': TRY_AGAIN,
  'invitation-used': undefined,
  'token-required': undefined,
  closed: JOIN_AGAIN,
};

/** Errors for which retrying with the same page and link is pointless. */
const FINAL_ERRORS: readonly ErrorCode[] = [
  ...(['token-required', 'token-invalid', 'token-expired', 'access-refused'] as const),
  ...(['meeting-over', 'meeting-missing', 'browser-unsupported', 'webrtc-missing', 'codec-unsupported', 'insecure-context'] as const),
];

export function exitActionOf(screen: Screen): ExitAction | undefined {
  switch (screen.name) {
    case 'ended':
      return AFTER_END[screen.cause];
    case 'failed':
      return afterError(screen.error.code);
    case 'missing':
      return screen.mayAppear ? TRY_AGAIN : undefined;
    default:
      return undefined;
  }
}

function afterError(code: ErrorCode): ExitAction | undefined {
  if (FINAL_ERRORS.includes(code)) return undefined;
  return code === 'answer-malformed' ? RELOAD : TRY_AGAIN;
}
