// Whether media really arrives: growing counters of decoded frames and audible sound.
import type { Guest } from '../support/people/guest.ts';
import { type Missing, waitUntil } from '../support/wait.ts';
import type { Received } from './clients/api.ts';

/** New frames that must be decoded before video counts as moving. */
const FRAMES = 5;
/** Longer than the time between two frames of the lowest layer at ten frames per second. */
const STANDSTILL_MILLISECONDS = 900;

interface Wanted {
  readonly audio?: boolean;
  readonly video?: boolean;
}

/** The receiver decodes new frames and audible sound of the sender. */
export async function seesAndHears(receiver: Guest, sender: { readonly peerId: string }, wanted: Wanted = {}, seconds = 20): Promise<void> {
  const { audio = true, video = true } = wanted;
  const first = new Map<string, Received>();
  await waitUntil(`${receiver.name} sees and hears ${sender.peerId}`, seconds, async () => {
    const of = (await receiver.received()).filter(({ peerId }) => peerId === sender.peerId);
    for (const one of of) if (!first.has(one.consumerId)) first.set(one.consumerId, one);
    const grown = of.map((one) => ({ ...one, before: first.get(one.consumerId) ?? one }));
    const moves = grown.some(({ frames, width, before }) => width > 0 && frames - before.frames >= FRAMES);
    const sounds = grown.some(({ kind, energy, before }) => kind === 'audio' && energy > before.energy);
    const missing = [...(video && !moves ? ['no moving picture'] : []), ...(audio && !sounds ? ['no sound'] : [])];
    if (missing.length === 0) return undefined;
    const { faults } = await receiver.state();
    return `${missing.join(' and ')} in ${String(of.length)} consumers ${faults.join('; ')}`;
  });
}

export async function everyoneSeesAndHears(guests: readonly Guest[], seconds = 20): Promise<void> {
  const pairs = guests.flatMap((receiver) => guests.filter((sender) => sender !== receiver).map((sender) => [receiver, sender] as const));
  await Promise.all(pairs.map(([receiver, sender]) => seesAndHears(receiver, sender, {}, seconds)));
}

export async function receivedBy(guest: Guest, consumerId: string): Promise<Received> {
  const found = (await guest.received()).find((one) => one.consumerId === consumerId);
  if (found === undefined) throw new Error(`${guest.name} has no consumer ${consumerId}`);
  return found;
}

/** Waits until what the guest receives by that consumer is as expected. */
export async function receives(guest: Guest, consumerId: string, what: string, whatIsMissing: (now: Received) => Missing, seconds = 20): Promise<void> {
  await waitUntil(`${guest.name}: ${what}`, seconds, async () => whatIsMissing(await receivedBy(guest, consumerId)));
}

export async function arrivesInWidth(guest: Guest, consumerId: string, width: number): Promise<void> {
  await receives(guest, consumerId, `a picture ${String(width)} wide`, (now) => (now.width === width ? undefined : `it is ${String(now.width)} wide`));
}

/** Nothing arrives from now on. */
export async function standsStill(guest: Guest, consumerId: string): Promise<void> {
  let before = -1;
  const missing = async (): Promise<Missing> => {
    const { bytes } = await receivedBy(guest, consumerId);
    const still = bytes === before;
    before = bytes;
    return still ? undefined : `${String(bytes)} bytes and more`;
  };
  await waitUntil(`${guest.name} receives nothing by ${consumerId}`, 15, missing, STANDSTILL_MILLISECONDS);
}

/** Id of the consumer by which the guest receives that of the sender. */
export async function consumerOf(guest: Guest, sender: { readonly peerId: string }, source: 'audio' | 'video' | 'screensharing'): Promise<string> {
  const state = await guest.waitFor(`receives ${source} of ${sender.peerId}`, ({ consumers }) =>
    consumers.some((one) => one.peerId === sender.peerId && one.source === source) ? undefined : `it has ${String(consumers.length)} other consumers`,
  );
  return state.consumers.find((one) => one.peerId === sender.peerId && one.source === source)?.id ?? '';
}

/** Id of the producer by which the guest sends that. */
export async function producerOf(guest: Guest, source: 'audio' | 'video' | 'screensharing'): Promise<string> {
  const state = await guest.waitFor(`sends ${source}`, ({ producers }) => (producers.some((one) => one.source === source) ? undefined : 'it does not'));
  return state.producers.find((one) => one.source === source)?.id ?? '';
}
