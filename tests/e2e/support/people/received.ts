// What a page receives, second by second, as its browser counts it: the share of sound that was made up, and which pictures move.
import type { Participant } from './participant.ts';

declare global {
  interface Window {
    connections: RTCPeerConnection[];
  }
}

/** Counters of one received stream. */
interface Counters {
  readonly kind: 'audio' | 'video';
  readonly framesDecoded: number;
  readonly frameHeight: number;
  readonly freezes: number;
  readonly frozenSeconds: number;
  readonly samples: number;
  /** Without what replaces silence. */
  readonly madeUpSamples: number;
  readonly bufferedSeconds: number;
  readonly emittedSamples: number;
}

interface Sample {
  readonly atMilliseconds: number;
  /** By stream; one that has stopped keeps its counters. */
  readonly streams: ReadonlyMap<string, Counters>;
}

/** Keeps the page's connections; runs before its own scripts. */
export function keepConnections(): void {
  window.connections = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...options: ConstructorParameters<typeof RTCPeerConnection>) {
      super(...options);
      window.connections.push(this);
    }
  };
}

async function sampleOf({ page }: Participant): Promise<Sample> {
  const entries = await page.evaluate(async () => {
    const reports = await Promise.all(window.connections.map((connection) => connection.getStats()));
    const streams = reports.flatMap((report) => [...(report as ReadonlyMap<string, RTCInboundRtpStreamStats>).values()]);
    return streams
      .filter(({ type }) => type === 'inbound-rtp')
      .map((one): [string, Counters] => [
        one.trackIdentifier,
        {
          kind: one.kind as 'audio' | 'video',
          framesDecoded: one.framesDecoded ?? 0,
          frameHeight: one.frameHeight ?? 0,
          freezes: one.freezeCount ?? 0,
          frozenSeconds: one.totalFreezesDuration ?? 0,
          samples: one.totalSamplesReceived ?? 0,
          madeUpSamples: (one.concealedSamples ?? 0) - (one.silentConcealedSamples ?? 0),
          bufferedSeconds: one.jitterBufferDelay ?? 0,
          emittedSamples: one.jitterBufferEmittedCount ?? 0,
        },
      ]);
  });
  return { atMilliseconds: performance.now(), streams: new Map(entries) };
}

/** What was received in some time. */
export interface Reception {
  /** Of the sound of all others; of the worst. In percent. */
  readonly madeUpPercent: number;
  readonly worstMadeUpPercent: number;
  /** Milliseconds that sound waits for late packets. */
  readonly soundBufferMilliseconds: number;
  /** How many pictures moved, in the mean of all seconds, and in the worst. */
  readonly moving: number;
  readonly leastMoving: number;
  /** Lines of the moving pictures, smallest first, at the end. */
  readonly lines: readonly number[];
  readonly framesPerSecond: number;
  readonly freezes: number;
  readonly frozenSeconds: number;
}

const SECOND = 1000;

/** Records the streams that a page receives from now on. */
export class Recording {
  readonly #of: Participant;
  readonly #known: ReadonlySet<string>;
  readonly #samples: Sample[] = [];
  #began = 0;

  private constructor(of: Participant, known: ReadonlySet<string>) {
    this.#of = of;
    this.#known = known;
  }

  /** Ignores the streams that are received already. */
  static async of(participant: Participant): Promise<Recording> {
    return new Recording(participant, new Set((await sampleOf(participant)).streams.keys()));
  }

  /** Of these streams too. */
  static ofAll(participant: Participant): Recording {
    return new Recording(participant, new Set());
  }

  async run(seconds: number): Promise<void> {
    this.#began = performance.now();
    const end = this.#began + seconds * SECOND;
    while (performance.now() < end) {
      const due = performance.now() + SECOND;
      this.#note(await sampleOf(this.#of));
      await this.#of.page.waitForTimeout(Math.max(0, due - performance.now()));
    }
  }

  #note({ atMilliseconds, streams }: Sample): void {
    this.#samples.push({ atMilliseconds, streams: new Map([...streams].filter(([name]) => !this.#known.has(name))) });
  }

  /** Seconds until each picture moved first; of those that did. */
  firstPictures(): number[] {
    const names = new Set(this.#samples.flatMap(({ streams }) => [...streams.keys()]));
    return [...names].flatMap((name) => {
      const first = this.#samples.find(({ streams }) => (streams.get(name)?.framesDecoded ?? 0) > 0);
      return first === undefined ? [] : [(first.atMilliseconds - this.#began) / SECOND];
    });
  }

  /** Of the time from `from` to `to`, in seconds after the start. */
  between(from: number, to: number): Reception {
    const seconds = ({ atMilliseconds }: Sample): number => (atMilliseconds - this.#began) / SECOND;
    return receptionOf(this.#samples.filter((sample) => seconds(sample) >= from && seconds(sample) < to));
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => (values.length === 0 ? 0 : sum(values) / values.length);
const percent = (part: number, whole: number): number => (whole === 0 ? 100 : (100 * part) / whole);

const NOTHING: Omit<Counters, 'kind'> = {
  framesDecoded: 0,
  frameHeight: 0,
  freezes: 0,
  frozenSeconds: 0,
  samples: 0,
  madeUpSamples: 0,
  bufferedSeconds: 0,
  emittedSamples: 0,
};

/** How much each counter of a kind grew. */
function growth(before: Sample | undefined, after: Sample, kind: 'audio' | 'video'): Counters[] {
  return [...after.streams].flatMap(([name, now]) => {
    if (now.kind !== kind) return [];
    const then = { ...NOTHING, ...before?.streams.get(name) };
    return [
      {
        kind,
        framesDecoded: now.framesDecoded - then.framesDecoded,
        frameHeight: now.frameHeight,
        freezes: now.freezes - then.freezes,
        frozenSeconds: now.frozenSeconds - then.frozenSeconds,
        samples: now.samples - then.samples,
        madeUpSamples: now.madeUpSamples - then.madeUpSamples,
        bufferedSeconds: now.bufferedSeconds - then.bufferedSeconds,
        emittedSamples: now.emittedSamples - then.emittedSamples,
      },
    ];
  });
}

function receptionOf(samples: readonly Sample[]): Reception {
  const [first, ...rest] = samples;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) throw new Error('nothing was recorded');
  const sounds = growth(first, last, 'audio');
  const pictures = growth(first, last, 'video');
  const steps = rest.map((sample, index) => growth(samples[index], sample, 'video').filter(({ framesDecoded }) => framesDecoded > 0));
  const seconds = (last.atMilliseconds - first.atMilliseconds) / SECOND;
  const frames = sum(pictures.map(({ framesDecoded }) => framesDecoded));
  const moving = mean(steps.map(({ length }) => length));
  return {
    madeUpPercent: percent(sum(sounds.map((one) => one.madeUpSamples)), sum(sounds.map((one) => one.samples))),
    worstMadeUpPercent: Math.max(0, ...sounds.map((one) => percent(one.madeUpSamples, one.samples))),
    soundBufferMilliseconds: (SECOND * sum(sounds.map((one) => one.bufferedSeconds))) / (sum(sounds.map((one) => one.emittedSamples)) || 1),
    moving,
    leastMoving: Math.min(...steps.map(({ length }) => length)),
    lines: (steps.at(-1) ?? []).map(({ frameHeight }) => frameHeight).sort((one, other) => one - other),
    framesPerSecond: moving === 0 ? 0 : frames / seconds / moving,
    freezes: sum(pictures.map((one) => one.freezes)),
    frozenSeconds: sum(pictures.map((one) => one.frozenSeconds)),
  };
}
