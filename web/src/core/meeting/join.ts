/**
 * Joins through the router: a join token is exchanged for a ticket, which is renewed before it expires. A guest sends the last ticket
 * instead: it identifies the same guest to the router even without cookies. So does a participant whose join
 * token has expired during the call.
 *
 * While a meeting moves to another pod, the pod that it leaves vouches for its participants with tickets of its own. They are the last resort, and not
 * kept: they cannot be renewed for the identity of the original one.
 *
 * A standalone media pod has no such API; then signaling goes to the page's own host.
 */

import { ConveneError, type ErrorCode } from '../errors';
import type { MeetingAddress } from './meeting';
import { openRoute, type Route, type RouteFinder } from '../session/connection/route';
import { isRecord, isText, type JsonRecord } from '../signaling/json';

/** A ticket that expires this soon is not used: connecting takes time, and clocks differ. */
const SPARE_MS = 10_000;

/** Stores the last ticket for this tab, so that it survives a reload. */
export interface TicketStore {
  load(): string | undefined;
  save(ticket: string): void;
}

export interface JoinOptions {
  address: MeetingAddress;
  /** Signaling URL with the peer id, for servers without a join API. */
  openUrl: string;
  peerId: string;
  joinToken: string | undefined;
  /** Undefined where the browser forbids storage. */
  tickets?: TicketStore | undefined;
  fetchFrom?: typeof fetch;
  now?: () => number;
}

/** A route and when its ticket expires. */
interface Ticket {
  route: Route;
  expiresAt: number;
}

export function routeFinder(options: JoinOptions): RouteFinder {
  const { address, openUrl, now = Date.now } = options;
  // Names without a namespace exist only on standalone pods.
  if (!address.rest.includes('/')) return () => openRoute(openUrl);
  let held: Ticket | undefined;
  return ({ isRefused, ticket: lent }) => {
    if (held !== undefined && !isRefused && held.expiresAt - SPARE_MS > now()) return held.route;
    return requestTicket(options, { last: held?.route.ticket, lent }).then(({ ticket, isLent }) => {
      if (!isLent) held = ticket;
      return ticket.route;
    });
  };
}

interface Credentials {
  /** The ticket of the last connection. */
  last: string | undefined;
  /** The one that a pod gave to a client that it sends to another one. */
  lent: string | undefined;
}

async function requestTicket(options: JoinOptions, { last: held, lent }: Credentials): Promise<{ ticket: Ticket; isLent: boolean }> {
  const { response, isLent } = await answerTo(options, { last: held ?? options.tickets?.load(), lent });
  if (hasNoJoinApi(response)) return { ticket: { route: openRoute(options.openUrl), expiresAt: Infinity }, isLent };
  const body: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw joinProblem(response, isRecord(body) ? body : {}, options.now ?? Date.now);
  const ticket = ticketOf(body, options.peerId);
  if (ticket.route.ticket !== undefined && !isLent) options.tickets?.save(ticket.route.ticket);
  return { ticket, isLent };
}

/**
 * The token is tried first: it may grant something else by now. Then the ticket of the last connection, then the one that was lent. If all are
 * rejected (too old, or of an earlier meeting with this name), joins as a new guest, or the token's error is reported.
 */
async function answerTo(options: JoinOptions, { last, lent }: Credentials): Promise<{ response: Response; isLent: boolean }> {
  const { joinToken } = options;
  const own = [joinToken, last].filter((one) => one !== undefined);
  let refusal: Response | undefined;
  for (const credential of [...own, ...(lent === undefined ? [] : [lent])]) {
    const response = await post(options, credential);
    if (response.ok || (refusal === undefined && response.status !== 401)) return { response, isLent: credential === lent };
    refusal ??= response;
  }
  const response = joinToken === undefined || refusal === undefined ? await post(options, undefined) : refusal;
  return { response, isLent: false };
}

async function post({ address, fetchFrom = fetch }: JoinOptions, credential: string | undefined): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }) };
  try {
    return await fetchFrom(`/api/v1/meetings/${address.rest}/join`, { method: 'POST', headers, body: '{}' });
  } catch (error) {
    throw new ConveneError('server-unreachable', 'could not send the join request', { cause: error });
  }
}

/** The router's errors are problem documents; any other answer means that the server has no join API. */
function hasNoJoinApi(response: Response): boolean {
  const isProblem = response.headers.get('content-type')?.includes('problem+json') ?? false;
  return (response.status === 404 || response.status === 405) && !isProblem;
}

function ticketOf(body: unknown, peerId: string): Ticket {
  if (!isRecord(body) || !isText(body['signalingUrl']) || !isText(body['token'])) {
    throw new ConveneError('answer-malformed', 'could not parse the response to the join request');
  }
  const { signalingUrl, token, iceServers, expiresAt } = body;
  return {
    route: {
      url: withPeerId(signalingUrl, peerId),
      ticket: token,
      iceServers: Array.isArray(iceServers) ? (iceServers as unknown[]).filter(isIceServer) : [],
    },
    expiresAt: momentOf(expiresAt),
  };
}

function withPeerId(signalingUrl: string, peerId: string): string {
  return `${signalingUrl}${signalingUrl.includes('?') ? '&' : '?'}peerId=${encodeURIComponent(peerId)}`;
}

function isIceServer(value: unknown): value is Route['iceServers'][number] {
  const urls = isRecord(value) ? value['urls'] : undefined;
  return isText(urls) || (Array.isArray(urls) && urls.every(isText));
}

/** RFC 3339 or seconds since 1970; a ticket whose expiry cannot be parsed is used once. */
function momentOf(expiresAt: unknown): number {
  if (typeof expiresAt === 'number') return expiresAt * 1000;
  const moment = isText(expiresAt) ? Date.parse(expiresAt) : NaN;
  return Number.isNaN(moment) ? 0 : moment;
}

/** The last segment of a problem's type is more specific than the status. */
const PROBLEMS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/expired/u, 'token-expired'],
  [/(token-required|token-missing|unauthenticated)/u, 'token-required'],
  [/token/u, 'token-invalid'],
  [/(ended|over)$/u, 'meeting-over'],
];

const STATUSES: Readonly<Record<number, ErrorCode>> = {
  400: 'meeting-missing',
  401: 'token-required',
  403: 'access-refused',
  404: 'meeting-missing',
  409: 'meeting-busy',
  410: 'meeting-over',
  413: 'join-refused',
  429: 'meeting-busy',
};

function joinProblem({ status, headers }: Response, { type, reason, detail }: JsonRecord, now: () => number): ConveneError {
  const kind = `${isText(type) ? (type.split('/').at(-1) ?? '') : ''} ${isText(reason) ? kebab(reason) : ''}`.trim();
  const known = status < 500 ? PROBLEMS.find(([pattern]) => pattern.test(kind))?.[1] : undefined;
  const code = known ?? STATUSES[status] ?? (status >= 500 ? 'meeting-waits' : 'server-unreachable');
  const retryAfterMs = retryAfterOf(headers.get('retry-after'), now);
  return new ConveneError(code, isText(detail) ? detail : `the join request was answered with ${status}`, { retryAfterMs });
}

/** `Retry-After`: seconds or a date. */
function retryAfterOf(value: string | null, now: () => number): number | undefined {
  if (value === null || value.trim() === '') return undefined;
  const seconds = Number(value);
  const waitMs = Number.isNaN(seconds) ? Date.parse(value) - now() : seconds * 1000;
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

function kebab(word: string): string {
  return word.replace(/(?!^)([A-Z])/gu, '-$1').toLowerCase();
}
