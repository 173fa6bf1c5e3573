// Cameras, microphones and received media, independent of the protocol: for both clients.
import type { Codec, Received, VideoOptions } from './api.ts';

/** Scale, bitrate and layers of the demo's three simulcast encodings. */
const SIMULCAST = [
  { scaleResolutionDownBy: 4, maxBitrate: 500_000, scalabilityMode: 'L1T3' },
  { scaleResolutionDownBy: 2, maxBitrate: 1_000_000, scalabilityMode: 'L1T3' },
  { scaleResolutionDownBy: 1, maxBitrate: 5_000_000, scalabilityMode: 'L1T3' },
];

export function encodingsFor(options: VideoOptions): { maxBitrate: number; scalabilityMode: string; scaleResolutionDownBy?: number }[] {
  const { scalabilityMode } = options;
  return scalabilityMode === undefined ? SIMULCAST : [{ maxBitrate: 5_000_000, scalabilityMode }];
}

/** The device's capability for a codec, for `produce({ codec })`. */
export function pickCodec<C extends { readonly mimeType: string }>(codecs: readonly C[] | undefined, wanted: Codec | undefined): C | undefined {
  if (wanted === undefined) return undefined;
  const found = codecs?.find((codec) => codec.mimeType.toLowerCase().endsWith(`/${wanted.toLowerCase()}`));
  if (found === undefined) throw new Error(`this browser and the router share no ${wanted}`);
  return found;
}

export async function microphone(): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  return onlyTrack(stream.getAudioTracks());
}

export async function camera(): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 720 } } });
  return onlyTrack(stream.getVideoTracks());
}

/** Constantly changing video in place of a screen: there is no user to choose a window. */
export function screen(): MediaStreamTrack {
  const canvas = document.createElement('canvas');
  canvas.width = 640;
  canvas.height = 360;
  const context = canvas.getContext('2d');
  let turn = 0;
  const timer = setInterval(() => {
    if (context === null) return;
    turn += 1;
    context.fillStyle = `hsl(${String((turn * 7) % 360)} 80% 50%)`;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }, 100);
  const track = onlyTrack(canvas.captureStream(10).getVideoTracks());
  const stop = track.stop.bind(track);
  track.stop = () => {
    clearInterval(timer);
    stop();
  };
  return track;
}

function onlyTrack(tracks: readonly MediaStreamTrack[]): MediaStreamTrack {
  const [track] = tracks;
  if (track === undefined) throw new Error('the device has no track');
  return track;
}

/** Plays a track, as a real page does: browsers decode only what is played. Ends with the track. */
export function play(track: MediaStreamTrack): HTMLMediaElement {
  const element = document.createElement(track.kind === 'audio' ? 'audio' : 'video');
  element.autoplay = true;
  if (element instanceof HTMLVideoElement) element.muted = true;
  element.srcObject = new MediaStream([track]);
  document.body.append(element);
  element.play().catch(() => undefined); // an element that is removed before it plays says so
  return element;
}

type Entry = Readonly<Record<string, unknown>>;

const numberIn = (entry: Entry, key: string): number => (typeof entry[key] === 'number' ? entry[key] : 0);

export function readReceived(report: RTCStatsReport, of: { id: string; peerId: string; kind: 'audio' | 'video' }): Received {
  const entries = [...report.values()] as Entry[];
  const inbound: Entry = entries.find((entry) => entry['type'] === 'inbound-rtp' && entry['kind'] === of.kind) ?? {};
  const codec = entries.find((entry) => entry['type'] === 'codec' && entry['id'] === inbound['codecId']);
  return {
    consumerId: of.id,
    peerId: of.peerId,
    kind: of.kind,
    codec: String(codec?.['mimeType'] ?? ''),
    bytes: numberIn(inbound, 'bytesReceived'),
    packets: numberIn(inbound, 'packetsReceived'),
    energy: numberIn(inbound, 'totalAudioEnergy'),
    frames: numberIn(inbound, 'framesDecoded'),
    keyFrames: numberIn(inbound, 'keyFramesDecoded'),
    framesPerSecond: numberIn(inbound, 'framesPerSecond'),
    width: numberIn(inbound, 'frameWidth'),
    height: numberIn(inbound, 'frameHeight'),
  };
}

/** Protocol of the candidate pair in use. */
export function readWay(report: RTCStatsReport): string | undefined {
  const entries = [...report.values()] as Entry[];
  const transport = entries.find((entry) => entry['type'] === 'transport');
  const pair = entries.find((entry) => entry['id'] === transport?.['selectedCandidatePairId']);
  const local = entries.find((entry) => entry['id'] === pair?.['localCandidateId']);
  return local === undefined ? undefined : String(local['protocol']);
}
