// Dumps the cluster when a test fails: objects, descriptions, events and logs, into the folder of the test.
import { writeFileSync } from 'node:fs';

import type { TestInfo } from '@playwright/test';

import { kubectl } from './kubectl.ts';
import { NAMESPACE } from './release.ts';

const QUESTIONS: Record<string, string[]> = {
  'objects.txt': ['get', 'meetings,mediapools,pods,deployments,services', '-A', '-o', 'wide'],
  'meetings.yaml': ['get', 'meetings,mediapools', '-A', '-o', 'yaml'],
  'describe-pods.txt': ['describe', 'pods', '-n', NAMESPACE],
  'describe-convene.txt': ['describe', 'meetings,mediapools', '-A'],
  'events.txt': ['get', 'events', '-A', '--sort-by=.metadata.creationTimestamp'],
  'nodes.txt': ['describe', 'nodes'],
};

export async function dumpCluster(info: TestInfo): Promise<void> {
  for (const [file, question] of Object.entries(QUESTIONS)) await save(info, file, question);
  const pods = await kubectl('get', 'pods', '-n', NAMESPACE, '-o', 'name').catch(() => '');
  for (const pod of pods.split('\n').filter((name) => name !== '')) {
    const file = pod.replace('pod/', '');
    await save(info, `${file}.log`, ['logs', '-n', NAMESPACE, pod, '--all-containers', '--tail=2000']);
    await save(info, `${file}.previous.log`, ['logs', '-n', NAMESPACE, pod, '--all-containers', '--previous'], false);
  }
}

async function save(info: TestInfo, file: string, question: readonly string[], noteFailure = true): Promise<void> {
  try {
    writeFileSync(info.outputPath(file), await kubectl(...question));
  } catch (error) {
    if (noteFailure) writeFileSync(info.outputPath(file), `${String(error)}\n`);
  }
}
