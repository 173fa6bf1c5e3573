/** What people do with their own microphone, camera and screen in a call, within what they may; and what moderators do with them. */

import type { DeviceKind } from '../../core/media/devices';
import { isWished, trackOf, type DeviceLoss, type LocalMedia } from '../../core/media/local-media';
import type { PublishGrant, PublishSource } from '../../generated/messages';
import type { ToastContent } from './toasts';

export interface OwnDevicesContext {
  local: LocalMedia;
  rights: () => PublishGrant;
  toast: (content: ToastContent) => void;
  dismissProblem: () => void;
}

export class OwnDevices {
  readonly #context: OwnDevicesContext;
  readonly #local: LocalMedia;
  /** The microphone is open for as long as a key is held. */
  #isTalking = false;

  constructor(context: OwnDevicesContext) {
    this.#context = context;
    this.#local = context.local;
  }

  toggle(kind: DeviceKind): void {
    this.#context.dismissProblem();
    if (kind === 'microphone') this.#isTalking = false;
    if (isWished(this.#local.state[kind])) this.#local.turnOff(kind);
    else if (this.#may(kind)) void this.#turnOn(kind);
  }

  /** Opens the microphone while a key is held down. One that was open stays so. */
  talk(isHeld: boolean): void {
    if (isHeld && !isWished(this.#local.state.microphone) && this.#may('microphone')) {
      this.#isTalking = true;
      void this.#turnOn('microphone');
    } else if (!isHeld && this.#isTalking) {
      this.#isTalking = false;
      this.#local.turnOff('microphone');
    }
  }

  toggleShare(): void {
    if (this.#local.state.screen.status === 'on') this.#local.stopScreen();
    else if (this.#context.rights().share) void this.#share();
  }

  /** Opens anew what the system had taken away. */
  mend(): void {
    void this.#local.mend();
  }

  /** Gives back what may not be sent any more. */
  obey({ audio, video, share }: PublishGrant): void {
    if (!audio) this.#local.release('microphone');
    if (!video) this.#local.release('camera');
    if (!share) this.#local.stopScreen();
  }

  mutedByModerator(source: PublishSource): void {
    this.#isTalking = false;
    if (source === 'audio') this.#local.turnOff('microphone');
    else if (source === 'video') this.#local.turnOff('camera');
    else this.#local.stopScreen();
    this.#context.toast({ kind: 'muted', source });
  }

  tellLoss(loss: DeviceLoss): void {
    const { kind: device } = loss;
    const name = trackOf(this.#local.state[device])?.label ?? '';
    this.#context.toast(loss.replaced ? { kind: 'replaced', device, name } : { kind: 'problem', device, error: loss.error });
  }

  async #turnOn(kind: DeviceKind): Promise<void> {
    await this.#local.turnOn(kind);
    const device = this.#local.state[kind];
    if (device.status === 'failed') this.#context.toast({ kind: 'problem', device: kind, error: device.error });
  }

  async #share(): Promise<void> {
    await this.#local.shareScreen();
    const { screen } = this.#local.state;
    if (screen.status === 'failed') this.#context.toast({ kind: 'problem', device: 'screen', error: screen.error });
  }

  #may(kind: DeviceKind): boolean {
    return this.#context.rights()[kind === 'microphone' ? 'audio' : 'video'];
  }
}
