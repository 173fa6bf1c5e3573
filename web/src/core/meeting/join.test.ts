import { describe, expect, it, vi } from 'vitest';
import { ConveneError } from '../errors';
import { routeFinder, type JoinOptions } from './join';
import { takeJoinToken, ticketStore } from './join-token';
import { openRoute, subprotocolsOf, type RouteFinder } from '../session/connection/route';

const OPEN_URL = 'wss://meet.example/signal/team-a/stand-up?peerId=abcdefgh';
const GRANTED = {
  signalingUrl: 'wss://meet.example/signal/team-a/stand-up',
  token: 'ticket-1',
  iceServers: [{ urls: ['stun:stun.example'] }],
  expiresAt: '2026-01-01T00:01:00Z',
};
const START = Date.parse('2026-01-01T00:00:00Z');
const first = { isRefused: false };

const json = (body: unknown, status = 200, type = 'application/json'): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': type } });

function finder(answer: () => Response | Promise<Response>, change: Partial<JoinOptions> = {}): { find: RouteFinder; asked: ReturnType<typeof vi.fn> } {
  const asked = vi.fn<typeof fetch>(() => Promise.resolve().then(answer));
  const find = routeFinder({
    address: { rest: 'team-a/stand-up' },
    openUrl: OPEN_URL,
    peerId: 'abcdefgh',
    joinToken: 'join-token',
    fetchFrom: asked,
    now: () => START,
    ...change,
  });
  return { find, asked };
}

const codeOf = async (find: RouteFinder): Promise<string> => {
  try {
    await find(first);
    return 'no error';
  } catch (error) {
    return error instanceof ConveneError ? error.code : 'another error';
  }
};

describe('joining through the router', () => {
  it('exchanges the join token for a ticket, which is sent as a subprotocol and never in the URL', async () => {
    const { find, asked } = finder(() => json(GRANTED));
    const route = await find(first);
    expect(asked).toHaveBeenCalledWith(
      '/api/v1/meetings/team-a/stand-up/join',
      expect.objectContaining({ method: 'POST', headers: { 'content-type': 'application/json', authorization: 'Bearer join-token' } }),
    );
    expect(route).toEqual({ url: OPEN_URL, ticket: 'ticket-1', iceServers: GRANTED.iceServers });
    expect(subprotocolsOf(route)).toEqual(['protoo', 'convene.token.ticket-1']);
  });

  it('sends no authorization for a guest', async () => {
    const { find, asked } = finder(() => json(GRANTED), { joinToken: undefined });
    await find(first);
    expect(asked.mock.calls[0]?.[1]).toMatchObject({ headers: { 'content-type': 'application/json' } });
  });

  it('sends the last ticket of a guest again, also after a reload', async () => {
    const stored = new Map<string, string>();
    const tickets = ticketStore(
      { pathname: '/m/team-a/stand-up' },
      { getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => stored.set(key, value) },
    );
    const { find, asked } = finder(() => json(GRANTED), { joinToken: undefined, tickets });
    await find(first);
    await find({ isRefused: true });
    const { find: reloaded, asked: again } = finder(() => json(GRANTED), { joinToken: undefined, tickets });
    await reloaded(first);
    const shown = [...asked.mock.calls, ...again.mock.calls].map((call) => (call[1] as { headers: Record<string, string> }).headers['authorization']);
    expect(shown).toEqual([undefined, 'Bearer ticket-1', 'Bearer ticket-1']);
    expect([...stored.values()]).toEqual(['ticket-1']);
  });

  it('is a new guest if the last ticket is rejected', async () => {
    const saved: string[] = [];
    const tickets = { load: () => 'old', save: (ticket: string) => saved.push(ticket) };
    const answers = [json({ type: 'x/ticket-expired' }, 401, 'application/problem+json'), json(GRANTED)];
    const { find, asked } = finder(() => answers.shift() ?? json({}), { joinToken: undefined, tickets });
    expect((await find(first)).ticket).toBe('ticket-1');
    expect(asked.mock.calls[1]?.[1]).toMatchObject({ headers: { 'content-type': 'application/json' } });
    expect(saved).toEqual(['ticket-1']);
  });

  it('rejoins with the last ticket if the join token has expired, also after a reload', async () => {
    const stored = new Map<string, string>();
    const storage = { getItem: (key: string) => stored.get(key) ?? null, setItem: (key: string, value: string) => stored.set(key, value) };
    const tickets = ticketStore({ pathname: '/m/team-a/stand-up' }, storage, 'join-token');
    let hasExpired = false;
    const credentialOf = (init: RequestInit | undefined): string => new Headers(init?.headers).get('authorization') ?? '';
    const fetchFrom: typeof fetch = (_, init) =>
      Promise.resolve(
        hasExpired && credentialOf(init) === 'Bearer join-token' ? json({ type: 'x/token-expired' }, 401, 'application/problem+json') : json(GRANTED),
      );
    const { find } = finder(() => json({}), { tickets, fetchFrom });
    await find(first);
    hasExpired = true;
    expect((await find({ isRefused: true })).ticket).toBe('ticket-1');
    expect((await finder(() => json({}), { tickets, fetchFrom }).find(first)).ticket).toBe('ticket-1');
    const another = ticketStore({ pathname: '/m/team-a/stand-up' }, storage, 'another-token');
    expect(another?.load()).toBeUndefined();
  });

  it('reports the token if both it and the last ticket are rejected', async () => {
    const answers = ['x/token-expired', 'x/ticket-expired'];
    const { find } = finder(() => json({ type: answers.shift() }, 401, 'application/problem+json'), { tickets: { load: () => 'old', save: () => undefined } });
    expect(await codeOf(find)).toBe('token-expired');
  });

  it('uses the ticket that a pod has lent when its own credentials are rejected, once, and keeps its own', async () => {
    const kept: string[] = [];
    const tickets = { load: () => 'own-ticket', save: (ticket: string) => kept.push(ticket) };
    const sent = (): string[] => asked.mock.calls.map((call) => (call[1] as { headers: { authorization: string } }).headers.authorization);
    const { find, asked } = finder(() => (sent().at(-1) === 'Bearer lent-ticket' ? json(GRANTED) : json({ type: 'token-expired' }, 401)), { tickets });
    const route = await find({ isRefused: false, ticket: 'lent-ticket' });
    expect(route.ticket).toBe('ticket-1');
    expect(sent()).toEqual(['Bearer join-token', 'Bearer own-ticket', 'Bearer lent-ticket']);
    expect(kept).toEqual([]);
    await expect(find(first)).rejects.toMatchObject({ code: 'token-expired' });
  });

  it('does not need the ticket that a pod has lent as long as its own credentials are accepted', async () => {
    const { find, asked } = finder(() => json(GRANTED));
    await find({ isRefused: false, ticket: 'lent-ticket' });
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it('keeps the ticket for reconnects, and requests a new one before it expires or when it was rejected', async () => {
    let now = START;
    const { find, asked } = finder(() => json(GRANTED), { now: () => now });
    await find(first);
    expect(find(first)).not.toBeInstanceOf(Promise);
    now += 51_000;
    await find(first);
    expect(asked).toHaveBeenCalledTimes(2);
    now = START;
    await find({ isRefused: true });
    expect(asked).toHaveBeenCalledTimes(3);
  });

  it('connects directly to a standalone pod', async () => {
    const { find, asked } = finder(() => json({}), { address: { rest: 'hello' } });
    expect(find(first)).toEqual(openRoute(OPEN_URL));
    expect(asked).not.toHaveBeenCalled();
    const { find: withNamespace } = finder(() => new Response('not found', { status: 404 }));
    expect(await withNamespace(first)).toEqual(openRoute(OPEN_URL));
    expect(withNamespace(first)).toEqual(openRoute(OPEN_URL));
  });

  it.each([
    [404, 'meeting-not-found', undefined, 'meeting-missing'],
    [401, 'token-required', undefined, 'token-required'],
    [401, 'token-expired', undefined, 'token-expired'],
    [401, 'token-invalid', undefined, 'token-invalid'],
    [403, 'token-refused', 'TokenExpired', 'token-expired'],
    [403, 'forbidden', undefined, 'access-refused'],
    [410, 'meeting-ended', undefined, 'meeting-over'],
    [503, 'held-too-long', 'PoolFull', 'meeting-waits'],
    [409, 'conflict', undefined, 'meeting-busy'],
    [413, 'too-large', undefined, 'join-refused'],
    [429, 'too-many-requests', undefined, 'meeting-busy'],
  ])('a rejection with %i %s %s means %s', async (status, type, reason, code) => {
    const problem = { type: `https://convene.dev/problems/${type}`, status, detail: 'no', ...(reason === undefined ? {} : { reason }) };
    expect(await codeOf(finder(() => json(problem, status, 'application/problem+json')).find)).toBe(code);
  });

  it.each([
    ['7', 7000],
    ['0', 0],
    [new Date(START + 4000).toUTCString(), 4000],
    [new Date(START - 4000).toUTCString(), 0],
    ['soon', undefined],
    [null, undefined],
  ])('a rejection with Retry-After %s is retried in %s ms', async (value, retryAfterMs) => {
    const headers = { 'content-type': 'application/problem+json', ...(value === null ? {} : { 'retry-after': value }) };
    const { find } = finder(() => new Response('{"status":429}', { status: 429, headers }));
    await expect(find(first)).rejects.toMatchObject({ code: 'meeting-busy', retryAfterMs });
  });

  it.each<[string, () => Response | Promise<Response>, string]>([
    ['a network that is gone', () => Promise.reject(new TypeError('offline')), 'server-unreachable'],
    ['no JSON', () => new Response('<html>'), 'answer-malformed'],
    ['no ticket', () => json({ signalingUrl: 'wss://x' }), 'answer-malformed'],
  ])('%s', async (_case, answer, code) => expect(await codeOf(finder(answer).find)).toBe(code));

  it('invalid ICE servers are skipped', async () => {
    const { find } = finder(() => json({ ...GRANTED, iceServers: [{ urls: 7 }, 'x', { urls: 'turn:t' }] }));
    expect((await find(first)).iceServers).toEqual([{ urls: 'turn:t' }]);
  });
});

describe('the join token in the URL', () => {
  const take = (hash: string, stored = new Map<string, string>()): { token: string | undefined; shown: string[]; stored: Map<string, string> } => {
    const shown: string[] = [];
    const token = takeJoinToken({
      place: { hash, pathname: '/m/team-a/stand-up', search: '?x=1' },
      replaceAddress: (address) => shown.push(address),
      storage: { getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => stored.set(key, value) },
    });
    return { token, shown, stored };
  };

  it('is removed from the URL at once, and survives a reload of the tab', () => {
    const { token, shown, stored } = take('#token=a.b-c_d&theme=dark');
    expect([token, shown]).toEqual(['a.b-c_d', ['/m/team-a/stand-up?x=1#theme=dark']]);
    expect(take('', stored)).toMatchObject({ token: 'a.b-c_d', shown: [] });
  });

  it.each(['', '#', '#theme=dark'])('is missing in %j', (hash) => expect(take(hash).token).toBeUndefined());

  it('counts as missing if it is empty, and is removed too', () =>
    expect(take('#token=')).toMatchObject({ token: undefined, shown: ['/m/team-a/stand-up?x=1'] }));

  it('works without storage', () => {
    const place = { hash: '#token=t', pathname: '/m/x', search: '' };
    expect(takeJoinToken({ place, replaceAddress: () => undefined, storage: undefined })).toBe('t');
  });
});
