/** Whether this page and this browser support calls at all. Pure: the environment is passed in. */

import { reachesLoopback } from '../browser';
import { ConveneError } from '../errors';

export interface Environment {
  isSecureContext: boolean;
  hasPeerConnection: boolean;
  hasMediaDevices: boolean;
  /** Whether media can be sent to loopback addresses. */
  reachesLoopback: boolean;
  /** Whether the user has asked the browser to save data. */
  savesData: boolean;
}

export function readEnvironment(): Environment {
  return {
    isSecureContext: globalThis.isSecureContext,
    hasPeerConnection: 'RTCPeerConnection' in globalThis,
    hasMediaDevices: 'mediaDevices' in navigator,
    reachesLoopback: reachesLoopback(navigator.userAgent),
    savesData: (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true,
  };
}

/** The reason this browser cannot make calls; undefined if it can. */
export function callProblem({ hasPeerConnection }: Environment): ConveneError | undefined {
  return hasPeerConnection ? undefined : new ConveneError('webrtc-missing', 'RTCPeerConnection is not supported');
}

/** The reason this page cannot use camera and microphone; undefined if it can. Joining to watch and listen still works. */
export function captureProblem({ isSecureContext, hasMediaDevices }: Environment): ConveneError | undefined {
  if (!isSecureContext) return new ConveneError('insecure-context', 'the page is not a secure context');
  if (!hasMediaDevices) return new ConveneError('webrtc-missing', 'navigator.mediaDevices is not supported');
  return undefined;
}
