/** The way into a meeting: where the WebSocket goes, with what it identifies itself, and which servers help media through. Pure. */

import type { types } from 'mediasoup-client';

export interface Route {
  url: string;
  /** A short-lived ticket that goes along as a subprotocol: never in the address, which ends up in logs. */
  ticket: string | undefined;
  iceServers: NonNullable<types.TransportOptions['iceServers']>;
}

/**
 * Gives the way for the next attempt: at once where it is known already. A ConveneError says that there is none.
 * `isRefused` says that no socket opened on the way before: its ticket may be the reason.
 */
export type RouteFinder = (last: { isRefused: boolean }) => Route | Promise<Route>;

const PROTOO = 'protoo';
const TICKET_PREFIX = 'convene.token.';

export function subprotocolsOf({ ticket }: Route): string | string[] {
  return ticket === undefined ? PROTOO : [PROTOO, `${TICKET_PREFIX}${ticket}`];
}

/** A way without a ticket, the same for every attempt. */
export function openRoute(url: string): Route {
  return { url, ticket: undefined, iceServers: [] };
}
