/** A session whose meeting moves from one fake server to another. */

import { consumerOffer } from './fake-server';
import type { FakeSocket } from './fake-socket';
import { joined, settle, type Setup } from './session-setup';
import type { RoomEvent } from '../core/session/events';
import type { SessionOptions } from '../core/session/session';

export interface MovingSetup extends Setup {
  /** Of the server that is left. */
  old: FakeSocket;
}

export const methods = (socket: FakeSocket): unknown[] => socket.sent.map(({ method }) => method);
export const notifies = (socket: FakeSocket, method: string, data: object = {}): void => socket.serverSends({ notification: true, method, data });
export const offers = (socket: FakeSocket, peerId: string, consumerId: string, kind: 'audio' | 'video' = 'audio'): void =>
  socket.serverSends({ request: true, id: 1, method: 'newConsumer', data: consumerOffer(peerId, kind, consumerId) });
export const roomEvents = ({ events }: Setup): RoomEvent[] => events.filter((one): one is RoomEvent => one.type !== 'connection');

/** The kinds of the streams that were announced to a server. */
export const produced = (socket: FakeSocket): string[] =>
  socket.sent
    .filter(({ method }) => method === 'produce')
    .map(({ data }) => (data as { kind: string }).kind)
    .sort();

/** In a call that is asked to move. */
export async function asked(change: Partial<SessionOptions> = {}, notice: object = { deadlineSeconds: 10, ticket: 'lent' }): Promise<MovingSetup> {
  const setup = await joined(false, change);
  const old = setup.server.socket;
  notifies(old, 'newPeer', { peer: { peerId: 'ben', displayName: 'Ben', device: {} } });
  offers(old, 'ben', 'old-audio');
  await settle();
  setup.events.length = 0;
  notifies(old, 'moving', notice);
  await settle();
  return { ...setup, old };
}

/** The next server has accepted the client as well. */
export async function onBoth(change: Partial<SessionOptions> = {}): Promise<MovingSetup> {
  const setup = await asked(change);
  setup.server.socket.serverOpens();
  await settle();
  return setup;
}
