/** What the media side needs of signaling, typed by the generated messages. */

import type { ClientRequest } from '../../generated/messages';

type Method = ClientRequest['method'];
type Payload<M extends Method> = Extract<ClientRequest, { method: M }>['data'];

/** Requests that this client makes; the others of the protocol go out as notifications. */
type RequestMethod =
  | 'getRouterRtpCapabilities'
  | 'createWebRtcTransport'
  | 'connectWebRtcTransport'
  | 'restartIce'
  | 'join'
  | 'produce';

type NotificationMethod = 'closeProducer' | 'pauseProducer' | 'resumeProducer' | 'changeDisplayName';

export interface Requester {
  request<M extends RequestMethod>(method: M, data: Payload<M>): Promise<unknown>;
  notify<M extends NotificationMethod>(method: M, data: Payload<M>): void;
}
