// Devices that tests plug in, pull out and interrupt, on top of the fake ones of the browser. The same in every browser: it replaces only
// what the page asks the browser for, so what the page does with the answers is real.
import type { DrivenPerson } from './person.ts';

interface FakeDevices {
  /** All tracks that the page has opened: of cameras, microphones and screens. */
  opened: MediaStreamTrack[];
  /** Firefox delivers no events of scripts to listeners of a track, so these get them from another target. */
  events: Map<MediaStreamTrack, EventTarget>;
  /** No camera or microphone is plugged in. */
  isEmpty: boolean;
  speakers: string[];
  /** The speaker that plays each audio element. */
  playing: Map<HTMLMediaElement, string>;
  /** While defined, the user has not picked a screen yet. */
  picker?: { picked: Promise<void>; pick: () => void };
}

declare global {
  var fakeDevices: FakeDevices;
}

/** Runs in the page before everything else. */
export function installFakeDevices(): void {
  const devices: FakeDevices = { opened: [], events: new Map(), isEmpty: false, speakers: ['default', 'headset'], playing: new Map() };
  globalThis.fakeDevices = devices;
  const { mediaDevices } = navigator;
  // A blank page has none.
  if ((mediaDevices as MediaDevices | undefined) === undefined) return;
  const open = mediaDevices.getUserMedia.bind(mediaDevices);
  const share = mediaDevices.getDisplayMedia.bind(mediaDevices);
  const list = mediaDevices.enumerateDevices.bind(mediaDevices);
  const adopt = (track: MediaStreamTrack): void => {
    const events = new EventTarget();
    devices.opened.push(track);
    devices.events.set(track, events);
    const [add, remove] = [track.addEventListener.bind(track), track.removeEventListener.bind(track)];
    track.addEventListener = (...listener: Parameters<typeof add>): void => {
      add(...listener);
      events.addEventListener(...listener);
    };
    track.removeEventListener = (...listener: Parameters<typeof remove>): void => {
      remove(...listener);
      events.removeEventListener(...listener);
    };
  };
  mediaDevices.getUserMedia = async (constraints) => {
    if (devices.isEmpty) throw new DOMException('Requested device not found', 'NotFoundError');
    const stream = await open(constraints);
    stream.getTracks().forEach(adopt);
    return stream;
  };
  mediaDevices.getDisplayMedia = async (constraints) => {
    // Browsers demand that the user has just clicked, so the wait comes after it.
    const stream = await share(constraints);
    stream.getTracks().forEach(adopt);
    await devices.picker?.picked;
    return stream;
  };
  mediaDevices.enumerateDevices = async () => {
    const others = (await list()).filter(({ kind }) => kind !== 'audiooutput');
    const speakers = devices.speakers.map((deviceId) => ({ kind: 'audiooutput', deviceId, label: deviceId, groupId: '' }) as MediaDeviceInfo);
    return [...others, ...speakers];
  };
  HTMLMediaElement.prototype.setSinkId = function setSinkId(id) {
    devices.playing.set(this, id);
    return Promise.resolve();
  };
}

/** Pulls out the device that is in use; `isOthersLeft` tells whether there is another one. */
export async function unplug(person: DrivenPerson, kind: 'audio' | 'video', isOthersLeft: boolean): Promise<void> {
  await person.run(
    ([wanted, isLeft]) => {
      const { fakeDevices: devices } = globalThis;
      devices.isEmpty = !isLeft;
      const track = devices.opened.findLast((one) => one.kind === wanted && one.readyState === 'live');
      if (track === undefined) throw new Error(`no ${wanted} device is open`);
      // As when a device is unplugged: the track ends with an event.
      track.stop();
      devices.events.get(track)?.dispatchEvent(new Event('ended'));
      navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
    },
    [kind, isOthersLeft] as const,
  );
}

export async function plugIn(person: DrivenPerson): Promise<void> {
  await person.run(() => {
    globalThis.fakeDevices.isEmpty = false;
  }, undefined);
}

/** The system mutes the microphone in use, or no longer does: a headset's switch, a phone call. */
export async function interruptMicrophone(person: DrivenPerson, isMuted: boolean): Promise<void> {
  await person.run((muted) => {
    const { opened, events } = globalThis.fakeDevices;
    const track = opened.findLast((one) => one.kind === 'audio' && one.readyState === 'live');
    if (track === undefined) throw new Error('no microphone is open');
    Object.defineProperty(track, 'muted', { value: muted, configurable: true });
    events.get(track)?.dispatchEvent(new Event(muted ? 'mute' : 'unmute'));
  }, isMuted);
}

/** Only these speakers are left. */
export async function plugSpeakers(person: DrivenPerson, speakers: string[]): Promise<void> {
  await person.run((left) => {
    globalThis.fakeDevices.speakers = left;
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  }, speakers);
}

/** The speakers that play the voices of the call; an empty name is the default of the system. */
export async function speakersInUse(person: DrivenPerson): Promise<string[]> {
  return person.run(
    () => [...document.querySelectorAll<HTMLMediaElement>('.sound audio')].map((audio) => globalThis.fakeDevices.playing.get(audio) ?? ''),
    undefined,
  );
}

/** The browser's list of screens stays open until `pickScreen`. */
export async function holdPicker(person: DrivenPerson): Promise<void> {
  await person.run(() => {
    let pick = (): void => undefined;
    const picked = new Promise<void>((resolve) => (pick = resolve));
    globalThis.fakeDevices.picker = { picked, pick };
  }, undefined);
}

/** Picks a screen, and waits until the page had time to use it. How many tracks there were, and the kinds of those still captured. */
export async function pickScreen(person: DrivenPerson): Promise<{ opened: number; live: string[] }> {
  return person.run(async () => {
    const { opened, picker } = globalThis.fakeDevices;
    picker?.pick();
    await new Promise((resolve) => setTimeout(resolve, 0));
    return { opened: opened.length, live: opened.filter(({ readyState }) => readyState === 'live').map(({ kind }) => kind) };
  }, undefined);
}
