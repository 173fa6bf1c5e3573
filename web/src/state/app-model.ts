/**
 * The view model of the whole app: which screen is up, what it shows, and what people can do there.
 *
 * Views read `state` and call the actions; they decide nothing. Everything from outside is injected.
 */

import { MAX_NAME_LENGTH, normalizeName } from '../core/display-name';
import type { ConveneError } from '../core/errors';
import type { DeviceAccess, DeviceKind, DeviceList } from '../core/media/devices';
import { callProblem, type Environment } from '../core/media/environment';
import { LocalMedia, type LocalMediaState } from '../core/media/local-media';
import type { Log } from '../core/log';
import { fallbackTitle, type MeetingAddress, type MeetingInfo } from '../core/meeting';
import { newPeerId } from '../core/peer-id';
import type { EndCause } from '../core/session/close-reason';
import type { ConnectionState } from '../core/session/connection-state';
import type { SessionNews } from '../core/session/events';
import type { ReceivedStats } from '../core/session/stats';
import { EMPTY_ROOM, reduceRoom, type RoomView, type RoomViewEvent } from './participants';
import { Store } from './store';
import { tilesOf, type Tile } from './tiles';

export type Screen =
  | { name: 'loading' }
  | { name: 'missing' }
  | { name: 'unsupported'; error: ConveneError }
  | { name: 'preJoin' }
  | { name: 'call' }
  | { name: 'ended'; cause: EndCause; reason: string }
  | { name: 'failed'; error: ConveneError };

/** Something that went wrong and that one can go on with. */
export interface Notice {
  kind: DeviceKind;
  error: ConveneError;
}

export interface AppState {
  screen: Screen;
  title: string;
  /** What the meeting waits for, in the server's words. */
  waitingFor: string | undefined;
  /** As typed; what is sent is its normal form. */
  nameInput: string;
  canJoin: boolean;
  local: LocalMediaState;
  devices: DeviceList;
  connection: ConnectionState;
  tiles: Tile[];
  notice: Notice | undefined;
}

/** The session as far as the app uses it. */
export interface SessionPort {
  readonly connection: ConnectionState;
  subscribe(listener: (news: SessionNews) => void): () => void;
  start(): void;
  leave(): void;
  stats(): Promise<ReceivedStats[]>;
}

export interface AppDependencies {
  address: MeetingAddress | undefined;
  environment: Environment;
  devices: DeviceAccess;
  log: Log;
  fetchMeeting(address: MeetingAddress): Promise<MeetingInfo>;
  createSession(options: { address: MeetingAddress; peerId: string; displayName: string; localMedia: LocalMedia }): SessionPort;
  loadName: () => string;
  saveName: (name: string) => void;
}

interface Call {
  session: SessionPort;
  peerId: string;
  displayName: string;
  room: RoomView;
}

export class AppModel {
  readonly #dependencies: AppDependencies;
  readonly #local: LocalMedia;
  readonly #store: Store<AppState>;
  #call: Call | undefined;

  constructor(dependencies: AppDependencies) {
    this.#dependencies = dependencies;
    this.#local = new LocalMedia(dependencies.devices, dependencies.log);
    this.#store = new Store(initialState(dependencies, this.#local.state));
    this.#local.subscribe((local) => this.#onLocalMedia(local));
    dependencies.devices.onChange(() => void this.#listDevices());
  }

  get state(): Pick<Store<AppState>, 'get' | 'subscribe'> {
    return this.#store;
  }

  /** Called once when the page opens. */
  async open(): Promise<void> {
    const { address } = this.#dependencies;
    if (address === undefined || this.#store.get().screen.name !== 'loading') return;
    const info = await this.#dependencies.fetchMeeting(address);
    if (info.status === 'missing') {
      this.#set({ screen: { name: 'missing' } });
      return;
    }
    // A server that does not answer now may do so in a moment: the join has its own retries.
    this.#set({ screen: { name: 'preJoin' }, ...describe(info) });
    await this.startPreview();
  }

  /** Opens microphone and camera together, so that browsers ask once. */
  async startPreview(): Promise<void> {
    await Promise.all([this.#local.turnOn('microphone'), this.#local.turnOn('camera')]);
    await this.#listDevices();
  }

  setName(input: string): void {
    const nameInput = Array.from(input).slice(0, MAX_NAME_LENGTH).join('');
    this.#set({ nameInput, canJoin: normalizeName(nameInput) !== undefined });
  }

  join(): void {
    const { address } = this.#dependencies;
    const displayName = normalizeName(this.#store.get().nameInput);
    if (address === undefined || displayName === undefined || this.#call !== undefined) return;
    this.#dependencies.saveName(displayName);
    const peerId = newPeerId();
    const session = this.#dependencies.createSession({ address, peerId, displayName, localMedia: this.#local });
    this.#call = { session, peerId, displayName, room: EMPTY_ROOM };
    session.subscribe((news) => this.#onNews(session, news));
    this.#set({ screen: { name: 'call' }, notice: undefined });
    this.#showTiles();
    session.start();
  }

  leave(): void {
    this.#call?.session.leave();
  }

  /** From the end of a call back into it, with the devices as they were wished before. */
  async rejoin(): Promise<void> {
    this.#call?.session.leave();
    this.#call = undefined;
    this.#set({ screen: { name: 'preJoin' }, connection: { status: 'idle' } });
    await this.startPreview();
  }

  toggle(kind: DeviceKind): void {
    this.#set({ notice: undefined });
    if (this.#store.get().local[kind].status === 'on') this.#local.turnOff(kind);
    else void this.#turnOn(kind);
  }

  choose(kind: DeviceKind, deviceId: string): void {
    void this.#local.choose(kind, deviceId);
  }

  dismissNotice(): void {
    this.#set({ notice: undefined });
  }

  async stats(): Promise<ReceivedStats[]> {
    return (await this.#call?.session.stats()) ?? [];
  }

  async #turnOn(kind: DeviceKind): Promise<void> {
    await this.#local.turnOn(kind);
    const device = this.#local.state[kind];
    if (device.status === 'failed') this.#set({ notice: { kind, error: device.error } });
    await this.#listDevices();
  }

  async #listDevices(): Promise<void> {
    try {
      this.#set({ devices: await this.#dependencies.devices.list() });
    } catch (error) {
      this.#dependencies.log.warn('could not list the devices', error);
    }
  }

  #onLocalMedia(local: LocalMediaState): void {
    this.#set({ local });
    this.#showTiles();
  }

  #onNews(session: SessionPort, news: SessionNews): void {
    if (session !== this.#call?.session) return;
    if (news.type === 'connection') this.#onConnection(news.connection);
    else if (news.type === 'publishFailed') this.#set({ notice: { kind: news.kind, error: news.error } });
    else this.#foldRoom(news);
  }

  #onConnection(connection: ConnectionState): void {
    this.#set({ connection });
    switch (connection.status) {
      case 'reconnecting':
        return this.#foldRoom({ type: 'connectionLost' });
      case 'closed':
        return this.#end({ name: 'ended', cause: connection.cause, reason: connection.reason });
      case 'failed':
        return this.#end({ name: 'failed', error: connection.error });
      case 'idle':
      case 'connecting':
      case 'connected':
        return;
    }
  }

  #end(screen: Screen): void {
    const session = this.#call?.session;
    this.#call = undefined;
    session?.leave();
    this.#local.stop();
    this.#set({ screen, tiles: [], notice: undefined });
  }

  #foldRoom(event: RoomViewEvent): void {
    if (this.#call === undefined) return;
    this.#call = { ...this.#call, room: reduceRoom(this.#call.room, event) };
    this.#showTiles();
  }

  #showTiles(): void {
    if (this.#call === undefined) return;
    const { room, peerId, displayName } = this.#call;
    this.#set({ tiles: tilesOf(room, { peerId, displayName, local: this.#local.state }) });
  }

  #set(change: Partial<AppState>): void {
    this.#store.update((state) => ({ ...state, ...change }));
  }
}

function initialState({ address, environment, loadName }: AppDependencies, local: LocalMediaState): AppState {
  const nameInput = loadName();
  return {
    screen: firstScreen(address, callProblem(environment)),
    title: address === undefined ? '' : fallbackTitle(address),
    waitingFor: undefined,
    nameInput,
    canJoin: normalizeName(nameInput) !== undefined,
    local,
    devices: { microphones: [], cameras: [] },
    connection: { status: 'idle' },
    tiles: [],
    notice: undefined,
  };
}

function firstScreen(address: MeetingAddress | undefined, problem: ConveneError | undefined): Screen {
  if (address === undefined) return { name: 'missing' };
  return problem === undefined ? { name: 'loading' } : { name: 'unsupported', error: problem };
}

function describe(info: MeetingInfo): Partial<AppState> {
  if (info.status !== 'found') return { waitingFor: 'The server does not answer yet.' };
  return { title: info.title, waitingFor: info.isReady ? undefined : sentence(info.waitingFor ?? 'the meeting is being prepared') };
}

/** The server's reasons are written for logs: without a capital and a full stop. */
function sentence(reason: string): string {
  return `${reason.charAt(0).toLocaleUpperCase()}${reason.slice(1)}${/[.!?]$/u.test(reason) ? '' : '.'}`;
}
