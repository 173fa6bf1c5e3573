// The interface of a client page for tests, independent of its dialect. The clients themselves share nothing of the protocol.

export type Codec = 'opus' | 'PCMU' | 'PCMA' | 'VP8' | 'H264' | 'VP9' | 'AV1';

export interface AudioOptions {
  readonly codec?: Codec;
}

export interface VideoOptions {
  readonly codec?: Codec;
  /** One encoding with this mode; otherwise three simulcast encodings. */
  readonly scalabilityMode?: string;
}

/** Options of the page, which the demo reads from its URL. */
export interface ClientOptions {
  /** URL of the WebSocket, with its query. */
  readonly url: string;
  readonly displayName: string;
  readonly produce?: boolean;
  readonly consume?: boolean;
  readonly datachannel?: boolean;
  readonly forceTcp?: boolean;
  readonly camera?: boolean;
  /** Leaves `newConsumer` unanswered until `releaseConsumers`. */
  readonly holdConsumers?: boolean;
}

export type Source = 'audio' | 'video' | 'screensharing';

export interface SeenPeer {
  readonly id: string;
  readonly displayName: string;
  readonly deviceName: string;
}

export interface SeenConsumer {
  readonly id: string;
  readonly producerId: string;
  readonly peerId: string;
  readonly kind: 'audio' | 'video';
  readonly source: Source;
  readonly type: string;
  readonly spatialLayers: number;
  readonly temporalLayers: number;
  readonly producerPaused: boolean;
  /** Current layers, by `consumerLayersChanged`. */
  readonly currentLayers: { readonly spatialLayer: number; readonly temporalLayer: number } | undefined;
  readonly score: number | undefined;
}

export interface Sent {
  readonly id: string;
  readonly source: Source;
}

/** A chat line or what the bot said; `from` is undefined for the bot. */
export interface Line {
  readonly from: string | undefined;
  readonly text: string;
}

export interface ClientState {
  readonly connection: 'connecting' | 'joined' | 'disconnected' | 'closed';
  /** How often `join` succeeded. */
  readonly joins: number;
  /** How often protoo-client could not connect. */
  readonly failures: number;
  readonly peers: readonly SeenPeer[];
  readonly consumers: readonly SeenConsumer[];
  /** Ids by label and sender's peer id; the bot's has no sender. */
  readonly dataConsumers: readonly {
    readonly id: string;
    readonly peerId: string | undefined;
    readonly label: string;
    readonly isOpen: boolean;
  }[];
  readonly producers: readonly Sent[];
  readonly dataProducers: readonly { readonly id: string; readonly label: string; readonly isOpen: boolean }[];
  readonly lines: readonly Line[];
  /** The peer that the interface would highlight. */
  readonly activeSpeaker: string | undefined;
  readonly sendTransport: string | undefined;
  readonly receiveTransport: string | undefined;
  /** Violations by the media pod that would break this client. */
  readonly faults: readonly string[];
}

/** Statistics of one consumer. */
export interface Received {
  readonly consumerId: string;
  readonly peerId: string;
  readonly kind: 'audio' | 'video';
  readonly codec: string;
  readonly bytes: number;
  readonly packets: number;
  /** Total energy of all played samples: grows only with audible sound. */
  readonly energy: number;
  readonly frames: number;
  readonly keyFrames: number;
  readonly framesPerSecond: number;
  readonly width: number;
  readonly height: number;
}

/** How a request ended, and how long it took. */
export interface Outcome {
  readonly data?: unknown;
  readonly errorCode?: number;
  readonly errorReason?: string;
  readonly milliseconds: number;
}

/** Number of entries in the statistics panel, by request. */
export type Panel = Readonly<Record<string, number>>;

export interface ConformanceClient {
  start(options: ClientOptions): void;
  state(): ClientState;
  received(): Promise<Received[]>;
  /** Protocols (`udp`, `tcp`) of the selected candidate pairs, sending and receiving. */
  ways(): Promise<string[]>;
  /** Any request over the client's own protoo connection. */
  request(method: string, data?: object): Promise<Outcome>;
  notify(method: string, data?: object): Promise<void>;

  startMicrophone(options?: AudioOptions): Promise<void>;
  stopMicrophone(): Promise<void>;
  muteMicrophone(): Promise<void>;
  unmuteMicrophone(): Promise<void>;
  startCamera(options?: VideoOptions): Promise<void>;
  stopCamera(): Promise<void>;
  share(): Promise<void>;
  stopSharing(): Promise<void>;
  pauseConsumer(id: string): Promise<void>;
  resumeConsumer(id: string): Promise<void>;
  requestKeyFrame(id: string): Promise<void>;
  setPreferredLayers(id: string, spatialLayer: number, temporalLayer: number): Promise<void>;
  setPriority(id: string, priority: number): Promise<void>;
  releaseConsumers(): void;
  rename(displayName: string): Promise<void>;
  restartIce(): Promise<void>;
  say(text: string): Promise<void>;
  tellBot(text: string): Promise<void>;
  statisticsPanel(): Promise<Panel>;
  leave(): void;
}

declare global {
  interface Window {
    client: ConformanceClient;
  }
}
