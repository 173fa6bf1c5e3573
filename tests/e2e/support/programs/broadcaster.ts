// The scripts' side of the HTTP broadcaster API, in both variants: the older (`id`, `type`) and the newer (`peerId`, `direction`, `join`).
import { strict as assert } from 'node:assert';

export type Variant = 'L' | 'T';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON, or undefined. */
  readonly json: Record<string, unknown> | undefined;
}

/** Address of media to send or receive. */
export interface Destination {
  readonly ip: string;
  readonly port: number;
  readonly rtcpPort: number;
}

export interface Destinations {
  readonly audio: Destination;
  readonly video: Destination;
}

export const AUDIO = { ssrc: 1111, payloadType: 100 };
export const VIDEO = { ssrc: 2222, payloadType: 101 };

const FEEDBACK = [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }, { type: 'ccm', parameter: 'fir' }];

export const OPUS = {
  codecs: [{ mimeType: 'audio/opus', payloadType: AUDIO.payloadType, clockRate: 48000, channels: 2, parameters: { 'sprop-stereo': 1 } }],
  encodings: [{ ssrc: AUDIO.ssrc }],
};
export const VP8 = (variant: Variant): object => ({
  codecs: [{ mimeType: 'video/vp8', payloadType: VIDEO.payloadType, clockRate: 90000, ...(variant === 'T' ? { rtcpFeedback: FEEDBACK } : {}) }],
  encodings: [{ ssrc: VIDEO.ssrc }],
});

export class Broadcaster {
  readonly peerId: string;
  readonly variant: Variant;
  readonly #server: string;
  readonly #room: string;

  constructor(server: string, room: string, variant: Variant, peerId: string) {
    this.#server = server;
    this.#room = room;
    this.variant = variant;
    this.peerId = peerId;
  }

  /** Any request; `path` is relative to the room, or to this broadcaster with `~`. */
  async call(method: 'GET' | 'POST' | 'DELETE', path = '', body?: object): Promise<Answer> {
    const own = `/broadcasters/${this.peerId}`;
    const answer = await fetch(`${this.#server}/rooms/${this.#room}${path.replace('~', own)}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.variant === 'T' ? { origin: this.#server } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      json: isJson ? (JSON.parse(text) as Record<string, unknown>) : undefined,
    };
  }

  /** A request that must succeed, as with the scripts' `--check-status`. */
  async ok(method: 'GET' | 'POST' | 'DELETE', path = '', body?: object): Promise<Record<string, unknown>> {
    const { status, text, json } = await this.call(method, path, body);
    assert(status >= 200 && status < 300, `${method} ${path} says ${String(status)} ${text}`);
    return json ?? {};
  }

  async create(displayName: string): Promise<void> {
    const device = this.variant === 'L' ? { name: 'FFmpeg' } : { name: 'FFmpeg', flag: 'ffmpeg' };
    const id = this.variant === 'L' ? { id: this.peerId } : { peerId: this.peerId };
    await this.ok('POST', '/broadcasters', { ...id, displayName, device });
  }

  /** A plain transport: its id and where it listens. */
  async plainTransport(direction: 'producer' | 'consumer', options: { comedia: boolean; rtcpMux: boolean }): Promise<{ id: string } & Destination> {
    const how = this.variant === 'L' ? { type: 'plain' } : { direction };
    const answer = await this.ok('POST', '~/transports', { ...how, ...options });
    const id = answer[this.variant === 'L' ? 'id' : 'transportId'];
    const { ip, port, rtcpPort = port } = answer;
    assert(typeof id === 'string' && typeof ip === 'string' && typeof port === 'number' && typeof rtcpPort === 'number', JSON.stringify(answer));
    assert.equal(answer['rtcpPort'] === undefined, options.rtcpMux, 'rtcpPort is there exactly when RTCP has its own port');
    return { id, ip, port, rtcpPort };
  }

  async #produce(transportId: string, kind: 'audio' | 'video', rtpParameters: object): Promise<void> {
    if (this.variant === 'L') {
      const { id } = await this.ok('POST', `~/transports/${transportId}/producers`, { kind, rtpParameters });
      assert(typeof id === 'string');
      return;
    }
    const { producerId } = await this.ok('POST', '~/producers', { transportId, kind, rtpParameters, appData: { source: kind } });
    assert(typeof producerId === 'string');
  }

  /** All that the sending scripts do before they start their player. */
  async publish(displayName: string, rtcpMux: boolean): Promise<Destinations> {
    await this.ok('GET');
    await this.create(displayName);
    const audio = await this.plainTransport('producer', { comedia: true, rtcpMux });
    const video = await this.plainTransport('producer', { comedia: true, rtcpMux });
    if (this.variant === 'T') await this.ok('POST', '~/join');
    await this.#produce(audio.id, 'audio', OPUS);
    await this.#produce(video.id, 'video', VP8(this.variant));
    return { audio, video };
  }

  async end(): Promise<void> {
    await this.ok('DELETE', '~');
  }
}
