/** Any order of user requests, prompt answers and system events: the latest request wins, and nothing stays live unnoticed. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FakeDevices } from '../../test-support/fake-media';
import { silentLog } from '../log';
import type { DeviceKind } from './devices';
import { LocalMedia, trackOf, type LocalDevice } from './local-media';

type Step =
  | { do: 'turnOn' | 'turnOff' | 'release' | 'unplug' | 'choose'; kind: DeviceKind; number: number }
  | { do: 'share' | 'stopScreen' | 'stop' | 'prefer' | 'flip' | 'answer'; number: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('turnOn' as const, 'turnOff' as const, 'release' as const, 'unplug' as const, 'choose' as const),
    kind: fc.constantFrom('microphone' as const, 'camera' as const),
    number: fc.nat(3),
  }),
  fc.record({ do: fc.constantFrom('share' as const, 'stopScreen' as const, 'stop' as const, 'prefer' as const, 'flip' as const), number: fc.nat(3) }),
  fc.record({ do: fc.constant('answer' as const), number: fc.nat(3) }),
);

type Wish = 'on' | 'muted' | 'off';

interface Wishes {
  microphone: Wish;
  camera: Wish;
  screen: 'on' | 'off';
}

const NOTHING: Wishes = { microphone: 'off', camera: 'off', screen: 'off' };

/** The requested state after a step, as simply as possible. */
function wished(before: Wishes, one: Step): Wishes {
  switch (one.do) {
    case 'turnOn':
      return { ...before, [one.kind]: 'on' };
    case 'turnOff':
      return { ...before, [one.kind]: one.kind === 'microphone' && before.microphone !== 'off' ? 'muted' : 'off' };
    case 'release':
      return { ...before, [one.kind]: 'off' };
    case 'share':
      return { ...before, screen: 'on' };
    case 'stopScreen':
      return { ...before, screen: 'off' };
    case 'stop':
      return NOTHING;
    default:
      return before;
  }
}

function carryOut(one: Step, local: LocalMedia, devices: FakeDevices): void {
  switch (one.do) {
    case 'turnOn':
      return void local.turnOn(one.kind);
    case 'turnOff':
      return local.turnOff(one.kind);
    case 'release':
      return local.release(one.kind);
    case 'choose':
      return void local.choose(one.kind, `${one.kind}-${one.number}`);
    case 'unplug':
      return void trackOf(local.state[one.kind])?.dispatchEvent(new Event('ended'));
    case 'share':
      return void local.shareScreen();
    case 'stopScreen':
      return local.stopScreen();
    case 'stop':
      return local.stop();
    case 'prefer':
      return void local.prefer({ noiseSuppression: one.number % 2 === 0, cameraHeight: one.number < 2 ? 720 : 360 });
    case 'flip':
      return void local.flipCamera();
    case 'answer':
      return devices.answer(one.number % Math.max(1, devices.questions));
  }
}

/** The state that the button shows. */
function shown(device: LocalDevice): string {
  return device.status === 'opening' ? (device.isMuted ? 'muted' : 'on') : device.status;
}

function expectNothingUnseen({ state }: LocalMedia, devices: FakeDevices): void {
  const { microphone, camera, screen } = state;
  const held = [trackOf(microphone), trackOf(camera), ...(screen.status === 'on' ? [screen.video, screen.sound] : [])];
  expect(devices.live.filter((track) => !held.includes(track))).toEqual([]);
  if (shown(microphone) !== 'on') expect(devices.live.filter((track) => track === trackOf(microphone) && track.enabled)).toEqual([]);
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
};

it('the button always shows the latest request, and the devices end up in that state', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const devices = new FakeDevices();
      devices.isAsking = true;
      const local = new LocalMedia(devices, silentLog);
      let wishes = NOTHING;
      for (const one of steps) {
        carryOut(one, local, devices);
        wishes = wished(wishes, one);
        await settle();
        expectNothingUnseen(local, devices);
        expect([shown(local.state.microphone), shown(local.state.camera)]).toEqual([wishes.microphone, wishes.camera]);
      }
      while (devices.questions > 0) {
        devices.answer();
        await settle();
        expectNothingUnseen(local, devices);
      }
      const { microphone, camera, screen } = local.state;
      expect({ microphone: microphone.status, camera: camera.status, screen: screen.status }).toEqual(wishes);
      expect(trackOf(microphone)?.enabled ?? false).toBe(wishes.microphone === 'on');
    }),
    { numRuns: 500 },
  );
});
