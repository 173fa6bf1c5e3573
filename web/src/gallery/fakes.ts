/** A fake session and fake devices for the scenes, so that every screen can be viewed without a server. */

import { deviceError, type DeviceAccess } from '../core/media/devices';
import type { ConnectionState } from '../core/session/connection-state';
import type { SessionEvent } from '../core/session/events';
import type { ChatPage } from '../core/signaling/decode';
import type { CallStats } from '../core/session/connection/stats';
import type { SessionPort } from '../state/call/call-model';
import { drawPerson, drawScreen } from './drawings';

export class SceneSession implements SessionPort {
  connection: ConnectionState = { status: 'connecting', attempt: 1 };
  readonly #listeners = new Set<(events: SessionEvent) => void>();

  subscribe(listener: (events: SessionEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(...events: SessionEvent[]): void {
    for (const one of events) {
      if (one.type === 'connection') this.connection = one.connection;
      for (const listener of [...this.#listeners]) listener(one);
    }
  }

  start(): void {
    // The scene emits the events.
  }

  leave(): void {
    this.emit({ type: 'connection', connection: { status: 'closed', cause: 'left', reason: '' } });
  }

  request(): Promise<unknown> {
    return Promise.resolve({});
  }

  say(): Promise<{ id: number; sentAt: number }> {
    return Promise.resolve({ id: 1000, sentAt: Date.now() });
  }

  /** Two pages before the messages of a scene. */
  history(before = 1): Promise<ChatPage> {
    const messages = before > 1 ? Array.from({ length: 20 }, (_, index) => before - 20 + index).filter((id) => id >= 1) : [];
    return Promise.resolve({ messages: messages.map(earlierMessage), hasMore: (messages[0] ?? 1) > 1 });
  }

  receive(): void {
    // Nothing is received.
  }

  noteFrame(): void {
    // Nothing is measured.
  }

  watch(): void {
    // There is no server to tell.
  }

  stats(): Promise<CallStats> {
    const stream = { framesDecoded: 900, audioLevel: 0.1, jitterSeconds: 0.004, packetsReceived: 12_000, packetsLost: 36 };
    return Promise.resolve({
      takenAt: performance.now(),
      joining: [
        { step: 'socket', milliseconds: -4210.4 },
        { step: 'receiving', milliseconds: -4032.7 },
        { step: 'click', milliseconds: 0 },
        { step: 'join', milliseconds: 0.9 },
        { step: 'joined', milliseconds: 34.2 },
        { step: 'consumer', milliseconds: 51.6 },
        { step: 'frame', milliseconds: 118.3 },
      ],
      path: { roundTripSeconds: 0.032, availableBitrate: 4_200_000, protocol: 'udp', localCandidate: 'host', remoteCandidate: 'host' },
      sent: [
        { kind: 'microphone', bytesSent: 4000 * performance.now(), frameWidth: 0, frameHeight: 0, framesPerSecond: 0, codec: 'opus', activeLayers: 0 },
        { kind: 'camera', bytesSent: 200 * performance.now(), frameWidth: 1280, frameHeight: 720, framesPerSecond: 30, codec: 'VP8', activeLayers: 3 },
      ],
      received: ['peer1', 'peer2'].flatMap((peerId) => [
        {
          ...stream,
          peerId,
          consumerId: `${peerId}-audio`,
          kind: 'audio' as const,
          bytesReceived: 4 * performance.now(),
          frameWidth: 0,
          frameHeight: 0,
          framesPerSecond: 0,
          codec: 'opus',
        },
        {
          ...stream,
          peerId,
          consumerId: `${peerId}-video`,
          kind: 'video' as const,
          bytesReceived: 90 * performance.now(),
          frameWidth: 640,
          frameHeight: 360,
          framesPerSecond: 30,
          codec: 'VP8',
        },
      ]),
    });
  }
}

function earlierMessage(id: number): ChatPage['messages'][number] {
  return { id, peerId: 'peer1', displayName: 'Grace Hopper', text: `Message number ${id}`, sentAt: Date.UTC(2026, 10, 25, 11) + id * 1000 };
}

const silence = (): MediaStreamTrack => {
  const track = new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
  if (track === undefined) throw new Error('could not create an audio track');
  return track;
};

/** Devices that open immediately, or fail with the given error, or never open. */
export function sceneDevices(failure?: string, hasNoSpeakers = false): DeviceAccess {
  return {
    open: (kind) => {
      if (failure === 'never') return new Promise(() => undefined);
      if (failure !== undefined) return Promise.reject(deviceError(kind, new DOMException('for the gallery', failure)));
      return Promise.resolve(kind === 'camera' ? drawPerson(3) : silence());
    },
    openScreen: () => Promise.resolve({ video: drawScreen(), sound: undefined }),
    list: () =>
      Promise.resolve({
        microphones: [
          { deviceId: 'm1', label: 'Headset (USB Audio)' },
          { deviceId: 'm2', label: 'Built-in microphone' },
        ],
        cameras: [
          { deviceId: 'c1', label: 'Integrated camera' },
          { deviceId: 'c2', label: 'Desk camera 4K' },
        ],
        speakers: hasNoSpeakers ? [] : [{ deviceId: 's1', label: 'Headset (USB Audio)' }],
      }),
    onChange: () => () => undefined,
    onReturn: () => () => undefined,
  };
}
