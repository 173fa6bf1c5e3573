/**
 * The view model of the whole app: the current screen, its data and its actions.
 *
 * Views read `state` and call actions; they decide nothing. All dependencies are injected.
 */

import { KINDS, type DeviceKind, type DeviceList } from '../../core/media/devices';
import { isTurnedOn, LocalMedia } from '../../core/media/local-media';
import { readEntry } from '../../core/meeting/entry';
import { pathOf, type MeetingAddress, type MeetingInfo } from '../../core/meeting/meeting';
import { MAX_NAME_LENGTH, normalizeName } from '../../core/peer/display-name';
import type { ConnectionState } from '../../core/session/connection-state';
import type { CallStats } from '../../core/session/connection/stats';
import type { Preparation } from '../../core/session/preparation';
import { CallModel } from '../call/call-model';
import { speakerInUse } from '../call/speaker';
import type { Settings } from '../settings';
import { Hold } from '../pace';
import { Store } from '../store';
import type { AppDependencies } from './app-dependencies';
import {
  briefOf,
  initialState,
  preferencesOf,
  screenOf,
  screenOfFailure,
  SHOWS_SELF,
  type AppState,
  type EntryProblem,
  type MeetingBrief,
  type Screen,
} from './app-state';
import { Preparer } from './preparer';
import { withRecent, type RecentMeeting } from './recent';

/** The screen after the click on "join" is shown with the first video, or at the latest when a user would notice the delay. */
const RENDER_WITHIN_MS = 100;

export class AppModel {
  readonly #dependencies: AppDependencies;
  readonly #local: LocalMedia;
  readonly #store: Store<AppState>;
  readonly #hold = new Hold();
  readonly #preparer: Preparer<Preparation> | undefined;
  /** Whether microphone and camera have been opened once, or failed to. */
  #hasPreview = false;
  #endWatch: (() => void) | undefined;
  #unsubscribeCall: (() => void) | undefined;
  /** Whether this join uses a second peer id, because another connection has the first. */
  #hasNewPeerId = false;
  /** The devices that were on when they were released. */
  #wanted: readonly DeviceKind[] = KINDS;

  constructor(dependencies: AppDependencies) {
    this.#dependencies = dependencies;
    this.#local = new LocalMedia(dependencies.devices, dependencies.log, preferencesOf(dependencies.settings));
    this.#store = new Store(initialState(dependencies, this.#local.state), this.#hold.pace);
    this.#preparer = this.#preparerFor(dependencies);
    this.#local.subscribe((local) => this.#set({ local }));
    dependencies.watchPresence((isHere) => this.#preparer?.setPresence(isHere));
    dependencies.devices.onChange(() => void this.#listDevices());
    dependencies.devices.onReturn(() => void this.#local.reopenInterrupted());
  }

  get state(): Pick<Store<AppState>, 'get' | 'subscribe'> {
    return this.#store;
  }

  /** Called once when the page loads. */
  async open(): Promise<void> {
    if (this.#store.get().screen.name === 'loading') await this.#arrive();
  }

  /** Shows the screen that matches the state of the meeting, usually the pre-join screen. */
  async #arrive(): Promise<void> {
    const { address } = this.#dependencies;
    if (address === undefined) return;
    const info = await this.#dependencies.fetchMeeting(address);
    const screen = this.#screenFor(info);
    // A server that does not respond now may do so soon: the join has its own retries.
    this.#set({ screen, meeting: this.#briefOf(info) });
    if (screen.name !== 'preJoin') return;
    this.#watch(address);
    await this.startPreview();
  }

  /** Opens microphone and camera together, so that browsers prompt once. */
  async startPreview(): Promise<void> {
    const wanted = this.#store.get().meeting.isViewer ? [] : this.#wanted;
    await Promise.all(wanted.map((kind) => this.#local.turnOn(kind)));
    this.#hasPreview = true;
    this.#prepare();
    await this.#listDevices();
    this.#set({ hasListedDevices: true });
  }

  /** Navigates from the front page to the meeting with this code or link. */
  goTo(text: string): EntryProblem | undefined {
    const { page } = this.#dependencies;
    const entry = readEntry(text, page);
    if (entry.kind !== 'meeting') return entry.kind;
    page.assign(entry.path);
    return undefined;
  }

  clearRecent(): void {
    this.#setRecent([]);
  }

  setName(input: string): void {
    const nameInput = Array.from(input).slice(0, MAX_NAME_LENGTH).join('');
    this.#set({ nameInput, canJoin: normalizeName(nameInput) !== undefined });
  }

  join(): void {
    const displayName = normalizeName(this.#store.get().nameInput);
    if (displayName === undefined || this.#store.get().call !== undefined) return;
    this.#dependencies.saveName(displayName);
    this.#hasNewPeerId = false;
    const { isReady, isUnreachable } = this.#store.get().meeting;
    if (isReady || isUnreachable) this.#enter(displayName);
    else this.#set({ screen: { name: 'waiting' } });
  }

  /** Back from the waiting screen or the lobby to the pre-join screen, or out of the call. */
  leave(): void {
    const { screen, call } = this.#store.get();
    if (screen.name === 'waiting') this.#set({ screen: { name: 'preJoin' } });
    else if (screen.name === 'lobby') void this.rejoin();
    else call?.leave();
  }

  /** From the end of a call back to the pre-join screen, if the meeting still exists. */
  async rejoin(): Promise<void> {
    this.#closeCall();
    this.#set({ screen: { name: 'loading' }, connection: { status: 'idle' } });
    await this.#arrive();
  }

  toggle(kind: DeviceKind): void {
    if (isTurnedOn(this.#local.state[kind])) this.#local.turnOff(kind);
    else void this.#local.turnOn(kind).then(() => this.#listDevices());
  }

  choose(kind: DeviceKind, deviceId: string): void {
    void this.#local.choose(kind, deviceId);
    this.change(kind === 'microphone' ? { microphoneId: deviceId } : { cameraId: deviceId });
  }

  flipCamera(): void {
    void this.#local.flipCamera();
  }

  change(change: Partial<Settings>): void {
    const settings = { ...this.#store.get().settings, ...change };
    this.#dependencies.saveSettings(settings);
    this.#set({ settings });
    this.#store.get().call?.watchAgain();
    void this.#local.prefer(preferencesOf(settings));
  }

  async stats(): Promise<CallStats | undefined> {
    return this.#store.get().call?.stats();
  }

  #briefOf(info: MeetingInfo): MeetingBrief {
    return briefOf(info, this.#store.get().meeting, this.#dependencies.environment);
  }

  #screenFor(info: MeetingInfo): Screen {
    return screenOf(info, this.#dependencies.hasJoinToken);
  }

  /** Watches the meeting until the call starts: participants, and whether it is ready; a waiting user then joins. */
  #watch(address: MeetingAddress): void {
    this.#endWatching();
    this.#endWatch = this.#dependencies.watchMeeting(address, (info) => {
      const wasViewer = this.#store.get().meeting.isViewer;
      this.#set({ meeting: this.#briefOf(info) });
      const { screen, meeting, nameInput } = this.#store.get();
      if (meeting.isViewer !== wasViewer) this.#onViewer(meeting.isViewer);
      const next = this.#screenFor(info);
      if (next.name !== 'preJoin') return this.#end(next);
      const displayName = normalizeName(nameInput);
      if (screen.name === 'waiting' && meeting.isReady && displayName !== undefined) this.#enter(displayName);
    });
  }

  /** Before the call it became known that this participant joins as a viewer, who needs no devices, or no longer does. */
  #onViewer(isViewer: boolean): void {
    if (isViewer) this.#giveDevicesBack();
    else void this.startPreview();
  }

  #endWatching(): void {
    this.#endWatch?.();
    this.#endWatch = undefined;
  }

  #enter(displayName: string): void {
    const { address, chime, now } = this.#dependencies;
    if (address === undefined) return;
    this.#hold.start(RENDER_WITHIN_MS);
    const peerId = this.#dependencies.peerIds.take();
    const preparation = this.#preparer?.take(peerId);
    const session = this.#dependencies.createSession({ address, peerId, displayName, localMedia: this.#local, preparation });
    const call = new CallModel({
      session,
      local: this.#local,
      ...{ peerId, displayName, now },
      receiveQuality: () => this.#store.get().settings.receive,
      chime: (sound) => {
        if (this.#store.get().settings.hasSounds) chime(sound);
      },
    });
    this.#unsubscribeCall = session.subscribe((event) => {
      if (event.type === 'connection') this.#onConnection(event.connection);
      if (event.type === 'trackAdded' || (event.type === 'joined' && event.peers.length === 0)) this.#hold.releaseSoon();
    });
    // The request to join goes out before anything is rendered.
    session.start();
    this.#endWatching();
    this.#set({ screen: { name: 'call' }, call });
  }

  #preparerFor({ address, peerIds, prepare, now }: AppDependencies): Preparer<Preparation> | undefined {
    if (address === undefined) return undefined;
    return new Preparer({
      prepare: (onChange) => prepare({ address, peerId: peerIds.next(), localMedia: this.#local, onChange }),
      onChange: (isPrepared) => {
        if (isPrepared !== this.#store.get().isPrepared) this.#set({ isPrepared });
      },
      now,
    });
  }

  #prepare(): void {
    const { screen, meeting } = this.#store.get();
    const { savesData } = this.#dependencies.environment;
    this.#preparer?.update({ screen: screen.name, meeting, hasPreview: this.#hasPreview, savesData });
  }

  #onConnection(connection: ConnectionState): void {
    if (connection.status !== 'connecting' && connection.status !== 'connected') this.#hold.releaseSoon();
    this.#set({ connection });
    switch (connection.status) {
      case 'lobby':
        return this.#set({ screen: { name: 'lobby' } });
      case 'connected':
        this.#hasNewPeerId = false;
        this.#noteRecent();
        return this.#set({ screen: { name: 'call' } });
      case 'closed':
        this.#dependencies.peerIds.forget();
        if (connection.cause === 'peer-id-taken' && !this.#hasNewPeerId) return this.#enterAgain();
        return this.#end({ name: 'ended', cause: connection.cause, reason: connection.reason });
      case 'failed':
        return this.#end(screenOfFailure(connection.error));
      case 'idle':
      case 'connecting':
      case 'interrupted':
      case 'reconnecting':
        return;
    }
  }

  #noteRecent(): void {
    const { address } = this.#dependencies;
    const { meeting, recent } = this.#store.get();
    if (address !== undefined) this.#setRecent(withRecent(recent, { path: pathOf(address), title: meeting.title }));
  }

  #setRecent(recent: readonly RecentMeeting[]): void {
    this.#dependencies.saveRecent(recent);
    this.#set({ recent });
  }

  /** Retries once with a new peer id: another connection has the old one, and this client cannot prove that it is the same. */
  #enterAgain(): void {
    const displayName = normalizeName(this.#store.get().nameInput);
    this.#hasNewPeerId = true;
    this.#closeCall();
    if (displayName !== undefined) this.#enter(displayName);
  }

  #end(screen: Screen): void {
    this.#endWatching();
    this.#closeCall();
    this.#set({ screen });
  }

  #giveDevicesBack(): void {
    const { local, screen } = this.#store.get();
    if (SHOWS_SELF.has(screen.name)) this.#wanted = KINDS.filter((kind) => isTurnedOn(local[kind]) || local[kind].status === 'failed');
    this.#local.stop();
  }

  #closeCall(): void {
    const { call } = this.#store.get();
    this.#unsubscribeCall?.();
    this.#unsubscribeCall = undefined;
    this.#set({ call: undefined });
    call?.close();
  }

  async #listDevices(): Promise<void> {
    try {
      this.#noteDevices(await this.#dependencies.devices.list());
    } catch (error) {
      this.#dependencies.log.warn('could not list the devices', error);
    }
  }

  #noteDevices(devices: DeviceList): void {
    const { devices: before, settings, call } = this.#store.get();
    const isSpeakerGone = speakerInUse(settings.speakerId, before) !== undefined && speakerInUse(settings.speakerId, devices) === undefined;
    this.#set({ devices });
    if (isSpeakerGone) call?.toast({ kind: 'replaced', device: 'speaker', name: '' });
  }

  #set(change: Partial<AppState>): void {
    if (change.screen !== undefined && !SHOWS_SELF.has(change.screen.name)) this.#giveDevicesBack();
    this.#store.update((state) => ({ ...state, ...change }));
    if (change.screen !== undefined || change.meeting !== undefined) this.#prepare();
  }
}
