/**
 * The socket that outlives cuts, against a model of a pod and of the network between them: whatever is cut, lost, late or refused, in
 * whatever order, each message arrives once and in order, or the end is reported once.
 */

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ResumableSocket } from './resumable-socket';
import type { SocketLike } from './protoo';

const RESUME_SECONDS = 15;
/** Fewer than a real pod keeps, so that the limit of its memory is reached. */
const POD_KEEPS = 12;
const CODES_OF_CUTS = [1001, 1006, 1011, 1012, 4001];
const CODES_OF_ENDS = [1000, 1008, 4000];

/** The frame that ends a WebSocket. */
const GOODBYE = 'goodbye';

/** One WebSocket with the messages in flight. Either end may learn late, or never, that it is cut. */
class Wire implements SocketLike {
  readyState: 0 | 1 | 2 | 3 = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly toPod: string[] = [];
  readonly toClient: string[] = [];
  /** Whether the pod still reads from it. */
  isHeld = false;
  readonly asked: URLSearchParams;

  constructor(url: string) {
    this.asked = new URL(url).searchParams;
  }

  send(message: string): void {
    if (this.readyState === 1) this.toPod.push(message);
  }

  /** As in browsers: messages in flight may still arrive, and the pod learns that the client leaves. */
  close(): void {
    if (this.readyState === 1) this.toPod.push(GOODBYE);
    this.readyState = this.readyState === 1 ? 2 : 3;
  }

  cut(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.toClient.length = 0;
    this.onclose?.({ code, reason: '' });
  }
}

/** One session of a pod, as `media-pod/src/signaling/resume.rs` keeps it. */
class ModelPod {
  id = 'first';
  readonly heard: number[] = [];
  readonly sent: string[] = [];
  #wire: Wire | undefined;
  #isOver = false;

  accept(wire: Wire): void {
    const had = Number(wire.asked.get('received') ?? 0);
    const isKnown = wire.asked.get('session') === this.id && !this.#isOver;
    const resumed = isKnown && had <= this.sent.length && had >= this.sent.length - POD_KEEPS;
    if (wire.asked.get('session') !== 'new' && !resumed) return this.#greet(wire, 'another', false, 0);
    if (this.#wire !== undefined) this.#wire.isHeld = false;
    this.#wire = wire;
    wire.isHeld = true;
    this.#greet(wire, this.id, resumed, this.heard.length);
    wire.toClient.push(...this.sent.slice(had));
  }

  say(): void {
    const message = JSON.stringify({ number: this.sent.length });
    this.sent.push(message);
    if (this.#wire?.isHeld === true) this.#wire.toClient.push(message);
  }

  take(wire: Wire): void {
    const message = wire.toPod.shift();
    if (message === undefined || !wire.isHeld) return;
    if (message === GOODBYE) this.forget();
    else this.heard.push((JSON.parse(message) as { mine: number }).mine);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  forget(): void {
    this.#isOver = true;
    if (this.#wire !== undefined) this.#wire.isHeld = false;
  }

  #greet(wire: Wire, id: string, resumed: boolean, received: number): void {
    const data = { id, resumed, received, resumeSeconds: RESUME_SECONDS };
    wire.toClient.push(JSON.stringify({ notification: true, method: 'session', data }));
  }
}

type Step =
  | { do: 'clientSays' | 'comesBack' | 'podForgets' | 'noWay' | 'online' | 'reopen' | 'refuse' }
  | { do: 'podSays' | 'accept' | 'deliverToPod' | 'deliverToClient'; times: number }
  | { do: 'cut' | 'end'; code: number }
  | { do: 'wait'; ms: number };

class World {
  readonly pod = new ModelPod();
  readonly wires: Wire[] = [];
  readonly network = new EventTarget();
  readonly heard: string[] = [];
  readonly endings: number[] = [];
  readonly cuts: boolean[] = [];
  readonly stalls: boolean[] = [];
  readonly client: ResumableSocket;
  said = 0;
  #hasWay = true;

  constructor() {
    const address = { url: 'ws://pod/signal/hello?peerId=me', protocols: 'protoo' };
    this.client = new ResumableSocket(address, {
      openSocket: (url) => {
        const wire = new Wire(url);
        this.wires.push(wire);
        return wire;
      },
      findAddress: () => (this.#hasWay ? address : Promise.reject(new Error('no way'))),
      onCut: (isDisconnected) => this.cuts.push(isDisconnected),
      network: this.network,
    });
    this.client.onmessage = ({ data }) => this.heard.push(String(data));
    this.client.onclose = ({ code }) => this.endings.push(code);
    this.client.onstall = (isStalled) => this.stalls.push(isStalled);
  }

  get wire(): Wire {
    const wire = this.wires.at(-1);
    if (wire === undefined) throw new Error('no socket was opened');
    return wire;
  }

  get isOver(): boolean {
    return this.endings.length > 0;
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'clientSays':
        this.say();
        break;
      case 'podSays':
        for (let count = 0; count < step.times; count += 1) this.pod.say();
        break;
      case 'comesBack':
        await vi.advanceTimersByTimeAsync(300);
        this.accept();
        this.deliver(1);
        break;
      case 'podForgets':
        this.pod.forget();
        break;
      case 'noWay':
        this.#hasWay = !this.#hasWay;
        break;
      case 'online':
        this.network.dispatchEvent(new Event('online'));
        await vi.advanceTimersByTimeAsync(0);
        break;
      case 'reopen':
        this.client.reopen();
        break;
      case 'refuse':
        if (this.wire.readyState === 0) this.wire.cut(1006);
        break;
      case 'accept':
        this.accept();
        break;
      case 'deliverToPod':
        // Also from sockets that the client has abandoned: late messages still arrive.
        for (const wire of this.wires) for (let count = 0; count < step.times; count += 1) this.pod.take(wire);
        break;
      case 'deliverToClient':
        this.deliver(step.times);
        break;
      case 'cut':
        this.wire.cut(step.code);
        break;
      case 'end':
        this.pod.forget();
        this.wire.cut(step.code);
        break;
      case 'wait':
        await vi.advanceTimersByTimeAsync(step.ms);
    }
  }

  say(): void {
    if (this.isOver) return;
    this.client.send(JSON.stringify({ mine: this.said }));
    this.said += 1;
  }

  accept(): void {
    const { wire } = this;
    if (wire.readyState !== 0) return;
    wire.readyState = 1;
    this.pod.accept(wire);
    wire.onopen?.();
  }

  deliver(times: number): void {
    for (const wire of this.wires) {
      for (let count = 0; count < times && wire.readyState < 3; count += 1) {
        const data = wire.toClient.shift();
        if (data !== undefined) wire.onmessage?.({ data });
      }
    }
  }

  /** From now on everything works. */
  async heal(): Promise<void> {
    this.#hasWay = true;
    // A pod that is gone does not hold its sockets forever.
    if (this.pod.isOver) this.wire.cut(1006);
    for (let round = 0; round < 12; round += 1) {
      await vi.advanceTimersByTimeAsync(2000);
      this.accept();
      for (const wire of this.wires) while (wire.toPod.length > 0) this.pod.take(wire);
      this.deliver(1000);
      for (const wire of this.wires) while (wire.toPod.length > 0) this.pod.take(wire);
    }
  }
}

const often = fc.oneof(
  fc.constantFrom<Step>({ do: 'clientSays' }, { do: 'comesBack' }),
  fc.record({
    do: fc.constantFrom('podSays' as const, 'accept' as const, 'deliverToPod' as const, 'deliverToClient' as const),
    times: fc.integer({ min: 1, max: 8 }),
  }),
);
const cuts = fc.oneof(
  fc.record({ do: fc.constant('cut' as const), code: fc.constantFrom(...CODES_OF_CUTS) }),
  fc.constantFrom<Step>({ do: 'refuse' }, { do: 'reopen' }, { do: 'online' }, { do: 'noWay' }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 0, 100, 300, 1000, 3000) }),
);
const ends = fc.oneof(
  fc.record({ do: fc.constant('end' as const), code: fc.constantFrom(...CODES_OF_ENDS) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constant(16_000) }),
  fc.constant<Step>({ do: 'podForgets' }),
);
const steps = fc.array(fc.oneof({ weight: 60, arbitrary: often }, { weight: 12, arbitrary: cuts }, { weight: 1, arbitrary: ends }), {
  maxLength: 60,
  size: 'max',
});
const harmless = fc.array(fc.oneof({ weight: 4, arbitrary: often }, { weight: 1, arbitrary: cuts }), { maxLength: 40, size: 'max' });

async function play(script: readonly Step[]): Promise<World> {
  const world = new World();
  world.accept();
  world.deliver(1);
  for (const step of script) await world.run(step);
  await world.heal();
  return world;
}

/** The received messages are a prefix of the sent ones: nothing twice, nothing missing, nothing out of order. */
function expectBeginnings({ pod, heard }: World): void {
  expect(heard).toEqual(pod.sent.slice(0, heard.length));
  expect(pod.heard).toEqual(pod.heard.map((_, index) => index));
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a resumable socket, whatever happens', () => {
  it('delivers each message once and in order, or reports its end once', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const world = await play(script);
        expectBeginnings(world);
        expect(world.endings.length).toBeLessThanOrEqual(1);
        if (!world.isOver) expect([world.heard.length, world.pod.heard.length]).toEqual([world.pod.sent.length, world.said]);
        expect(world.client.readyState).toBe(world.isOver ? 3 : 1);
      }),
      { numRuns: 300 },
    );
  });

  it('reports disconnects and stalls alternately, and leaves none open', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const { cuts, stalls, isOver } = await play(script);
        expect(cuts).toEqual(cuts.map((_, index) => index % 2 === 0));
        expect(cuts.length % 2).toBe(0);
        expect(stalls).toEqual(stalls.map((_, index) => index % 2 === 0));
        if (!isOver) expect(stalls.length % 2).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('survives disconnects shorter than the session with few messages meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(harmless, async (script) => {
        let [said, waited] = [0, 0];
        const gentle = script.filter((step) => {
          if (step.do === 'podSays') return (said += step.times) <= POD_KEEPS;
          if (step.do === 'wait') return (waited += step.ms) < 10_000;
          return true;
        });
        expect((await play(gentle)).endings).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
