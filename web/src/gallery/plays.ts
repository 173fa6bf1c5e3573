/** Actions of a scene after the preview is shown. */

import { ConveneError } from '../core/errors';
import { trackOf } from '../core/media/local-media';
import type { EndCause } from '../core/session/close-reason';
import type { SessionEvent } from '../core/session/events';
import type { AppModel } from '../state/app/app-model';
import type { CallModel } from '../state/call/call-model';
import { others } from './events';
import { ODD_NAMES } from './people';
import type { Found, Play, Scene, SceneContext } from './scene';

/** Joins the call and emits the events. */
export function inCall(count: number, ...events: SessionEvent[]): Play {
  return ({ model, session }) => {
    model.join();
    session.emit(...others(count), ...events);
  };
}

export function withOddNames(...events: SessionEvent[]): Play {
  return ({ model, session }) => {
    model.join();
    session.emit(...others(ODD_NAMES.length, ODD_NAMES), ...events);
  };
}

export function then(play: Play, act: (call: CallModel, context: SceneContext) => void): Play {
  return (context) => {
    play(context);
    const { call } = context.model.state.get();
    if (call !== undefined) act(call, context);
  };
}

/** As by a phone call or a switch on the device. */
export function interrupt(model: AppModel): void {
  const track = trackOf(model.state.get().local.microphone);
  if (track === undefined) return;
  Object.defineProperty(track, 'muted', { value: true });
  track.dispatchEvent(new Event('mute'));
}

export const ended = (cause: EndCause): Scene => ({
  play: ({ model, session }) => {
    model.join();
    session.emit({ type: 'connection', connection: { status: 'closed', cause, reason: '' } });
  },
});

export const failed = (code: ConveneError['code']): Scene => ({
  play: ({ model, session }) => {
    model.join();
    session.emit({ type: 'connection', connection: { status: 'failed', error: new ConveneError(code, 'for the gallery') } });
  },
});

export const waitingFor = (reason: string, message: string): Found => ({ isReady: false, waitingFor: { reason, message } });
