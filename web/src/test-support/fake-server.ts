/** A fake media pod for tests: answers the join sequence, and sends what the test wants. */

import { testFakeParameters } from 'mediasoup-client';
import type { JsonRecord } from '../core/signaling/json';
import { RequestRefused } from '../core/signaling/protoo';
import { FakeSocket } from './fake-socket';

export class FakeServer {
  readonly sockets: FakeSocket[] = [];
  /** Responses by method; a test may replace them. Undefined leaves the request unanswered, an Error rejects it: with 500, or the code of a RequestRefused. */
  readonly answers: Record<string, (data: JsonRecord) => unknown> = {
    getRouterRtpCapabilities: () => ({ routerRtpCapabilities: testFakeParameters.generateRouterRtpCapabilities() }),
    createWebRtcTransport: () => {
      const { id, ...parameters } = testFakeParameters.generateTransportRemoteParameters();
      return { id, transportId: id, ...parameters };
    },
    connectWebRtcTransport: () => ({}),
    restartIce: () => ({ iceParameters: { usernameFragment: 'u', password: 'p' } }),
    join: () => ({ peers: [] }),
    produce: ({ kind }) => ({ producerId: `producer-of-${String(kind)}` }),
    getChatHistory: () => ({ messages: [] }),
  };

  readonly openSocket = (url: string, protocol: string | string[]): FakeSocket => {
    const socket = new FakeSocket(url, protocol);
    socket.onSent = (message) => this.#answer(socket, message);
    this.sockets.push(socket);
    return socket;
  };

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('no socket was opened');
    return socket;
  }

  /** All requests and notifications of the client, over all connections. */
  sent(method: string): JsonRecord[] {
    return this.sockets.flatMap(({ sent }) => sent).filter((message) => message['method'] === method);
  }

  notifies(method: string, data: JsonRecord): void {
    this.socket.serverSends({ notification: true, method, data });
  }

  offersConsumer(id: number, data: JsonRecord): void {
    this.socket.serverSends({ request: true, id, method: 'newConsumer', data });
  }

  /** The client's response to the server's request with this id. */
  answerTo(id: number): JsonRecord | undefined {
    return this.socket.sent.find((message) => message['response'] === true && message['id'] === id);
  }

  #answer(socket: FakeSocket, { request, id, method, data }: JsonRecord): void {
    if (request !== true) return;
    const answer = this.answers[String(method)]?.(data as JsonRecord);
    if (answer === undefined) return;
    queueMicrotask(() => {
      socket.serverSends({ response: true, id, ...(answer instanceof Error ? refusalOf(answer) : { ok: true, data: answer }) });
    });
  }
}

function refusalOf(error: Error): JsonRecord {
  const [errorCode, errorReason] = error instanceof RequestRefused ? [error.errorCode, error.reason] : [500, error.message];
  return { ok: false, errorCode, errorReason };
}

/** A `newConsumer` as the media pod sends it. */
export function consumerOffer(peerId: string, kind: 'audio' | 'video', consumerId = `${peerId}-${kind}`): JsonRecord {
  const { rtpParameters } = testFakeParameters.generateConsumerRemoteParameters({
    codecMimeType: kind === 'audio' ? 'audio/opus' : 'video/VP8',
  });
  return {
    peerId,
    consumerId,
    id: consumerId,
    transportId: 'transport',
    producerId: `producer-${consumerId}`,
    kind,
    rtpParameters,
    type: 'simple',
    producerPaused: false,
    appData: { peerId, source: kind },
  };
}
