// Networks of the built-in cluster that fail: a node is cut off (its packets vanish in both directions, without a refusal and with its link up), or some of
// the packets that it forwards are lost.
import { execFileSync } from 'node:child_process';

const RULES = [
  ['PREROUTING', '-i', 'eth0'],
  ['POSTROUTING', '-o', 'eth0'],
] as const;

function iptables(node: string, ...args: readonly string[]): string {
  const command = [`--net=/run/netns/${node}`, 'iptables', '--wait', '10', '-t', 'mangle', ...args];
  return execFileSync('nsenter', command, { stdio: 'pipe', encoding: 'utf8' });
}

export function cutOff(node: string): void {
  for (const [chain, ...match] of RULES) iptables(node, '--insert', chain, '1', ...match, '--jump', 'DROP');
}

/** Undoes it; nothing happens if the node is not cut off. */
export function reconnect(node: string): void {
  for (const [chain, ...match] of RULES) {
    try {
      for (;;) iptables(node, '--delete', chain, ...match, '--jump', 'DROP');
    } catch {
      // No such rule is left.
    }
  }
}

/** Packets to some UDP ports that a node forwards, between its pods and other nodes, are lost at random until it is stopped. */
export class Loss {
  readonly #node: string;
  readonly #rule: readonly string[];

  constructor(node: string, ports: string, probability: number) {
    const match = ['--protocol', 'udp', '--destination-port', ports, '--match', 'statistic', '--mode', 'random', '--probability', String(probability)];
    this.#node = node;
    this.#rule = [...match, '--jump', 'DROP'];
    iptables(node, '--insert', 'FORWARD', '1', ...this.#rule);
  }

  /** How many packets were lost; it ends. */
  stop(): number {
    const listed = iptables(this.#node, '--list', 'FORWARD', '1', '--verbose', '--exact', '--numeric');
    iptables(this.#node, '--delete', 'FORWARD', ...this.#rule);
    return Number(/^\s*(\d+)/u.exec(listed)?.[1] ?? 0);
  }
}
