/**
 * The view model of the whole app: the current screen, its data and its actions.
 *
 * Views read `state` and call actions; they decide nothing. All dependencies are injected.
 */

import { MAX_NAME_LENGTH, normalizeName } from '../core/peer/display-name';
import { readEntry, type Entry } from '../core/meeting/entry';
import type { ConveneError } from '../core/errors';
import { KINDS, NO_DEVICES, type CapturePreferences, type DeviceAccess, type DeviceKind, type DeviceList } from '../core/media/devices';
import { callProblem, type Environment } from '../core/media/environment';
import { isTurnedOn, LocalMedia, type LocalMediaState } from '../core/media/local-media';
import type { Log } from '../core/log';
import { fallbackTitle, pathOf, type MeetingAddress, type MeetingInfo, type WaitingFor } from '../core/meeting/meeting';
import type { PeerIds } from '../core/peer/kept-peer-id';
import type { EndCause } from '../core/session/close-reason';
import type { ConnectionState } from '../core/session/connection-state';
import type { CallStats } from '../core/session/connection/stats';
import type { Chime } from './call/announcements';
import { CallModel, type SessionPort } from './call/call-model';
import { withRecent, type RecentMeeting } from './recent';
import type { Settings } from './settings';
import { speakerInUse } from './call/speaker';
import { Store } from './store';

export type Screen =
  /** The front page. */
  | { name: 'home' }
  | { name: 'loading' }
  /** `mayAppear`: the URL names a meeting, which may be created later. */
  | { name: 'missing'; mayAppear: boolean }
  | { name: 'unsupported'; error: ConveneError }
  /** The link lacks the join token that this meeting requires. */
  | { name: 'tokenRequired' }
  | { name: 'preJoin' }
  /** The user has pressed join, the meeting is not ready. */
  | { name: 'waiting' }
  | { name: 'lobby' }
  | { name: 'call' }
  | { name: 'ended'; cause: EndCause; reason: string }
  | { name: 'failed'; error: ConveneError };

/** Why the text entered on the front page is not accepted. */
export type EntryProblem = Exclude<Entry['kind'], 'meeting'>;

/** What is known about the meeting before joining. */
interface MeetingBrief {
  title: string;
  waitingFor: WaitingFor | undefined;
  startsAt: number | undefined;
  participants: number | undefined;
  /** Whether a join token is required: the link alone is not enough. */
  needsToken: boolean;
  isRecorded: boolean;
  /** Whether this browser cannot send media to the server's addresses. */
  isOutOfReach: boolean;
  isReady: boolean;
  isUnreachable: boolean;
}

/** Screens with a self view. On all others, devices are released. */
const SHOWS_SELF: ReadonlySet<Screen['name']> = new Set(['preJoin', 'waiting', 'lobby', 'call']);

export interface AppState {
  screen: Screen;
  meeting: MeetingBrief;
  /** As typed; it is normalized before it is sent. */
  nameInput: string;
  canJoin: boolean;
  local: LocalMediaState;
  devices: DeviceList;
  settings: Settings;
  recent: readonly RecentMeeting[];
  /** Connection state of the current or last call. */
  connection: ConnectionState;
  call: CallModel | undefined;
}

export interface AppDependencies {
  address: MeetingAddress | undefined;
  /** The page's location; `assign` navigates. */
  page: Pick<Location, 'host' | 'protocol' | 'pathname' | 'assign'>;
  environment: Environment;
  devices: DeviceAccess;
  log: Log;
  fetchMeeting(address: MeetingAddress): Promise<MeetingInfo>;
  watchMeeting(address: MeetingAddress, listener: (info: MeetingInfo) => void): () => void;
  createSession(options: { address: MeetingAddress; peerId: string; displayName: string; localMedia: LocalMedia }): SessionPort;
  hasJoinToken: boolean;
  peerIds: PeerIds;
  chime: (sound: Chime) => void;
  /** A monotonic clock, in milliseconds. */
  now: () => number;
  loadName: () => string;
  saveName: (name: string) => void;
  settings: Settings;
  saveSettings: (settings: Settings) => void;
  recent: readonly RecentMeeting[];
  saveRecent: (recent: readonly RecentMeeting[]) => void;
}

export class AppModel {
  readonly #dependencies: AppDependencies;
  readonly #local: LocalMedia;
  readonly #store: Store<AppState>;
  #endWatch: (() => void) | undefined;
  #unsubscribeCall: (() => void) | undefined;
  /** Whether this join uses a second peer id, because another connection has the first. */
  #hasNewPeerId = false;
  /** The devices that were on when they were released. */
  #wanted: readonly DeviceKind[] = KINDS;

  constructor(dependencies: AppDependencies) {
    this.#dependencies = dependencies;
    this.#local = new LocalMedia(dependencies.devices, dependencies.log, preferencesOf(dependencies.settings));
    this.#store = new Store(initialState(dependencies, this.#local.state));
    this.#local.subscribe((local) => this.#set({ local }));
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
    await Promise.all(this.#wanted.map((kind) => this.#local.turnOn(kind)));
    await this.#listDevices();
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
    if (info.status === 'missing') return { name: 'missing', mayAppear: true };
    if (info.status === 'unreachable') return { name: 'preJoin' };
    if (info.isOver) return { name: 'ended', cause: 'meeting-ended', reason: '' };
    return info.needsToken && !this.#dependencies.hasJoinToken ? { name: 'tokenRequired' } : { name: 'preJoin' };
  }

  /** Watches the meeting until the call starts: participants, and whether it is ready; a waiting user then joins. */
  #watch(address: MeetingAddress): void {
    this.#endWatching();
    this.#endWatch = this.#dependencies.watchMeeting(address, (info) => {
      this.#set({ meeting: this.#briefOf(info) });
      const { screen, meeting, nameInput } = this.#store.get();
      const next = this.#screenFor(info);
      if (next.name !== 'preJoin') return this.#end(next);
      const displayName = normalizeName(nameInput);
      if (screen.name === 'waiting' && meeting.isReady && displayName !== undefined) this.#enter(displayName);
    });
  }

  #endWatching(): void {
    this.#endWatch?.();
    this.#endWatch = undefined;
  }

  #enter(displayName: string): void {
    const { address, chime, now } = this.#dependencies;
    if (address === undefined) return;
    this.#endWatching();
    const peerId = this.#dependencies.peerIds.take();
    const session = this.#dependencies.createSession({ address, peerId, displayName, localMedia: this.#local });
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
    });
    this.#set({ screen: { name: 'call' }, call });
    session.start();
  }

  #onConnection(connection: ConnectionState): void {
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
  }
}

function initialState({ address, page, environment, loadName, settings, recent }: AppDependencies, local: LocalMediaState): AppState {
  const nameInput = loadName();
  const title = address === undefined ? '' : fallbackTitle(address);
  return {
    screen: firstScreen({ address, page }, callProblem(environment)),
    meeting: {
      title,
      waitingFor: undefined,
      startsAt: undefined,
      participants: undefined,
      needsToken: false,
      isRecorded: false,
      isOutOfReach: false,
      isReady: true,
      isUnreachable: false,
    },
    nameInput,
    canJoin: normalizeName(nameInput) !== undefined,
    local,
    devices: NO_DEVICES,
    settings,
    recent,
    connection: { status: 'idle' },
    call: undefined,
  };
}

/** A meeting that is over or gone is not a failure: retrying is pointless. */
function screenOfFailure(error: ConveneError): Screen {
  if (error.code === 'meeting-over') return { name: 'ended', cause: 'meeting-ended', reason: '' };
  return error.code === 'meeting-missing' ? { name: 'missing', mayAppear: true } : { name: 'failed', error };
}

function firstScreen({ address, page }: Pick<AppDependencies, 'address' | 'page'>, problem: ConveneError | undefined): Screen {
  if (address === undefined && page.pathname !== '/') return { name: 'missing', mayAppear: false };
  // Also on the front page: it leads only to meetings that this browser cannot join.
  if (problem !== undefined) return { name: 'unsupported', error: problem };
  return { name: address === undefined ? 'home' : 'loading' };
}

function briefOf(info: MeetingInfo, before: MeetingBrief, { reachesLoopback }: Environment): MeetingBrief {
  if (info.status !== 'found') return { ...before, isUnreachable: info.status === 'unreachable' };
  const { title, waitingFor, startsAt, participants, needsToken, isRecorded, isReady } = info;
  const isOutOfReach = info.isLoopbackOnly && !reachesLoopback;
  return { title, waitingFor: isReady ? undefined : waitingFor, startsAt, participants, needsToken, isRecorded, isOutOfReach, isReady, isUnreachable: false };
}

function preferencesOf({ noiseSuppression, cameraHeight, isBackgroundBlurred, microphoneId, cameraId }: Settings): CapturePreferences {
  return { noiseSuppression, cameraHeight, isBackgroundBlurred, remembered: { microphone: microphoneId, camera: cameraId } };
}
