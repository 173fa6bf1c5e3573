/** The route into a meeting: the WebSocket's URL, its ticket and the ICE servers. Pure. */

import type { types } from 'mediasoup-client';

export interface Route {
  url: string;
  /** A short-lived ticket, sent as a subprotocol: never in the URL, which ends up in logs. */
  ticket: string | undefined;
  iceServers: NonNullable<types.TransportOptions['iceServers']>;
}

/**
 * Returns the route for the next attempt, synchronously if it is known already. Throws a ConveneError if there is none.
 * `isRefused` tells that no socket opened with the previous route: its ticket may be the reason. `ticket` is the one that a server gave to a
 * client whose meeting moves: for a client whose own one is no longer accepted.
 */
export type RouteFinder = (last: { isRefused: boolean; ticket?: string | undefined }) => Route | Promise<Route>;

const PROTOO = 'protoo';
const TICKET_PREFIX = 'convene.token.';

export function subprotocolsOf({ ticket }: Route): string | string[] {
  return ticket === undefined ? PROTOO : [PROTOO, `${TICKET_PREFIX}${ticket}`];
}

/** A route without a ticket, the same for every attempt. */
export function openRoute(url: string): Route {
  return { url, ticket: undefined, iceServers: [] };
}

/** The URL of a client that can be connected to two pods while its meeting moves. */
export function withMoves(url: string): string {
  return withParameter(url, 'moves=1');
}

/** The URL of a connection that the pod is to keep prepared: it enters the room with its join, not when it opens. */
export function withPreparation(url: string): string {
  return withParameter(url, 'prepare=1');
}

function withParameter(url: string, parameter: string): string {
  return `${url}${url.includes('?') ? '&' : '?'}${parameter}`;
}
