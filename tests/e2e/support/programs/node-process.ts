// Processes of the test cluster's programs and pods, as seen from the host: to signal exactly one of them.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { cluster } from '../environment.ts';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has just ended
  }
}

/** Ids of the processes with that command name in the pod with that uid (its cgroup bears the uid). */
export function processesOfPod(uid: string, command: string): number[] {
  const ids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  // The kernel keeps 15 characters of a command's name.
  const name = command.slice(0, 15);
  return ids.filter((id) => read(`/proc/${id}/comm`).trim() === name && read(`/proc/${id}/cgroup`).includes(uid)).map(Number);
}

/** Process of the API server of our own test cluster. */
export function apiServerProcess(): number {
  const id = Number(readFileSync(join(cluster.tls, '../pids/apiserver'), 'utf8'));
  if (read(`/proc/${String(id)}/comm`).trim() !== 'kube-apiserver') throw new Error('the API server does not run');
  return id;
}

/** Memory the process holds, in bytes. */
export function residentBytes(id: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${String(id)}/status`))?.[1] ?? Number.NaN) * 1024;
}
