/** An app model with a fake server and fake devices. */

import { vi } from 'vitest';
import { silentLog } from '../core/log';
import type { MeetingInfo } from '../core/meeting/meeting';
import { newPeerId } from '../core/peer/peer-id';
import { openRoute } from '../core/session/connection/route';
import { Preparation } from '../core/session/preparation';
import { Session } from '../core/session/session';
import { FakeDevices, FakeMediaPath } from './fake-media';
import { FakeServer } from './fake-server';
import type { AppDependencies } from '../state/app/app-dependencies';
import { AppModel } from '../state/app/app-model';
import type { CallState } from '../state/call/call-state';
import type { RecentMeeting } from '../state/app/recent';
import { readSettings } from '../state/settings';

export const FOUND: MeetingInfo & { status: 'found' } = {
  status: 'found',
  title: 'Weekly',
  isReady: true,
  isOver: false,
  waitingFor: undefined,
  startsAt: undefined,
  participants: 2,
  needsToken: false,
  isViewer: false,
  isRecorded: false,
  isLoopbackOnly: false,
};

export const AT_FRONT_DOOR: Partial<AppDependencies> = {
  address: undefined,
  page: { host: 'meet.example', protocol: 'https:', pathname: '/', assign: () => undefined },
};

export const NO_WEBRTC: AppDependencies['environment'] = {
  isSecureContext: true,
  hasPeerConnection: false,
  hasMediaDevices: true,
  reachesLoopback: true,
  savesData: false,
};

/** Nothing is prepared. */
export const SAVES_DATA: AppDependencies['environment'] = { ...NO_WEBRTC, hasPeerConnection: true, savesData: true };

interface Presence {
  listener: (isHere: boolean) => void;
}

interface Watch {
  listener: (info: MeetingInfo) => void;
  hasEnded: boolean;
}

export interface Setup {
  model: AppModel;
  server: FakeServer;
  devices: FakeDevices;
  saved: string[];
  /** The lists of recent meetings as they were stored. */
  kept: (readonly RecentMeeting[])[];
  watch: Watch;
  presence: Presence;
}

export function setUp(change: Partial<AppDependencies> = {}, info: MeetingInfo = FOUND): Setup {
  const server = new FakeServer();
  const devices = new FakeDevices();
  const saved: string[] = [];
  const kept: (readonly RecentMeeting[])[] = [];
  const presence: Presence = { listener: () => undefined };
  const watch: Watch = { listener: () => undefined, hasEnded: false };
  const model = new AppModel({
    address: { rest: 'team-a/stand-up' },
    page: { host: 'meet.example', protocol: 'https:', pathname: '/m/team-a/stand-up', assign: () => undefined },
    environment: { isSecureContext: true, hasPeerConnection: true, hasMediaDevices: true, reachesLoopback: true, savesData: false },
    devices,
    log: silentLog,
    fetchMeeting: () => Promise.resolve(info),
    createSession: ({ peerId, displayName, localMedia, preparation }) =>
      new Session({
        findRoute: () => openRoute(`ws://pod/?peerId=${peerId}`),
        displayName,
        localMedia,
        log: silentLog,
        userAgent: '',
        createDevice: new FakeMediaPath().createDevice,
        openSocket: server.openSocket,
        preparation,
      }),
    watchMeeting: (_address, listener) => {
      watch.listener = listener;
      return () => (watch.hasEnded = true);
    },
    hasJoinToken: false,
    peerIds: somePeerIds(),
    prepare: ({ peerId, localMedia, onChange }) =>
      new Preparation({
        peerId,
        localMedia,
        findRoute: () => openRoute(`ws://pod/?peerId=${peerId}`),
        log: silentLog,
        onChange,
        createDevice: new FakeMediaPath().createDevice,
        openSocket: server.openSocket,
      }),
    watchPresence: (listener) => (presence.listener = listener),
    chime: () => undefined,
    now: () => 0,
    settings: readSettings(null, ['en']),
    saveSettings: () => undefined,
    recent: [],
    saveRecent: (recent) => kept.push(recent),
    loadName: () => '',
    saveName: (name) => saved.push(name),
    ...change,
  });
  return { model, server, devices, saved, watch, presence, kept };
}

/** New ones, as without the Web Locks API. */
function somePeerIds(): AppDependencies['peerIds'] {
  let upcoming: string | undefined;
  return {
    next: () => (upcoming ??= newPeerId()),
    take: () => {
      const id = upcoming ?? newPeerId();
      upcoming = undefined;
      return id;
    },
    forget: () => undefined,
  };
}

export const callOf = ({ model }: Pick<Setup, 'model'>): CallState => {
  const state = model.state.get().call?.state.get();
  if (state === undefined) throw new Error('there is no call');
  return state;
};

export async function inCall(): Promise<Setup> {
  const app = setUp();
  await app.model.open();
  app.model.setName(' Ada ');
  app.model.join();
  app.server.socket.serverOpens();
  await vi.advanceTimersByTimeAsync(0);
  return app;
}
