// Whether a call works: all participants see moving video of, and hear, all others.
import type { Person, TrackStats } from './person.ts';
import { type Missing, waitUntil } from '../wait.ts';

/** New frames that must be decoded before video counts as moving. */
const FRAMES = 5;

/** Media that one receiver got from one sender since the check started. */
interface Evidence {
  firstFrames: number | undefined;
  frames: number;
  width: number;
  firstAudioBytes: number | undefined;
  audioBytes: number;
  loudest: number;
}

const nothing = (): Evidence => ({
  firstFrames: undefined,
  frames: 0,
  width: 0,
  firstAudioBytes: undefined,
  audioBytes: 0,
  loudest: 0,
});

/** The counters of a new track restart; then so does the evidence. */
function observe(evidence: Evidence, track: TrackStats): void {
  if (track.kind === 'video') {
    const frames = track.framesDecoded ?? 0;
    if (evidence.firstFrames === undefined || frames < evidence.firstFrames) evidence.firstFrames = frames;
    evidence.frames = frames - evidence.firstFrames;
    evidence.width = track.frameWidth ?? 0;
  } else {
    const bytes = track.bytesReceived ?? 0;
    if (evidence.firstAudioBytes === undefined || bytes < evidence.firstAudioBytes) evidence.firstAudioBytes = bytes;
    evidence.audioBytes = bytes - evidence.firstAudioBytes;
    evidence.loudest = Math.max(evidence.loudest, track.audioLevel ?? 0);
  }
}

function judge(evidence: Evidence): Missing {
  if (evidence.width === 0) return 'no picture';
  if (evidence.frames < FRAMES) return `the picture stands (${String(evidence.frames)} new frames)`;
  if (evidence.audioBytes === 0) return 'no sound arrives';
  if (evidence.loudest === 0) return 'the sound is silent';
  return undefined;
}

/** Waits until each participant decodes new frames of, and hears, all others. */
export async function everyoneSeesAndHearsEveryone(people: readonly Person[], seconds = 45): Promise<void> {
  const evidence = new Map<string, Evidence>();
  await waitUntil('everyone sees and hears everyone', seconds, async () => {
    const ids = await Promise.all(people.map((person) => person.peerId()));
    const problems = await Promise.all(people.map((person, index) => problemsOf(person, index, ids, evidence, people)));
    const found = problems.flat();
    return found.length === 0 ? undefined : found.join('; ');
  });
}

/** Waits until a viewer, who has no tile, decodes new frames of, and hears, all who are on stage. */
export async function seesAndHearsStage(viewer: Person, stage: readonly Person[], seconds = 45): Promise<void> {
  const evidence = new Map<string, Evidence>();
  await waitUntil(`${viewer.name} sees and hears the stage`, seconds, async () => {
    const ids = await Promise.all(stage.map((person) => person.peerId()));
    const problems = await problemsOf(viewer, -1, ids, evidence, stage);
    return problems.length === 0 ? undefined : problems.join('; ');
  });
}

async function problemsOf(
  person: Person,
  index: number,
  ids: readonly string[],
  evidence: Map<string, Evidence>,
  people: readonly Person[],
): Promise<string[]> {
  const [tiles, tracks] = await Promise.all([person.tiles(), person.stats()]);
  const problems: string[] = [];
  const unseen = people.filter((_, other) => !tiles.includes(ids[other] ?? ''));
  if (unseen.length > 0) problems.push(`${person.name} has no tile of ${unseen.map((one) => one.name).join(', ')}`);
  for (const [other, id] of ids.entries()) {
    if (other === index) continue;
    const key = `${person.name} <- ${id}`;
    const seen = evidence.get(key) ?? nothing();
    evidence.set(key, seen);
    for (const track of tracks) if (track.peerId === id) observe(seen, track);
    const missing = judge(seen);
    if (missing !== undefined) problems.push(`${person.name} of ${people[other]?.name ?? id}: ${missing}`);
  }
  return problems;
}

/** Waits until the tile of a participant who left is gone everywhere. */
export async function everyoneShowsOnly(people: readonly Person[], seconds = 10): Promise<void> {
  await waitUntil('only present participants are shown', seconds, async () => {
    const counts = await Promise.all(people.map(async (person) => (await person.tiles()).length));
    const wrong = people.filter((_, index) => counts[index] !== people.length);
    return wrong.length === 0 ? undefined : wrong.map((person) => `${person.name} still shows others`).join('; ');
  });
}
