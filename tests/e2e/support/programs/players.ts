// Programs that publish to and receive from a meeting without a browser: ffmpeg and gst-launch-1.0, with synthetic media and
// for a bounded time.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

import { AUDIO, type Destination, type Destinations, VIDEO } from './broadcaster.ts';
import { Program } from './program.ts';
import { waitUntil } from '../wait.ts';

/** Longer than any test publishes. */
const SECONDS = 60;
const FRAME_RATE = 15;

/** ffmpeg has a socket for RTP and another for RTCP: where both go to one port and one sender is expected, it sends RTP only. */
export function publishByFfmpeg({ audio, video }: Destinations): Program {
  const rtp = ({ ip, port, rtcpPort }: Destination, { ssrc, payloadType }: typeof AUDIO): string[] => [
    ...['-f', 'rtp', '-ssrc', String(ssrc), '-payload_type', String(payloadType)],
    ...(port === rtcpPort ? ['-rtpflags', 'skip_rtcp'] : []),
    `rtp://${ip}:${String(port)}?rtcpport=${String(rtcpPort)}`,
  ];
  return new Program('ffmpeg', [
    ...['-nostdin', '-hide_banner', '-loglevel', 'warning'],
    ...['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
    ...['-re', '-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=${String(FRAME_RATE)}`],
    ...['-map', '0:a', '-t', String(SECONDS), '-c:a', 'libopus', '-ac', '2', '-b:a', '64k', ...rtp(audio, AUDIO)],
    ...['-map', '1:v', '-t', String(SECONDS), '-c:v', 'libvpx', '-pix_fmt', 'yuv420p', '-b:v', '800k'],
    ...['-deadline', 'realtime', '-cpu-used', '8', '-g', String(FRAME_RATE), ...rtp(video, VIDEO)],
  ]);
}

export function publishByGStreamer({ audio, video }: Destinations): Program {
  const rtp = (session: number, { ip, port, rtcpPort }: Destination): string => {
    const number = String(session);
    const sink = (to: number): string => `udpsink host=${ip} port=${String(to)} sync=false async=false`;
    const [ofRtp, ofRtcp] = port === rtcpPort ? [`funnel name=both${number} ! ${sink(port)}`, `both${number}.`] : [sink(port), sink(rtcpPort)];
    return `rtpbin.send_rtp_sink_${number} rtpbin.send_rtp_src_${number} ! ${ofRtp} rtpbin.send_rtcp_src_${number} ! ${ofRtcp}`;
  };
  const pipeline = `rtpbin name=rtpbin
    audiotestsrc is-live=true freq=440 num-buffers=${String(SECONDS * 47)} ! audioconvert ! audioresample
      ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay pt=${String(AUDIO.payloadType)} ssrc=${String(AUDIO.ssrc)} ! ${rtp(0, audio)}
    videotestsrc is-live=true num-buffers=${String(SECONDS * FRAME_RATE)} ! video/x-raw,width=640,height=360,framerate=${String(FRAME_RATE)}/1
      ! vp8enc deadline=1 cpu-used=8 target-bitrate=800000 keyframe-max-dist=${String(FRAME_RATE)}
      ! rtpvp8pay pt=${String(VIDEO.payloadType)} ssrc=${String(VIDEO.ssrc)} picture-id-mode=2 ! ${rtp(1, video)}`;
  return new Program('gst-launch-1.0', ['-q', ...pipeline.split(/\s+/)]);
}

interface Receiving {
  readonly port: number;
  readonly rtcpPort: number;
  readonly payloadType: number;
}

/** Records what arrives at these local ports into a file, for some seconds from the first packet on. */
export function receiveByFfmpeg(audio: Receiving, video: Receiving, sdpFile: string, output: string, seconds: number): Program {
  const media = (kind: string, { port, rtcpPort, payloadType }: Receiving, codec: string): string[] => [
    `m=${kind} ${String(port)} RTP/AVPF ${String(payloadType)}`,
    `a=rtcp:${String(rtcpPort)}`,
    `a=rtpmap:${String(payloadType)} ${codec}`,
    `a=rtcp-fb:${String(payloadType)} nack pli`,
  ];
  const sdp = [
    'v=0',
    'o=- 0 0 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    ...media('audio', audio, 'opus/48000/2'),
    ...media('video', video, 'VP8/90000'),
  ];
  writeFileSync(sdpFile, `${sdp.join('\r\n')}\r\n`);
  return new Program('ffmpeg', [
    ...['-nostdin', '-hide_banner', '-loglevel', 'warning', '-protocol_whitelist', 'file,udp,rtp', '-i', sdpFile],
    ...['-map', '0:a', '-map', '0:v', '-c', 'copy', '-t', String(seconds), '-y', output],
  ]);
}

/** Some process of this machine listens at that UDP port. */
export async function listensAt(port: number): Promise<void> {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  await waitUntil(`a process listens at port ${String(port)}`, 10, () => {
    const tables = ['/proc/net/udp', '/proc/net/udp6'].map((file) => readFileSync(file, 'utf8'));
    return tables.some((table) => table.includes(hex)) ? undefined : 'no process does';
  });
}

/** Decodes the whole file: its number of audio and video frames. */
export async function decodedFrames(file: string): Promise<Readonly<Record<'audio' | 'video', number>>> {
  const show = ['-v', 'error', '-count_frames', '-show_entries', 'stream=codec_type,nb_read_frames', '-of', 'json'];
  const { stdout } = await promisify(execFile)('ffprobe', [...show, file]);
  const { streams } = JSON.parse(stdout) as { streams: { codec_type: string; nb_read_frames: string }[] };
  const count = (kind: string): number => Number(streams.find(({ codec_type }) => codec_type === kind)?.nb_read_frames ?? 0);
  return { audio: count('audio'), video: count('video') };
}
