/** Whether this page and this browser can hold a call at all. Pure: what is there is passed in. */

import { reachesLoopback } from '../browser';
import { ConveneError } from '../errors';

export interface Environment {
  isSecureContext: boolean;
  hasPeerConnection: boolean;
  hasMediaDevices: boolean;
  /** Media can go to addresses of this machine, such as 127.0.0.1. */
  reachesLoopback: boolean;
}

export function readEnvironment(): Environment {
  return {
    isSecureContext: globalThis.isSecureContext,
    hasPeerConnection: 'RTCPeerConnection' in globalThis,
    hasMediaDevices: 'mediaDevices' in navigator,
    reachesLoopback: reachesLoopback(navigator.userAgent),
  };
}

/** What keeps this browser out of calls, if anything. */
export function callProblem({ hasPeerConnection }: Environment): ConveneError | undefined {
  return hasPeerConnection ? undefined : new ConveneError('webrtc-missing', 'RTCPeerConnection is not there');
}

/** What keeps camera and microphone from this page, if anything; one may still join, watch and listen. */
export function captureProblem({ isSecureContext, hasMediaDevices }: Environment): ConveneError | undefined {
  if (!isSecureContext) return new ConveneError('insecure-context', 'the page is not a secure context');
  if (!hasMediaDevices) return new ConveneError('webrtc-missing', 'navigator.mediaDevices is not there');
  return undefined;
}
