/** A session with a fake server and fake devices. */

import { vi } from 'vitest';
import { FakeDevices, FakeMediaPath } from './fake-media';
import { FakeServer } from './fake-server';
import { silentLog } from '../core/log';
import { LocalMedia } from '../core/media/local-media';
import type { SessionEvent } from '../core/session/events';
import { openRoute } from '../core/session/connection/route';
import { Session, type SessionOptions } from '../core/session/session';

export interface Setup {
  server: FakeServer;
  devices: FakeDevices;
  local: LocalMedia;
  path: FakeMediaPath;
  session: Session;
  events: SessionEvent[];
  /** Messages that the session logged. */
  noted: string[];
}

export function setUp(change: Partial<SessionOptions> = {}): Setup {
  const server = new FakeServer();
  const devices = new FakeDevices();
  const local = new LocalMedia(devices, silentLog);
  const path = new FakeMediaPath();
  const noted: string[] = [];
  const session = new Session({
    findRoute: () => openRoute('ws://pod/signal/team/hello?peerId=abcdefgh'),
    displayName: 'Ada',
    localMedia: local,
    log: { ...silentLog, info: (message) => noted.push(message) },
    userAgent: 'Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36',
    createDevice: path.createDevice,
    openSocket: server.openSocket,
    ...change,
  });
  const events: SessionEvent[] = [];
  session.subscribe((one) => events.push(one));
  return { server, devices, local, path, session, events, noted };
}

/** Runs everything that is due now. */
export const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

export async function joined(isBlocked = false, change: Partial<SessionOptions> = {}): Promise<Setup> {
  const setup = setUp(change);
  setup.path.isBlocked = isBlocked;
  await setup.local.turnOn('microphone');
  await setup.local.turnOn('camera');
  setup.session.start();
  setup.server.socket.serverOpens();
  await settle();
  return setup;
}

export const statuses = (events: SessionEvent[]): string[] => events.flatMap((one) => (one.type === 'connection' ? [one.connection.status] : []));
