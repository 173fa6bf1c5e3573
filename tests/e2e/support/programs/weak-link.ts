// The link between the two network namespaces of tests/between-networks.sh, made slow and lossy with tc and iptables. It delays nothing.
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';

import { chromium, farNetwork } from '../environment.ts';

/** Address of the namespace that the test runs in. */
export const NEAR_ADDRESS = '10.212.0.1';

/** One direction of the link. */
export interface Way {
  /** Everything that the link carries, with the headers of IP; without it, no limit. */
  readonly kilobitsPerSecond?: number;
  /** Of the packets, chosen at random. */
  readonly lostPercent?: number;
}

/** Of an access link: what is sent too fast waits this long before it is dropped. */
const QUEUE = '300ms';
/** Two packets. */
const BURST = '3kb';
const INTERFACE = 'link0';

function near(...command: readonly string[]): void {
  const [program = '', ...args] = command;
  execFileSync(program, args);
}

function far(...command: readonly string[]): void {
  near('ip', 'netns', 'exec', farNetwork, ...command);
}

type Run = typeof near;

/** Limits what leaves one end, and loses it at the other. */
function shape(from: Run, to: Run, { kilobitsPerSecond, lostPercent = 0 }: Way): void {
  const rate = `${String(kilobitsPerSecond ?? 1_000_000)}kbit`;
  const burst = kilobitsPerSecond === undefined ? '1mb' : BURST;
  from('tc', 'qdisc', 'replace', 'dev', INTERFACE, 'root', 'tbf', 'rate', rate, 'burst', burst, 'latency', QUEUE);
  to('iptables', '--flush', 'INPUT');
  if (lostPercent > 0) {
    const chance = ['--mode', 'random', '--probability', String(lostPercent / 100)];
    to('iptables', '--append', 'INPUT', '--in-interface', INTERFACE, '--match', 'statistic', ...chance, '--jump', 'DROP');
  }
}

/** `down`: towards the far end. */
export function shapeLink(down: Way, up: Way): void {
  shape(near, far, down);
  shape(far, near, up);
}

/** Writes a program that starts the browser at the far end. */
export function farBrowser(path: string): string {
  writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${farNetwork} ${chromium} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}
