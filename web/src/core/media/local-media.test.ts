import { describe, expect, it, vi } from 'vitest';
import { FakeDevices } from '../../test-support/fake-media';
import { silentLog } from '../log';
import { constraintsFor, deviceError } from './devices';
import { LocalMedia } from './local-media';

function setUp(): { devices: FakeDevices; local: LocalMedia } {
  const devices = new FakeDevices();
  return { devices, local: new LocalMedia(devices, silentLog) };
}

/** As the system does, not the person. */
function silence(track: MediaStreamTrack | undefined, isMuted: boolean): void {
  Object.defineProperty(track, 'muted', { value: isMuted, configurable: true });
  track?.dispatchEvent(new Event(isMuted ? 'mute' : 'unmute'));
}

describe('the microphone', () => {
  it('stays open while muted and sends silence', async () => {
    const { devices, local } = setUp();
    await local.turnOn('microphone');
    local.turnOff('microphone');
    expect(local.state.microphone.status).toBe('muted');
    expect(devices.opened[0]?.track).toMatchObject({ enabled: false, readyState: 'live' });
    await local.turnOn('microphone');
    expect(local.state.microphone.status).toBe('on');
    expect(devices.opened).toHaveLength(1);
  });

  it('stays muted when another one is chosen', async () => {
    const { devices, local } = setUp();
    await local.turnOn('microphone');
    local.turnOff('microphone');
    await local.choose('microphone', 'mic-2');
    expect(local.state.microphone.status).toBe('muted');
    expect(devices.opened.map(({ deviceId, track }) => [deviceId, track.readyState, track.enabled])).toEqual([
      [undefined, 'ended', false],
      ['mic-2', 'live', false],
    ]);
  });
});

describe('a wish that changes while a microphone opens', () => {
  async function reopening(): Promise<ReturnType<typeof setUp>> {
    const setup = setUp();
    await setup.local.turnOn('microphone');
    setup.devices.isAsking = true;
    void setup.local.choose('microphone', 'mic-2');
    return setup;
  }

  it('to be muted is shown at once, and holds for the other microphone', async () => {
    const { devices, local } = await reopening();
    local.turnOff('microphone');
    expect(local.state.microphone).toEqual({ status: 'opening', isMuted: true });
    devices.answer();
    await vi.waitFor(() => expect(local.state.microphone.status).toBe('muted'));
    expect(devices.opened[1]?.track.enabled).toBe(false);
  });

  it('and changes back is the latest again', async () => {
    const { devices, local } = await reopening();
    local.turnOff('microphone');
    await local.turnOn('microphone');
    devices.answer();
    await vi.waitFor(() => expect(local.state.microphone.status).toBe('on'));
    expect(devices.opened[1]?.track.enabled).toBe(true);
  });

  it('holds for yet another microphone, also where one in between could not be opened', async () => {
    const { devices, local } = setUp();
    await local.turnOn('microphone');
    local.turnOff('microphone');
    devices.failures.microphone = deviceError('microphone', new DOMException('busy', 'NotReadableError'));
    await local.choose('microphone', 'mic-2');
    expect(local.state.microphone.status).toBe('failed');
    delete devices.failures.microphone;
    await local.choose('microphone', 'mic-3');
    expect(local.state.microphone.status).toBe('muted');
  });
});

describe('a device that the system silences', () => {
  it('is shown so until the system lets it through again', async () => {
    const { devices, local } = setUp();
    await local.turnOn('microphone');
    silence(devices.opened[0]?.track, true);
    expect(local.state.microphone).toMatchObject({ status: 'on', isInterrupted: true });
    silence(devices.opened[0]?.track, false);
    expect(local.state.microphone).toMatchObject({ status: 'on', isInterrupted: false });
  });

  it('is opened anew when it may work again, muted if it was; what works is left alone', async () => {
    const { devices, local } = setUp();
    await Promise.all([local.turnOn('microphone'), local.turnOn('camera')]);
    local.turnOff('microphone');
    silence(devices.opened[0]?.track, true);
    await local.reopenInterrupted();
    expect(devices.opened.map(({ kind }) => kind)).toEqual(['microphone', 'camera', 'microphone']);
    expect(local.state.microphone).toMatchObject({ status: 'muted', isInterrupted: false, track: devices.opened[2]?.track });
    await local.reopenInterrupted();
    expect(devices.opened).toHaveLength(3);
  });
});

describe('the camera', () => {
  it('is stopped when it is switched off', async () => {
    const { devices, local } = setUp();
    await local.turnOn('camera');
    local.turnOff('camera');
    expect(local.state.camera.status).toBe('off');
    expect(devices.opened[0]?.track.readyState).toBe('ended');
  });

  it('that is switched off while it opens does not stay on behind the back', async () => {
    const { devices, local } = setUp();
    const opening = local.turnOn('camera');
    local.turnOff('camera');
    await opening;
    expect(local.state.camera.status).toBe('off');
    expect(devices.opened[0]?.track.readyState).toBe('ended');
  });

  it('that is off is not opened by a choice', async () => {
    const { devices, local } = setUp();
    await local.choose('camera', 'cam-2');
    expect(devices.opened).toEqual([]);
    await local.turnOn('camera');
    expect(devices.opened[0]?.deviceId).toBe('cam-2');
  });

  it('that is chosen and not there any more is replaced by any other', async () => {
    const { devices, local } = setUp();
    await local.choose('camera', 'cam-2');
    devices.missing.add('cam-2');
    await local.turnOn('camera');
    expect(local.state.camera.status).toBe('on');
    expect(devices.opened.map(({ deviceId }) => deviceId)).toEqual([undefined]);
  });

  it('that fails can be tried again', async () => {
    const { devices, local } = setUp();
    devices.failures.camera = deviceError('camera', new DOMException('busy', 'NotReadableError'));
    await local.turnOn('camera');
    expect(local.state.camera).toMatchObject({ status: 'failed', error: { code: 'device-in-use' } });
    delete devices.failures.camera;
    await local.turnOn('camera');
    expect(local.state.camera.status).toBe('on');
  });
});

describe('a device that goes while it is used', () => {
  const gone = deviceError('camera', new DOMException('gone', 'NotFoundError'));

  it('is replaced by another, and it is told', async () => {
    const { devices, local } = setUp();
    const lost = vi.fn();
    local.onLoss(lost);
    await local.choose('camera', 'cam-2');
    await local.turnOn('camera');
    devices.missing.add('cam-2');
    devices.opened[0]?.track.dispatchEvent(new Event('ended'));
    await vi.waitFor(() => expect(lost).toHaveBeenCalledExactlyOnceWith({ kind: 'camera', replaced: true }));
    expect(local.state.camera).toMatchObject({ status: 'on', track: devices.opened[1]?.track });
  });

  it('stays muted', async () => {
    const { devices, local } = setUp();
    const heard: string[] = [];
    await local.turnOn('microphone');
    local.turnOff('microphone');
    local.subscribe(({ microphone }) => heard.push(microphone.status));
    devices.opened[0]?.track.dispatchEvent(new Event('ended'));
    await vi.waitFor(() => expect(heard).toEqual(['opening', 'muted']));
    expect(devices.opened[1]?.track.enabled).toBe(false);
  });

  it('without another becomes a failure that is told, and can be switched on again', async () => {
    const { devices, local } = setUp();
    const lost = vi.fn();
    local.onLoss(lost);
    await local.turnOn('camera');
    devices.failures.camera = gone;
    devices.opened[0]?.track.dispatchEvent(new Event('ended'));
    await vi.waitFor(() => expect(lost).toHaveBeenCalledExactlyOnceWith({ kind: 'camera', replaced: false, error: gone }));
    expect(local.state.camera).toMatchObject({ status: 'failed', error: { code: 'device-missing' } });
    delete devices.failures.camera;
    await local.turnOn('camera');
    expect(local.state.camera.status).toBe('on');
  });

  it('is no loss when it was switched off meanwhile', async () => {
    const { devices, local } = setUp();
    const lost = vi.fn();
    local.onLoss(lost);
    await local.turnOn('camera');
    devices.opened[0]?.track.dispatchEvent(new Event('ended'));
    local.turnOff('camera');
    await vi.waitFor(() => expect(devices.opened[1]?.track.readyState).toBe('ended'));
    expect([local.state.camera.status, lost.mock.calls.length]).toEqual(['off', 0]);
  });
});

it('tells every change and gives everything back at the end', async () => {
  const { devices, local } = setUp();
  const heard = vi.fn();
  local.subscribe(heard);
  await Promise.all([local.turnOn('microphone'), local.turnOn('camera')]);
  local.stop();
  expect(heard).toHaveBeenCalledTimes(6);
  expect(devices.opened.map(({ track }) => track.readyState)).toEqual(['ended', 'ended']);
});

it.each([
  ['NotAllowedError', 'permission-denied'],
  ['SecurityError', 'permission-denied'],
  ['NotFoundError', 'device-missing'],
  ['OverconstrainedError', 'device-missing'],
  ['NotReadableError', 'device-in-use'],
  ['AbortError', 'device-failed'],
  ['SomethingNew', 'device-failed'],
])('getUserMedia\'s %s becomes %s', (name, code) => {
  expect(deviceError('camera', new DOMException('text', name))).toMatchObject({ code, category: 'device' });
});

describe('the screen', () => {
  it('is shown with its sound, and given back', async () => {
    const devices = new FakeDevices();
    const local = new LocalMedia(devices, silentLog);
    await local.shareScreen();
    await local.shareScreen();
    expect([local.state.screen.status, devices.screens.length]).toEqual(['on', 1]);
    local.stop();
    expect(devices.screens.map(({ video, sound }) => [video.readyState, sound?.readyState])).toEqual([['ended', 'ended']]);
  });

  it('that the person does not choose is no failure', async () => {
    const devices = new FakeDevices();
    devices.failures.screen = deviceError('screen', new DOMException('no', 'NotAllowedError'));
    const local = new LocalMedia(devices, silentLog);
    await local.shareScreen();
    expect(local.state.screen).toEqual({ status: 'off' });
  });

  it('that is chosen after the wish is over is not captured', async () => {
    const { devices, local } = setUp();
    devices.isAsking = true;
    const sharing = local.shareScreen();
    local.stop();
    devices.answer();
    await sharing;
    expect([local.state.screen.status, devices.live]).toEqual(['off', []]);
  });

  it('whose sharing the browser ends is off', async () => {
    const devices = new FakeDevices();
    const local = new LocalMedia(devices, silentLog);
    await local.shareScreen();
    devices.screens[0]?.video.dispatchEvent(new Event('ended'));
    expect(local.state.screen).toEqual({ status: 'off' });
  });
});

it('the camera looks the other way when it is flipped', async () => {
  const devices = new FakeDevices();
  const local = new LocalMedia(devices, silentLog);
  await local.turnOn('camera');
  await local.flipCamera();
  await local.flipCamera();
  expect(devices.requests.map(({ facing }) => facing)).toEqual([undefined, 'environment', 'user']);
});

it('another picture size opens the camera anew and leaves the microphone alone', async () => {
  const devices = new FakeDevices();
  const local = new LocalMedia(devices, silentLog, { cameraHeight: 720, noiseSuppression: true });
  await local.turnOn('camera');
  await local.turnOn('microphone');
  await local.prefer({ cameraHeight: 360, noiseSuppression: true });
  expect(devices.opened.map(({ kind }) => kind)).toEqual(['camera', 'microphone', 'camera']);
  expect(devices.requests.at(-1)).toMatchObject({ cameraHeight: 360 });
});

describe('what a browser is asked for', () => {
  const remembered = { camera: 'cam-9', microphone: 'mic-9' };

  it('is the device of the last visit, or another where that has gone', () => {
    expect(constraintsFor('camera', { remembered })).toMatchObject({ video: { deviceId: { ideal: 'cam-9' } } });
    expect(constraintsFor('microphone', { remembered })).toMatchObject({ audio: { deviceId: { ideal: 'mic-9' } } });
  });

  it('is exactly the device that was just chosen', () => {
    expect(constraintsFor('camera', { remembered, deviceId: 'cam-2' })).toMatchObject({ video: { deviceId: { exact: 'cam-2' } } });
  });

  it('is the other side rather than the remembered camera when a phone is flipped', () => {
    expect(constraintsFor('camera', { remembered, facing: 'environment' }).video).not.toHaveProperty('deviceId');
  });

  it('is a blurred background only where it is wished', () => {
    expect(constraintsFor('camera', { isBackgroundBlurred: true })).toMatchObject({ video: { backgroundBlur: { ideal: true } } });
    expect(constraintsFor('camera', {}).video).not.toHaveProperty('backgroundBlur');
  });
});

it('the camera is opened anew when its background is to be blurred, the microphone is left alone', async () => {
  const { devices, local } = setUp();
  await Promise.all([local.turnOn('microphone'), local.turnOn('camera')]);
  await local.prefer({ isBackgroundBlurred: true });
  expect(devices.opened.map(({ kind }) => kind)).toEqual(['microphone', 'camera', 'camera']);
  expect(devices.requests.at(-1)).toMatchObject({ isBackgroundBlurred: true });
});
