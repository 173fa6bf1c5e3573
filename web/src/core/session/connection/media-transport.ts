/** One WebRTC transport of a connection: created through signaling, repaired by ICE restarts, closed with its scope. */

import type { types } from 'mediasoup-client';
import type { Direction, TransportAnswer } from '../../../generated/messages';
import { ConveneError } from '../../errors';
import type { Log } from '../../log';
import type { Scope } from '../../scope';
import { decodeIceParameters, decodeTransport } from '../../signaling/decode';
import type { Requester } from '../../signaling/requester';
import type { Route } from './route';
import { CONNECT_LIMIT_MS, repair, RESTART_GRACE_MS, type RepairEffect, type RepairEvent, type RepairState } from './ice-repair';

const EARLY = 'early';
/** mediasoup has 1024 streams by default. */
const LAST_STREAM = 1023;

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
  if (context.scope.ended) throw new ConveneError('connection-closed', 'the connection was closed while a transport was created');
  const options = { ...optionsFrom(answer), iceServers: context.iceServers };
  const transport = direction === 'producer' ? context.device.createSendTransport(options) : context.device.createRecvTransport(options);
  context.scope.onEnd(() => transport.close());
  wireSignaling(transport, context);
  return { transport, restartIce: keepConnected(transport, direction, context) };
}

/**
 * Establishes ICE and DTLS although there is no media yet: with a data channel that is never announced and carries nothing. The
 * server knows the SCTP association, but no stream of it.
 */
export function connectEarly(transport: types.Transport, log: Log): void {
  const channel = transport.direction === 'send' ? transport.produceData({ label: EARLY }) : receiveEarly(transport);
  channel.catch((error: unknown) => {
    if (!transport.closed) log.info('could not connect a transport early', error);
  });
}

/** The server numbers its streams from 0. */
function receiveEarly(transport: types.Transport): Promise<types.DataConsumer> {
  return transport.consumeData({ id: EARLY, dataProducerId: EARLY, label: EARLY, sctpStreamParameters: { streamId: LAST_STREAM, ordered: true } });
}

function optionsFrom(answer: TransportAnswer): types.TransportOptions {
  const { transportId: id, iceParameters, iceCandidates, dtlsParameters, sctpParameters } = answer;
  const options = { id, iceParameters, iceCandidates, dtlsParameters };
  return sctpParameters ? { ...options, sctpParameters } : options;
}

/** mediasoup-client requests by events; each is answered with the server's response. */
function wireSignaling(transport: types.Transport, { signaling, log, onBroken }: TransportContext): void {
  const transportId = transport.id;
  transport.on('connect', ({ dtlsParameters }, done) => {
    signaling.request('connectWebRtcTransport', { transportId, dtlsParameters }).catch((error: unknown) => {
      if (transport.closed) return;
      log.warn('could not connect a transport', error);
      onBroken();
    });
    // The browser need not wait: its first packets are answered, and repeated if they overtake the request.
    done();
  });
  // Of `connectEarly`: the server never learns of this channel.
  transport.on('producedata', (_parameters, done) => done({ id: EARLY }));
  // Streams are announced by `Outgoing`, all at once: the library would negotiate one only after the server has answered for the other.
  let count = 0;
  transport.on('produce', (_parameters, done) => done({ id: `local-${String((count += 1))}` }));
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
