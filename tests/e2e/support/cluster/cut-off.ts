// Cuts a node of the built-in cluster off: its packets vanish in both directions, without a refusal and with its link up.
import { execFileSync } from 'node:child_process';

const RULES = [
  ['PREROUTING', '-i', 'eth0'],
  ['POSTROUTING', '-o', 'eth0'],
] as const;

function iptables(node: string, ...args: readonly string[]): void {
  execFileSync('nsenter', [`--net=/run/netns/${node}`, 'iptables', '--wait', '10', '-t', 'mangle', ...args], { stdio: 'pipe' });
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
