/** One WebRTC transport of a connection: created through signaling, repaired by ICE restarts, closed with its scope. */

import type { types } from 'mediasoup-client';
import type { Direction, Source, TransportAnswer } from '../../../generated/messages';
import type { Log } from '../../log';
import type { Scope } from '../../scope';
import { decodeIceParameters, decodeProduce, decodeTransport } from '../../signaling/decode';
import type { Requester } from '../../signaling/requester';
import type { Route } from './route';
import { CONNECT_LIMIT_MS, repair, RESTART_GRACE_MS, type RepairEffect, type RepairEvent, type RepairState } from './ice-repair';

export interface TransportContext {
  device: types.Device;
  iceServers: Route['iceServers'];
  signaling: Requester;
  scope: Scope;
  /** The lifetime of repairs: ends with signaling, which they need. */
  repairing: Scope;
  log: Log;
  onConnected: (direction: Direction) => void;
  /** Called when media is interrupted and being repaired, and when it is back. */
  onRepairing: (direction: Direction) => void;
  onBroken: () => void;
}

export interface RepairedTransport {
  transport: types.Transport;
  /** Restarts ICE although the connection seems fine. */
  restartIce: () => void;
}

export async function createTransport(direction: Direction, context: TransportContext): Promise<RepairedTransport> {
  const answer = decodeTransport(await context.signaling.request('createWebRtcTransport', { forceTcp: false, appData: { direction } }));
  const options = { ...optionsFrom(answer), iceServers: context.iceServers };
  const transport = direction === 'producer' ? context.device.createSendTransport(options) : context.device.createRecvTransport(options);
  context.scope.onEnd(() => transport.close());
  wireSignaling(transport, context);
  return { transport, restartIce: keepConnected(transport, direction, context) };
}

function optionsFrom(answer: TransportAnswer): types.TransportOptions {
  const { transportId: id, iceParameters, iceCandidates, dtlsParameters, sctpParameters } = answer;
  const options = { id, iceParameters, iceCandidates, dtlsParameters };
  return sctpParameters ? { ...options, sctpParameters } : options;
}

/** mediasoup-client requests by events; each is answered with the server's response. */
function wireSignaling(transport: types.Transport, { signaling }: TransportContext): void {
  const transportId = transport.id;
  transport.on('connect', ({ dtlsParameters }, done, fail) => {
    signaling.request('connectWebRtcTransport', { transportId, dtlsParameters }).then(() => done(), fail);
  });
  transport.on('produce', ({ kind, rtpParameters, appData }, done, fail) => {
    signaling
      .request('produce', { transportId, kind, rtpParameters, appData: { source: appData['source'] as Source } })
      .then((answer) => done({ id: decodeProduce(answer).producerId }))
      .catch((error: unknown) => fail(error as Error));
  });
}

/** Carries out what `repair` decides. Returns a function that reports silence. */
function keepConnected(transport: types.Transport, direction: Direction, context: TransportContext): () => void {
  const { signaling, repairing, log } = context;
  let state: RepairState = 'healthy';
  let timer: ReturnType<typeof setTimeout> | undefined;

  const restart = async (): Promise<void> => {
    const answer = decodeIceParameters(await signaling.request('restartIce', { transportId: transport.id }));
    await transport.restartIce({ iceParameters: answer.iceParameters });
    advance('restarted');
  };
  const startTimer = (ms: number): void => {
    timer = setTimeout(() => advance('timeOver'), ms);
  };
  const run: Record<RepairEffect, () => void> = {
    restartIce: () => {
      log.info(`the ${transport.direction} transport is ${transport.connectionState}: restarting ICE`);
      restart().catch((error: unknown) => {
        log.warn('could not restart ICE', error);
        advance('restartRefused');
      });
    },
    startLimit: () => startTimer(CONNECT_LIMIT_MS),
    startGrace: () => startTimer(RESTART_GRACE_MS),
    stopTimer: () => clearTimeout(timer),
    reportRepairing: () => context.onRepairing(direction),
    reportConnected: () => context.onConnected(direction),
    reportBroken: () => context.onBroken(),
  };
  const advance = (event: RepairEvent): void => {
    if (repairing.ended) return;
    const next = repair(state, event);
    state = next.state;
    for (const effect of next.effects) run[effect]();
  };

  repairing.onEnd(() => clearTimeout(timer));
  transport.on('connectionstatechange', (connectionState) => {
    if (connectionState !== 'new' && connectionState !== 'closed') advance(connectionState);
  });
  return () => advance('silent');
}
