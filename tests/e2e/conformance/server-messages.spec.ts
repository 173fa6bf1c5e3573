// Requests and notifications of the media pod (sections 2.6 and 2.7 of the contract): one test per message and dialect.
import type { Dialect, Guest } from '../support/people/guest.ts';
import { ProtooClient } from '../support/protoo.ts';
import { waitUntil } from '../support/wait.ts';
import { consumerOf, seesAndHears, standsStill } from './evidence.ts';
import { expect, test } from './fixtures.ts';
import { type Meeting, meetingOfThisFile, other } from './meeting.ts';
import { type PerDialect, SERVER_NOTIFICATIONS, SERVER_REQUESTS, VERSION } from './messages.ts';
import { type Shape, assertShape } from './shape.ts';

const DIALECTS: readonly Dialect[] = ['L', 'T3'];

const meeting = meetingOfThisFile('server-messages');

type Data = Readonly<Record<string, unknown>>;
type Fits = (data: Data, meeting: Meeting, dialect: Dialect) => boolean;

/** Waits for a notification with that content, and returns it. */
async function notified(guest: Guest, method: string, fits: (data: Data) => boolean, since = 0): Promise<Data> {
  let found: Data | undefined;
  await waitUntil(`${guest.name} is notified of ${method}`, 20, () => {
    const all = guest.wire.notifications('received', method).filter(({ at }) => at >= since);
    found = all.map(({ data }) => data as Data).find(fits);
    return found === undefined ? `it received ${String(all.length)} others` : undefined;
  });
  return found as Data;
}

/** A participant without media, for notifications about peers. */
async function visitor({ pod, room }: Meeting): Promise<ProtooClient> {
  const client = await ProtooClient.connect(pod.demoUrl(room, 'visitor'));
  expect((await client.join('Visitor')).ok).toBe(true);
  return client;
}

const idOf = (data: Data): unknown => data['consumerId'];

interface Row {
  readonly method: keyof typeof SERVER_NOTIFICATIONS;
  readonly title?: string;
  readonly dialects?: readonly Dialect[];
  /** Selects one of the notifications with that name. */
  readonly fits?: Fits;
  /** Triggers the message; without it, it came when the meeting was opened, or comes all the time. */
  readonly happens?: (meeting: Meeting, dialect: Dialect) => Promise<void>;
}

const volumesOf = (data: Data): readonly unknown[] => data['peerVolumes'] as unknown[];

const isOfVisitor: Fits = (data) => data['peerId'] === 'visitor';

const ROWS: readonly Row[] = [
  {
    method: 'newPeer',
    fits: (data, _, dialect) => (dialect === 'L' ? data : (data['peer'] as Data))[dialect === 'L' ? 'id' : 'peerId'] === 'visitor',
    happens: async (at) => (await visitor(at)).close(),
  },
  {
    method: 'peerDisplayNameChanged',
    fits: (data) => isOfVisitor(data, meeting(), 'L') && data['displayName'] === 'Known' && data['oldDisplayName'] === 'Visitor',
    happens: async (at) => {
      const client = await visitor(at);
      expect((await client.request('changeDisplayName', { displayName: 'Known' })).ok).toBe(true);
      client.close();
    },
  },
  { method: 'peerClosed', fits: isOfVisitor, happens: async (at) => (await visitor(at)).close() },
  { method: 'producerScore' },
  { method: 'consumerScore' },
  { method: 'consumerLayersChanged', title: 'with layers', fits: hasLayers },
  {
    method: 'consumerLayersChanged',
    title: 'without layers, once nothing arrives',
    fits: (data, _, dialect) => !hasLayers(data, _, dialect),
    happens: async ({ guests }, dialect) => {
      const id = await consumerOf(guests[dialect], guests[other(dialect)], 'video');
      await guests[dialect].do('pauseConsumer', id);
      await standsStill(guests[dialect], id);
      await guests[dialect].do('resumeConsumer', id);
      await seesAndHears(guests[dialect], guests[other(dialect)], { audio: false });
    },
  },
  { method: 'consumerPaused', happens: async ({ guests }, dialect) => guests[other(dialect)].do('muteMicrophone') },
  { method: 'consumerResumed', happens: async ({ guests }, dialect) => guests[other(dialect)].do('unmuteMicrophone') },
  {
    method: 'consumerClosed',
    happens: async ({ guests }, dialect) => {
      await consumerOf(guests[dialect], guests[other(dialect)], 'video');
      await guests[other(dialect)].do('stopCamera');
      await guests[other(dialect)].do('startCamera');
      await seesAndHears(guests[dialect], guests[other(dialect)], { audio: false });
    },
  },
  {
    method: 'dataConsumerClosed',
    happens: async ({ pod, room, guests, open }, dialect) => {
      const leaving = await open.join(pod, room, other(dialect), { camera: false });
      const offered = (): boolean =>
        guests[dialect].wire.requests('received', 'newDataConsumer').some(({ data }) => (data as Data)['peerId'] === leaving.peerId);
      await waitUntil('the data channel is offered', 10, () => (offered() ? undefined : 'it is not'));
      await leaving.do('leave');
    },
  },
  { method: 'activeSpeaker', fits: (data, { guests }) => Object.values(guests).some((guest) => guest.peerId === data['peerId']) },
  {
    method: 'speakingPeers',
    title: 'while a participant is audible',
    dialects: ['T3'],
    fits: (data) => volumesOf(data).length > 0,
  },
  {
    method: 'speakingPeers',
    title: 'in silence',
    dialects: ['T3'],
    fits: (data) => volumesOf(data).length === 0,
    happens: async ({ guests }) => {
      // The sound of these guests pauses by itself, and silence is reported once, when it begins. So they must be audible first, and the last
      // notification counts.
      const since = guests.T3.wire.entries.length;
      await notified(guests.T3, 'speakingPeers', (data) => volumesOf(data).length > 0, since);
      for (const guest of Object.values(guests)) await guest.do('muteMicrophone');
      await waitUntil('silence is what was reported last', 20, () => {
        const last = guests.T3.wire.notifications('received', 'speakingPeers').at(-1);
        return last !== undefined && volumesOf(last.data as Data).length === 0 ? undefined : 'a participant is audible';
      });
      for (const guest of Object.values(guests)) await guest.do('unmuteMicrophone');
    },
  },
  { method: 'downlinkBwe' },
];

function hasLayers(data: Data, _: Meeting, dialect: Dialect): boolean {
  return dialect === 'L' ? typeof data['spatialLayer'] === 'number' : data['layers'] !== undefined;
}

for (const dialect of DIALECTS) {
  test(`${dialect} notification ${VERSION[dialect].method}`, async () => {
    const guest = meeting().guests[dialect];
    assertShape(VERSION[dialect].shape, await notified(guest, VERSION[dialect].method, () => true), 'data');
    expect(guest.wire.notifications('received', VERSION[other(dialect)].method)).toEqual([]);
  });

  for (const { method, title, dialects = DIALECTS, fits = () => true, happens } of ROWS.filter(({ dialects: of }) => of?.includes(dialect) ?? true)) {
    if (!dialects.includes(dialect)) continue;
    test(`${dialect} notification ${method}${title === undefined ? '' : ` ${title}`}`, async () => {
      const at = meeting();
      const since = happens === undefined ? 0 : at.guests[dialect].wire.entries.length;
      await happens?.(at, dialect);
      const data = await notified(at.guests[dialect], method, (one) => fits(one, at, dialect), since);
      assertShape((SERVER_NOTIFICATIONS[method] as PerDialect)[dialect], data, method);
    });
  }

  /** The older application learns the score only this way; the newer one has it from `newConsumer`. */
  if (dialect === 'L') {
    test('L notification consumerScore follows each consumer once it is accepted', async () => {
      const { wire } = meeting().guests.L;
      const scoreOf =
        (id: unknown) =>
        ({ data }: { readonly data: unknown }): boolean =>
          idOf(data as Data) === id;
      for (const { data, answeredAt } of wire.requests('received', 'newConsumer')) {
        const { id, peerId } = data as Data;
        if (peerId !== meeting().guests.T3.peerId) continue; // others left at once
        await waitUntil(`consumer ${String(id)} has a score`, 5, () => {
          const scores = wire.notifications('received', 'consumerScore').filter(scoreOf(id));
          return scores.some(({ at }) => at > answeredAt) ? undefined : `it has ${String(scores.length)} from before it was accepted`;
        });
      }
    });
  }

  const OFFERS: readonly [string, string, Shape, (data: Data) => boolean, number][] = [
    ['newConsumer', 'newConsumer', SERVER_REQUESTS.newConsumer[dialect], () => true, 2],
    ['newDataConsumer of a chat', 'newDataConsumer', SERVER_REQUESTS.newDataConsumer[dialect], (data) => typeof data['peerId'] === 'string', 1],
    ['newDataConsumer of the bot', 'newDataConsumer', SERVER_REQUESTS.newDataConsumerOfBot[dialect], (data) => typeof data['peerId'] !== 'string', 1],
  ];
  for (const [title, method, shape, fits, times] of OFFERS) {
    test(`${dialect} server request ${title}`, async () => {
      const { guests } = meeting();
      // Others joined and left: their consumers may have closed before they were accepted.
      const isOfThese = ({ peerId }: Data): boolean => typeof peerId !== 'string' || peerId === guests[other(dialect)].peerId;
      const all = guests[dialect].wire.requests('received', method);
      const offers = all.filter(({ data }) => fits(data as Data) && isOfThese(data as Data));
      expect(offers.length).toBeGreaterThanOrEqual(times);
      for (const { data, answer } of offers) {
        assertShape(shape, data, 'data');
        expect(answer).toMatchObject({ ok: true });
      }
    });
  }

  test(`${dialect} server request newConsumer of a shared screen`, async () => {
    const { guests } = meeting();
    const sharing = guests[other(dialect)];
    await sharing.do('share');
    const id = await consumerOf(guests[dialect], sharing, 'screensharing');
    const offers = guests[dialect].wire.requests('received', 'newConsumer').map(({ data }) => data as Data);
    const offer = offers.find((data) => data[dialect === 'L' ? 'id' : 'consumerId'] === id);
    expect(offer?.['appData']).toMatchObject(dialect === 'L' ? { share: true } : { peerId: sharing.peerId, source: 'screensharing' });
    await sharing.do('stopSharing');
    await sharing.do('startCamera');
    await seesAndHears(guests[dialect], sharing, { audio: false });
  });

  test(`${dialect} gets only requests that its application knows`, async () => {
    const { entries } = meeting().guests[dialect].wire;
    const asked = new Set(entries.filter(({ way, message }) => way === 'received' && message.request === true).map(({ message }) => message.method));
    expect([...asked].sort()).toEqual(['newConsumer', 'newDataConsumer']);
  });
}
