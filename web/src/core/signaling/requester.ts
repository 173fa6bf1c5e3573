/** What the media side needs of signaling, typed by the generated messages. */

import type { ClientRequest, Device } from '../../generated/messages';
import type { RoomRequests } from './room-messages';

type Generated<M extends ClientRequest['method']> = Extract<ClientRequest, { method: M }>['data'];

/** Requests that this client makes; the others of the protocol go out as notifications. */
type MediaRequest =
  | 'getRouterRtpCapabilities'
  | 'createWebRtcTransport'
  | 'connectWebRtcTransport'
  | 'restartIce'
  | 'join'
  | 'produce'
  | 'getChatHistory';

type Requests = { [M in MediaRequest]: Generated<M> } & RoomRequests & { knock: { displayName: string; device: Device } };

type NotificationMethod =
  | 'closeProducer'
  | 'pauseProducer'
  | 'resumeProducer'
  | 'changeDisplayName'
  | 'pauseConsumer'
  | 'resumeConsumer'
  | 'setConsumerPreferredLayers'
  | 'setConsumerPriority';

export interface Requester {
  request<M extends keyof Requests>(method: M, data: Requests[M]): Promise<unknown>;
  notify<M extends NotificationMethod>(method: M, data: Generated<M>): void;
}
