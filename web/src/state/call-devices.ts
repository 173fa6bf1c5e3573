/** Microphone, camera and screen as a call uses them: switched by the person, by a held key and by moderators. What fails becomes a toast. */

import type { DeviceKind } from '../core/media/devices';
import type { DeviceLoss, LocalMedia } from '../core/media/local-media';
import type { SendKind } from '../core/session/publisher';
import type { ConveneError } from '../core/errors';
import type { PublishGrant, PublishSource } from '../generated/messages';
import type { ToastContent } from './toasts';

interface CallDevicesDependencies {
  local: LocalMedia;
  rights: () => PublishGrant;
  toast: (content: ToastContent) => void;
}

export class CallDevices {
  readonly #dependencies: CallDevicesDependencies;
  /** The microphone is open for as long as a key is held. */
  #isTalking = false;

  constructor(dependencies: CallDevicesDependencies) {
    this.#dependencies = dependencies;
  }

  toggle(kind: DeviceKind): void {
    const { local } = this.#dependencies;
    if (local.state[kind].status === 'on') local.turnOff(kind);
    else if (this.#mayPublish(kind)) void this.#turnOn(kind);
  }

  /** Opens the microphone while a key is held down. One that was open stays so. */
  talk(isHeld: boolean): void {
    const { local } = this.#dependencies;
    if (isHeld && local.state.microphone.status !== 'on' && this.#mayPublish('microphone')) {
      this.#isTalking = true;
      void this.#turnOn('microphone').then(() => {
        if (!this.#isTalking) local.turnOff('microphone');
      });
    } else if (!isHeld && this.#isTalking) {
      this.#isTalking = false;
      local.turnOff('microphone');
    }
  }

  toggleShare(): void {
    const { local, rights } = this.#dependencies;
    if (local.state.screen.status === 'on') local.stopScreen();
    else if (rights().share) void this.#share();
  }

  /** What one may not send any more is given back. */
  keepTo(publish: PublishGrant): void {
    const { local } = this.#dependencies;
    if (!publish.audio) local.release('microphone');
    if (!publish.video) local.release('camera');
    if (!publish.share) local.stopScreen();
  }

  onMuted(source: PublishSource): void {
    const { local, toast } = this.#dependencies;
    this.#isTalking = false;
    if (source === 'audio') local.turnOff('microphone');
    else if (source === 'video') local.turnOff('camera');
    else local.stopScreen();
    toast({ kind: 'muted', source });
  }

  onLoss(loss: DeviceLoss): void {
    const { kind: device } = loss;
    this.#dependencies.toast(loss.replaced ? { kind: 'replaced', device } : { kind: 'problem', device, error: loss.error });
  }

  async #turnOn(kind: DeviceKind): Promise<void> {
    const { local } = this.#dependencies;
    await local.turnOn(kind);
    const device = local.state[kind];
    if (device.status === 'failed') this.#tellProblem(kind, device.error);
  }

  async #share(): Promise<void> {
    const { local } = this.#dependencies;
    await local.shareScreen();
    const { screen } = local.state;
    if (screen.status === 'failed') this.#tellProblem('screen', screen.error);
  }

  #tellProblem(device: SendKind, error: ConveneError): void {
    this.#dependencies.toast({ kind: 'problem', device, error });
  }

  #mayPublish(kind: DeviceKind): boolean {
    return this.#dependencies.rights()[kind === 'microphone' ? 'audio' : 'video'];
  }
}
