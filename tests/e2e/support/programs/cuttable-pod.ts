// A media pod behind proxies that a test can cut: one for page and signaling, one for media.
import { TcpWay, UdpWay } from './cut.ts';
import { MediaPod } from './media-pod.ts';
import { freeBlock } from './ports.ts';

export class CuttablePod {
  readonly pod: MediaPod;
  /** Page and signaling of participants that use `place`. */
  readonly signaling: TcpWay;
  readonly #media: UdpWay;
  readonly #mediaByTcp: TcpWay;

  private constructor(pod: MediaPod, signaling: TcpWay, media: UdpWay, mediaByTcp: TcpWay) {
    this.pod = pod;
    this.signaling = signaling;
    this.#media = media;
    this.#mediaByTcp = mediaByTcp;
  }

  static async start(): Promise<CuttablePod> {
    const rtcPort = await freeBlock(1);
    const [media, mediaByTcp] = await Promise.all([UdpWay.open(rtcPort), TcpWay.open(rtcPort)]);
    const port = String(rtcPort);
    const announced = `${port}/udp=${String(media.port)},${port}/tcp=${String(mediaByTcp.port)}`;
    const pod = await MediaPod.start({ rtcPort, workers: 1, args: ['--announced-ports', announced] });
    return new CuttablePod(pod, await TcpWay.open(pod.port), media, mediaByTcp);
  }

  /** A meeting through the proxy. */
  place(meeting: string): { url: string } {
    return { url: `http://localhost:${String(this.signaling.port)}/m/${meeting}` };
  }

  /** Adds a round trip to signaling and media. A new TCP connection still opens without it. */
  slowDown(roundTripMilliseconds: number): void {
    for (const way of [this.signaling, this.#media, this.#mediaByTcp]) way.delayMilliseconds = roundTripMilliseconds / 2;
  }

  /** No media gets through, neither by UDP nor by TCP. */
  blockMedia(): void {
    this.#media.isOpen = false;
    this.#mediaByTcp.silence();
  }

  letMediaThrough(): void {
    this.#media.isOpen = true;
    this.#mediaByTcp.restore();
  }

  async stop(): Promise<void> {
    this.signaling.close();
    this.#mediaByTcp.close();
    this.#media.close();
    await this.pod.program.kill();
  }
}
