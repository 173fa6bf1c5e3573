// A client of the newer dialect: TypeScript-era mediasoup demo on today's mediasoup-client. It reads the fields of its own dialect
// and no others, and gives up where that application would.
import { Device, parseScalabilityMode, type types } from 'mediasoup-client';
import { Peer, type ProtooRequest, WebSocketTransport } from 'protoo-client';

import type { AudioOptions, ClientOptions, ClientState, ConformanceClient, Outcome, Panel, Received, Source, VideoOptions } from '../api.ts';
import { booleanOf, fields, kindOf, listOf, numberOf, objectOf, textOf } from '../fields.ts';
import { camera, encodingsFor, microphone, pickCodec, play, readReceived, readWay, screen } from '../media.ts';
import { outcomeOf } from '../outcome.ts';
import { SenderLeft, Store } from './store.ts';

type Answer = (code: number, reason: string) => void;

class NewerClient implements ConformanceClient {
  #options: ClientOptions = { url: '', displayName: '' };
  #protoo: Peer | undefined;
  #device: Device | undefined;
  #sendTransport: types.Transport | undefined;
  #receiveTransport: types.Transport | undefined;
  #connection: ClientState['connection'] = 'connecting';
  #joins = 0;
  #failures = 0;
  /** Consumers are created one after the other, in the order of their offers. */
  #queue: Promise<void> = Promise.resolve();
  /** Offers of media that wait for `releaseConsumers`. */
  #held: (() => void)[] | undefined;
  readonly #producers = new Map<Source, types.Producer>();
  readonly #dataProducers = new Map<string, types.DataProducer>();
  readonly #store = new Store();
  readonly #faults: string[] = [];

  start(options: ClientOptions): void {
    this.#options = options;
    if (options.holdConsumers === true) this.#held = [];
    const protoo = new Peer(new WebSocketTransport(options.url));
    this.#protoo = protoo;
    protoo.on('open', () => {
      this.#enter().catch((error: unknown) => {
        if (this.#connection !== 'closed') this.#fault('join')(error); // else we left meanwhile
      });
    });
    protoo.on('failed', () => (this.#failures += 1));
    protoo.on('disconnected', () => this.#forget('disconnected'));
    protoo.on('close', () => this.#forget('closed'));
    protoo.on('request', (request, accept, reject) => this.#asked(request, accept, reject));
    protoo.on('notification', (notification) => {
      try {
        this.#store.onNotification(notification);
      } catch (error) {
        this.#fault(notification.method)(error);
      }
    });
  }

  #fault(what: string): (error: unknown) => void {
    return (error) => this.#faults.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }

  /** State that the application clears when its connection is lost: it will rejoin. */
  #forget(connection: ClientState['connection']): void {
    if (this.#connection === 'closed') return;
    this.#connection = connection;
    this.#sendTransport?.close();
    this.#receiveTransport?.close();
    this.#store.clear();
    this.#producers.clear();
    this.#dataProducers.clear();
    this.#sendTransport = this.#receiveTransport = undefined;
  }

  async #ask(method: string, data?: object): Promise<Readonly<Record<string, unknown>>> {
    if (this.#protoo === undefined) throw new Error('not started');
    return fields(await this.#protoo.request(method, data), `the answer to ${method}`);
  }

  async notify(method: string, data?: object): Promise<void> {
    await this.#protoo?.notify(method, data);
  }

  async #enter(): Promise<void> {
    const { produce = true, consume = true, datachannel = true, displayName } = this.#options;
    const device = await Device.factory();
    this.#device = device;
    await this.#ask('getRtcStatsUrl');
    const { routerRtpCapabilities } = await this.#ask('getRouterRtpCapabilities');
    await device.load({ routerRtpCapabilities: fields(routerRtpCapabilities, 'routerRtpCapabilities') });
    // Without this, some browsers do not let a page play sound.
    const unlocking = await microphone();
    unlocking.enabled = false;
    if (produce) this.#sendTransport = await this.#createTransport('producer');
    if (consume) this.#receiveTransport = await this.#createTransport('consumer');
    const answer = await this.#ask('join', {
      displayName,
      device: { flag: 'chrome', name: 'Newer client', version: '156' },
      ...(consume ? { rtpCapabilities: device.recvRtpCapabilities } : {}),
    });
    for (const peer of listOf(answer, 'peers')) this.#store.meet(peer);
    this.#joins += 1;
    this.#connection = 'joined';
    unlocking.stop();
    if (!produce) return;
    const started: Promise<void>[] = [this.startMicrophone()];
    if (this.#options.camera !== false) started.push(this.startCamera());
    if (datachannel) started.push(this.#openChannel('chat'), this.#openChannel('bot'));
    await Promise.all(started);
  }

  async #createTransport(direction: 'producer' | 'consumer'): Promise<types.Transport> {
    const given = await this.#ask('createWebRtcTransport', { forceTcp: this.#options.forceTcp === true, appData: { direction } });
    const options: types.TransportOptions = {
      id: textOf(given, 'transportId'),
      iceParameters: objectOf(given, 'iceParameters'),
      iceCandidates: listOf(given, 'iceCandidates') as types.IceCandidate[],
      dtlsParameters: objectOf(given, 'dtlsParameters'),
      sctpParameters: objectOf(given, 'sctpParameters'),
      iceServers: [],
    };
    const device = this.#device;
    if (device === undefined) throw new Error('not loaded');
    const transport = direction === 'producer' ? device.createSendTransport(options) : device.createRecvTransport(options);
    transport.on('connect', ({ dtlsParameters }, done, failed) => {
      this.#ask('connectWebRtcTransport', { transportId: transport.id, dtlsParameters }).then(() => done(), failed);
    });
    if (direction === 'producer') this.#wireSending(transport);
    return transport;
  }

  #wireSending(transport: types.Transport): void {
    transport.on('produce', ({ kind, rtpParameters, appData }, done, failed) => {
      this.#ask('produce', { transportId: transport.id, kind, rtpParameters, appData })
        .then((answer) => done({ id: textOf(answer, 'producerId') }))
        .catch(failed);
    });
    transport.on('producedata', ({ sctpStreamParameters, label, protocol, appData }, done, failed) => {
      this.#ask('produceData', { transportId: transport.id, sctpStreamParameters, label, protocol, appData })
        .then((answer) => done({ id: textOf(answer, 'dataProducerId') }))
        .catch(failed);
    });
  }

  #asked(request: ProtooRequest, accept: () => void, reject: Answer): void {
    const { consume = true, datachannel = true } = this.#options;
    const isMedia = request.method === 'newConsumer';
    if (!isMedia && request.method !== 'newDataConsumer') {
      this.#faults.push(`${request.method}: a request this application never answers`);
      return;
    }
    if (!(isMedia ? consume : datachannel)) {
      reject(403, 'I do not want to consume');
      return;
    }
    try {
      this.#store.mustKnowSenderOf(request.data);
    } catch (error) {
      this.#fault(request.method)(error);
      return;
    }
    const work = (): void => this.#enqueue(request, accept);
    if (isMedia && this.#held !== undefined) this.#held.push(work);
    else work();
  }

  #enqueue({ method, data }: ProtooRequest, accept: () => void): void {
    const transport = this.#receiveTransport;
    this.#queue = this.#queue
      .then(() => (method === 'newConsumer' ? this.#consume(data) : this.#consumeData(data)))
      .then(accept)
      .catch((error: unknown) => {
        const isGone = transport?.closed === true || error instanceof SenderLeft;
        if (!isGone) this.#fault(method)(error);
      });
  }

  async #consume(data: unknown): Promise<void> {
    const given = fields(data, 'newConsumer');
    const appData = fields(given['appData'], 'appData');
    const peerId = textOf(given, 'peerId');
    const source = textOf(appData, 'source') as Source;
    if (textOf(appData, 'peerId') !== peerId) throw new Error('appData.peerId is of another peer');
    if (textOf(given, 'transportId') !== this.#receiveTransport?.id) throw new Error('transportId is not the receiving transport');
    const consumer = await this.#receiveTransport.consume({
      id: textOf(given, 'consumerId'),
      producerId: textOf(given, 'producerId'),
      kind: kindOf(given),
      rtpParameters: objectOf<types.RtpParameters>(given, 'rtpParameters'),
      streamId: `${peerId}-${source === 'screensharing' ? 'screen' : 'person'}`,
    });
    const { spatialLayers, temporalLayers } = parseScalabilityMode(consumer.rtpParameters.encodings?.[0]?.scalabilityMode);
    this.#store.addConsumer({
      ...{ consumer, peerId, source, spatialLayers, temporalLayers },
      type: textOf(given, 'type'),
      producerPaused: booleanOf(given, 'producerPaused'),
      score: numberOf(fields(given['consumerScore'], 'consumerScore'), 'score'),
      currentLayers: undefined,
      element: play(consumer.track),
    });
  }

  async #consumeData(data: unknown): Promise<void> {
    const given = fields(data, 'newDataConsumer');
    const channel = textOf(fields(given['appData'], 'appData'), 'channel');
    const peerId = given['peerId'] === undefined || given['peerId'] === null ? undefined : textOf(given, 'peerId');
    if (textOf(given, 'transportId') !== this.#receiveTransport?.id) throw new Error('transportId is not the receiving transport');
    const consumer = await this.#receiveTransport.consumeData({
      id: textOf(given, 'dataConsumerId'),
      dataProducerId: textOf(given, 'dataProducerId'),
      sctpStreamParameters: objectOf<types.SctpStreamParameters>(given, 'sctpStreamParameters'),
      label: textOf(given, 'label'),
      protocol: String(given['protocol']),
    });
    this.#store.addDataConsumer({ consumer, peerId, channel });
  }

  async startMicrophone(options: AudioOptions = {}): Promise<void> {
    const codec = pickCodec(this.#device?.sendRtpCapabilities.codecs, options.codec);
    await this.#produce('audio', await microphone(), {
      codecOptions: { opusStereo: true, opusDtx: true, opusFec: true, opusNack: true },
      ...(codec === undefined ? {} : { codec }),
    });
  }

  async startCamera(options: VideoOptions = {}): Promise<void> {
    const codec = pickCodec(this.#device?.sendRtpCapabilities.codecs, options.codec);
    await this.#produce('video', await camera(), {
      encodings: encodingsFor(options),
      codecOptions: { videoGoogleStartBitrate: 1000 },
      ...(codec === undefined ? {} : { codec }),
    });
  }

  async share(): Promise<void> {
    if (this.#producers.has('video')) await this.stopCamera();
    await this.#produce('screensharing', screen(), { encodings: encodingsFor({ scalabilityMode: 'L1T3' }) });
  }

  async #produce(source: Source, track: MediaStreamTrack, options: types.ProducerOptions): Promise<void> {
    if (this.#sendTransport === undefined) throw new Error('there is no transport to send on');
    this.#producers.set(source, await this.#sendTransport.produce({ ...options, track, appData: { source } }));
  }

  async #openChannel(channel: 'chat' | 'bot'): Promise<void> {
    if (this.#sendTransport === undefined) throw new Error('there is no transport to send on');
    const reliability = channel === 'chat' ? { ordered: false, maxRetransmits: 1 } : { ordered: false, maxPacketLifeTime: 2000 };
    this.#dataProducers.set(channel, await this.#sendTransport.produceData({ ...reliability, label: channel, appData: { channel } }));
  }

  #sending(source: Source): types.Producer {
    const producer = this.#producers.get(source);
    if (producer === undefined) throw new Error(`${source} is not sent`);
    return producer;
  }

  async #stop(source: Source): Promise<void> {
    const producer = this.#sending(source);
    producer.close();
    this.#producers.delete(source);
    await this.notify('closeProducer', { producerId: producer.id });
  }

  stopMicrophone = (): Promise<void> => this.#stop('audio');
  stopCamera = (): Promise<void> => this.#stop('video');
  stopSharing = (): Promise<void> => this.#stop('screensharing');

  async muteMicrophone(): Promise<void> {
    this.#sending('audio').pause();
    await this.notify('pauseProducer', { producerId: this.#sending('audio').id });
  }

  async unmuteMicrophone(): Promise<void> {
    this.#sending('audio').resume();
    await this.notify('resumeProducer', { producerId: this.#sending('audio').id });
  }

  async pauseConsumer(id: string): Promise<void> {
    await this.notify('pauseConsumer', { consumerId: id });
    this.#store.consumers.get(id)?.consumer.pause();
  }

  async resumeConsumer(id: string): Promise<void> {
    await this.notify('resumeConsumer', { consumerId: id });
    this.#store.consumers.get(id)?.consumer.resume();
  }

  requestKeyFrame = (id: string): Promise<void> => this.notify('requestConsumerKeyFrame', { consumerId: id });
  setPriority = (id: string, priority: number): Promise<void> => this.notify('setConsumerPriority', { consumerId: id, priority });
  setPreferredLayers = (id: string, spatialLayer: number, temporalLayer: number): Promise<void> =>
    this.notify('setConsumerPreferredLayers', { consumerId: id, spatialLayer, temporalLayer });
  rename = (displayName: string): Promise<void> => this.notify('changeDisplayName', { displayName });

  releaseConsumers(): void {
    for (const work of this.#held ?? []) work();
    this.#held = undefined;
  }

  async restartIce(): Promise<void> {
    for (const transport of [this.#sendTransport, this.#receiveTransport]) {
      if (transport === undefined) continue;
      const answer = await this.#ask('restartIce', { transportId: transport.id });
      await transport.restartIce({ iceParameters: objectOf<types.IceParameters>(answer, 'iceParameters') });
    }
  }

  say = (text: string): Promise<void> => this.#write('chat', text);
  tellBot = (text: string): Promise<void> => this.#write('bot', text);

  async #write(channel: 'chat' | 'bot', text: string): Promise<void> {
    const producer = this.#dataProducers.get(channel);
    if (producer === undefined) throw new Error(`there is no ${channel}`);
    producer.send(text);
  }

  async statisticsPanel(): Promise<Panel> {
    const wanted: [string, object | undefined][] = [
      ['getTransportStats', this.#sendTransport && { transportId: this.#sendTransport.id }],
      ['getTransportStats', this.#receiveTransport && { transportId: this.#receiveTransport.id }],
      ...[...this.#producers.values()].map((of): [string, object] => ['getProducerStats', { producerId: of.id }]),
      ...[...this.#store.consumers.keys()].map((consumerId): [string, object] => ['getConsumerStats', { consumerId }]),
      ...[...this.#dataProducers.values()].map((of): [string, object] => ['getDataProducerStats', { dataProducerId: of.id }]),
      ...[...this.#store.dataConsumers.keys()].map((dataConsumerId): [string, object] => ['getDataConsumerStats', { dataConsumerId }]),
    ];
    const panel: Record<string, number> = {};
    for (const [method, data] of wanted) {
      if (data === undefined) continue;
      panel[method] = (panel[method] ?? 0) + listOf(await this.#ask(method, data), 'stats').length;
    }
    return panel;
  }

  request = (method: string, data?: object): Promise<Outcome> => outcomeOf(this.#protoo, method, data);

  async received(): Promise<Received[]> {
    const all = [...this.#store.consumers.values()];
    return Promise.all(all.map(async ({ consumer, peerId }) => readReceived(await consumer.getStats(), { id: consumer.id, peerId, kind: consumer.kind })));
  }

  async ways(): Promise<string[]> {
    const transports = [this.#sendTransport, this.#receiveTransport].filter((transport) => transport !== undefined);
    const ways = await Promise.all(transports.map(async (transport) => readWay(await transport.getStats())));
    return ways.filter((way) => way !== undefined);
  }

  state(): ClientState {
    return {
      connection: this.#connection,
      joins: this.#joins,
      failures: this.#failures,
      ...this.#store.state(),
      producers: [...this.#producers].map(([source, producer]) => ({ id: producer.id, source })),
      dataProducers: [...this.#dataProducers].map(([label, producer]) => ({
        id: producer.id,
        label,
        isOpen: producer.readyState === 'open',
      })),
      sendTransport: this.#sendTransport?.id,
      receiveTransport: this.#receiveTransport?.id,
      faults: this.#faults,
    };
  }

  leave(): void {
    this.#protoo?.close();
  }
}

window.client = new NewerClient();
