import { describe, expect, it, vi } from 'vitest';
import { FakeDevices } from '../../test-support/fake-media';
import { silentLog } from '../log';
import { constraintsFor, deviceError } from './devices';
import { LocalMedia } from './local-media';

function setUp(): { devices: FakeDevices; local: LocalMedia } {
  const devices = new FakeDevices();
  return { devices, local: new LocalMedia(devices, silentLog) };
}

/** As done by the system, not by the user. */
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

describe('a toggle while a microphone opens', () => {
  async function reopening(): Promise<ReturnType<typeof setUp>> {
    const setup = setUp();
    await setup.local.turnOn('microphone');
    setup.devices.isAsking = true;
    void setup.local.choose('microphone', 'mic-2');
    return setup;
  }

  it('mutes at once, and applies to the next microphone', async () => {
    const { devices, local } = await reopening();
    local.turnOff('microphone');
    expect(local.state.microphone).toEqual({ status: 'opening', isMuted: true });
    devices.answer();
    await vi.waitFor(() => expect(local.state.microphone.status).toBe('muted'));
    expect(devices.opened[1]?.track.enabled).toBe(false);
  });

  it('toggling back wins', async () => {
    const { devices, local } = await reopening();
    local.turnOff('microphone');
    await local.turnOn('microphone');
    devices.answer();
    await vi.waitFor(() => expect(local.state.microphone.status).toBe('on'));
    expect(devices.opened[1]?.track.enabled).toBe(true);
  });

  it('applies to the next microphone even if opening one failed in between', async () => {
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

describe('a device that the system interrupts', () => {
  it('is shown as interrupted until the system resumes it', async () => {
    const { devices, local } = setUp();
    await local.turnOn('microphone');
    silence(devices.opened[0]?.track, true);
    expect(local.state.microphone).toMatchObject({ status: 'on', isInterrupted: true });
    silence(devices.opened[0]?.track, false);
    expect(local.state.microphone).toMatchObject({ status: 'on', isInterrupted: false });
  });

  it('is reopened when it may be available again, muted if it was; other devices are left alone', async () => {
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
  it('is stopped when it is turned off', async () => {
    const { devices, local } = setUp();
    await local.turnOn('camera');
    local.turnOff('camera');
    expect(local.state.camera.status).toBe('off');
    expect(devices.opened[0]?.track.readyState).toBe('ended');
  });

  it('that is turned off while it opens is stopped', async () => {
    const { devices, local } = setUp();
    const opening = local.turnOn('camera');
    local.turnOff('camera');
    await opening;
    expect(local.state.camera.status).toBe('off');
    expect(devices.opened[0]?.track.readyState).toBe('ended');
  });

  it('that is off is not opened by selecting another one', async () => {
    const { devices, local } = setUp();
    await local.choose('camera', 'cam-2');
    expect(devices.opened).toEqual([]);
    await local.turnOn('camera');
    expect(devices.opened[0]?.deviceId).toBe('cam-2');
  });

  it('that is selected but gone is replaced by any other', async () => {
    const { devices, local } = setUp();
    await local.choose('camera', 'cam-2');
    devices.missing.add('cam-2');
    await local.turnOn('camera');
    expect(local.state.camera.status).toBe('on');
    expect(devices.opened.map(({ deviceId }) => deviceId)).toEqual([undefined]);
  });

  it('that fails can be retried', async () => {
    const { devices, local } = setUp();
    devices.failures.camera = deviceError('camera', new DOMException('busy', 'NotReadableError'));
    await local.turnOn('camera');
    expect(local.state.camera).toMatchObject({ status: 'failed', error: { code: 'device-in-use' } });
    delete devices.failures.camera;
    await local.turnOn('camera');
    expect(local.state.camera.status).toBe('on');
  });
});

describe('a device that is unplugged while in use', () => {
  const gone = deviceError('camera', new DOMException('gone', 'NotFoundError'));

  it('is replaced by another, which is reported', async () => {
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

  it('without another fails, which is reported, and can be turned on again', async () => {
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

  it('is not reported if it was turned off meanwhile', async () => {
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

it('reports every change and releases everything at the end', async () => {
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
])("getUserMedia's %s becomes %s", (name, code) => {
  expect(deviceError('camera', new DOMException('text', name))).toMatchObject({ code, category: 'device' });
});

describe('the screen', () => {
  it('is captured with its audio, and released', async () => {
    const devices = new FakeDevices();
    const local = new LocalMedia(devices, silentLog);
    await local.shareScreen();
    await local.shareScreen();
    expect([local.state.screen.status, devices.screens.length]).toEqual(['on', 1]);
    local.stop();
    expect(devices.screens.map(({ video, sound }) => [video.readyState, sound?.readyState])).toEqual([['ended', 'ended']]);
  });

  it('whose prompt is canceled is not a failure', async () => {
    const devices = new FakeDevices();
    devices.failures.screen = deviceError('screen', new DOMException('no', 'NotAllowedError'));
    const local = new LocalMedia(devices, silentLog);
    await local.shareScreen();
    expect(local.state.screen).toEqual({ status: 'off' });
  });

  it('that is selected after sharing was canceled is not captured', async () => {
    const { devices, local } = setUp();
    devices.isAsking = true;
    const sharing = local.shareScreen();
    local.stop();
    devices.answer();
    await sharing;
    expect([local.state.screen.status, devices.live]).toEqual(['off', []]);
  });

  it('whose sharing is stopped by the browser is off', async () => {
    const devices = new FakeDevices();
    const local = new LocalMedia(devices, silentLog);
    await local.shareScreen();
    devices.screens[0]?.video.dispatchEvent(new Event('ended'));
    expect(local.state.screen).toEqual({ status: 'off' });
  });
});

it('flipping switches between the front and the back camera', async () => {
  const devices = new FakeDevices();
  const local = new LocalMedia(devices, silentLog);
  await local.turnOn('camera');
  await local.flipCamera();
  await local.flipCamera();
  expect(devices.requests.map(({ facing }) => facing)).toEqual([undefined, 'environment', 'user']);
});

it('another resolution reopens the camera and leaves the microphone alone', async () => {
  const devices = new FakeDevices();
  const local = new LocalMedia(devices, silentLog, { cameraHeight: 720, noiseSuppression: true });
  await local.turnOn('camera');
  await local.turnOn('microphone');
  await local.prefer({ cameraHeight: 360, noiseSuppression: true });
  expect(devices.opened.map(({ kind }) => kind)).toEqual(['camera', 'microphone', 'camera']);
  expect(devices.requests.at(-1)).toMatchObject({ cameraHeight: 360 });
});

describe('what is requested from the browser', () => {
  const remembered = { camera: 'cam-9', microphone: 'mic-9' };

  it('is the device of the last visit, or another if it is gone', () => {
    expect(constraintsFor('camera', { remembered })).toMatchObject({ video: { deviceId: { ideal: 'cam-9' } } });
    expect(constraintsFor('microphone', { remembered })).toMatchObject({ audio: { deviceId: { ideal: 'mic-9' } } });
  });

  it('is exactly the device that was just selected', () => {
    expect(constraintsFor('camera', { remembered, deviceId: 'cam-2' })).toMatchObject({ video: { deviceId: { exact: 'cam-2' } } });
  });

  it('is the other facing mode rather than the remembered camera after a flip', () => {
    expect(constraintsFor('camera', { remembered, facing: 'environment' }).video).not.toHaveProperty('deviceId');
  });

  it('is background blur only if it is turned on', () => {
    expect(constraintsFor('camera', { isBackgroundBlurred: true })).toMatchObject({ video: { backgroundBlur: { ideal: true } } });
    expect(constraintsFor('camera', {}).video).not.toHaveProperty('backgroundBlur');
  });
});

it('background blur reopens the camera and leaves the microphone alone', async () => {
  const { devices, local } = setUp();
  await Promise.all([local.turnOn('microphone'), local.turnOn('camera')]);
  await local.prefer({ isBackgroundBlurred: true });
  expect(devices.opened.map(({ kind }) => kind)).toEqual(['microphone', 'camera', 'camera']);
  expect(devices.requests.at(-1)).toMatchObject({ isBackgroundBlurred: true });
});
