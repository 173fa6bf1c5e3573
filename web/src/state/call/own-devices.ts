/** Microphone, camera and screen in a call: actions of the user, within their permissions, and of moderators. */

import type { DeviceKind } from '../../core/media/devices';
import { isTurnedOn, trackOf, type DeviceLoss, type LocalMedia } from '../../core/media/local-media';
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
  /** Whether push-to-talk has opened the microphone. */
  #isTalking = false;

  constructor(context: OwnDevicesContext) {
    this.#context = context;
    this.#local = context.local;
  }

  toggle(kind: DeviceKind): void {
    this.#context.dismissProblem();
    if (kind === 'microphone') this.#isTalking = false;
    if (isTurnedOn(this.#local.state[kind])) this.#local.turnOff(kind);
    else if (this.#may(kind)) void this.#turnOn(kind);
  }

  /** Push-to-talk: opens the microphone while the key is held. One that was open stays open. */
  talk(isHeld: boolean): void {
    if (isHeld && !isTurnedOn(this.#local.state.microphone) && this.#may('microphone')) {
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

  /** Reopens interrupted devices. */
  reopenInterrupted(): void {
    void this.#local.reopenInterrupted();
  }

  /** Lets the browser ask for the microphone now, so that it need not ask on stage. */
  askPermission(): void {
    void this.#local.askPermission('microphone');
  }

  /** Releases devices that are no longer permitted. */
  applyPermissions({ audio, video, share }: PublishGrant): void {
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

  reportLoss(loss: DeviceLoss): void {
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
