// A client of the older dialect: JavaScript-era mediasoup demo on the mediasoup-client of its time. It reads the fields of its own
// dialect and no others, and gives up where that application would.
import { Device, parseScalabilityMode, type types } from 'mediasoup-client-2024';
import { Peer, type ProtooRequest, WebSocketTransport } from 'protoo-client';

import type { AudioOptions, ClientOptions, ClientState, ConformanceClient, Outcome, Panel, Received, Source, VideoOptions } from '../api.ts';
import { booleanOf, fields, kindOf, listOf, objectOf, textOf } from '../fields.ts';
import { camera, encodingsFor, microphone, pickCodec, play, readReceived, readWay, screen } from '../media.ts';
import { outcomeOf } from '../outcome.ts';
import { PeerLeft, RoomState } from './store.ts';

type Data = Readonly<Record<string, unknown>>;

class OlderClient implements ConformanceClient {
  #settings: ClientOptions = { url: '', displayName: '' };
  #protoo: Peer | undefined;
  #device: Device | undefined;
  #send: types.Transport | undefined;
  #receive: types.Transport | undefined;
  #connection: ClientState['connection'] = 'connecting';
  #joins = 0;
  #failures = 0;
  #mayConsume: Promise<void> = Promise.resolve();
  #release: (() => void) | undefined;
  readonly #producers = new Map<Source, types.Producer>();
  readonly #dataProducers = new Map<string, types.DataProducer>();
  readonly #room = new RoomState();
  readonly #faults: string[] = [];

  start(options: ClientOptions): void {
    this.#settings = options;
    if (options.holdConsumers === true) this.#mayConsume = new Promise((resolve) => (this.#release = resolve));
    this.#protoo = new Peer(new WebSocketTransport(options.url));
    this.#protoo.on('open', () => {
      this.#joinRoom().catch((error: unknown) => {
        if (this.#connection !== 'closed') this.#fault('join', error); // otherwise we have left meanwhile
      });
    });
    this.#protoo.on('failed', () => (this.#failures += 1));
    this.#protoo.on('disconnected', () => this.#lost('disconnected'));
    this.#protoo.on('close', () => this.#lost('closed'));
    this.#protoo.on('request', (request, accept, reject) => {
      const transport = this.#receive;
      this.#requested(request, accept, reject).catch((error: unknown) => {
        const isGone = transport?.closed === true || error instanceof PeerLeft;
        if (!isGone) this.#fault(request.method, error);
      });
    });
    this.#protoo.on('notification', (notification) => {
      try {
        this.#room.notified(notification);
      } catch (error) {
        this.#fault(notification.method, error);
      }
    });
  }

  #fault(what: string, error: unknown): void {
    this.#faults.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }

  #lost(connection: 'disconnected' | 'closed'): void {
    if (this.#connection === 'closed') return;
    this.#connection = connection;
    this.#send?.close();
    this.#receive?.close();
    this.#send = undefined;
    this.#receive = undefined;
    this.#producers.clear();
    this.#dataProducers.clear();
    this.#room.reset();
  }

  async #call(method: string, data?: object): Promise<unknown> {
    if (this.#protoo === undefined) throw new Error('not started');
    return this.#protoo.request(method, data);
  }

  async #callFor(method: string, data?: object): Promise<Data> {
    return fields(await this.#call(method, data), `the answer to ${method}`);
  }

  notify = async (method: string, data?: object): Promise<void> => this.#protoo?.notify(method, data);

  async #joinRoom(): Promise<void> {
    const { produce = true, consume = true, datachannel = true, displayName } = this.#settings;
    this.#device = new Device();
    const routerRtpCapabilities = await this.#callFor('getRouterRtpCapabilities');
    listOf(routerRtpCapabilities, 'codecs');
    listOf(routerRtpCapabilities, 'headerExtensions');
    await this.#device.load({ routerRtpCapabilities: routerRtpCapabilities });
    // Without this, some browsers do not let a page play sound.
    const unlocking = await microphone();
    unlocking.enabled = false;
    if (produce) this.#send = await this.#openTransport(this.#device, true);
    if (consume) this.#receive = await this.#openTransport(this.#device, false);
    const { peers } = await this.#callFor('join', {
      displayName,
      device: { flag: 'chrome', name: 'Older client', version: '129' },
      rtpCapabilities: consume ? this.#device.rtpCapabilities : undefined,
      sctpCapabilities: datachannel && consume ? this.#device.sctpCapabilities : undefined,
    });
    if (!Array.isArray(peers)) throw new Error('peers is missing');
    for (const peer of peers) this.#room.addPeer(fields(peer, 'peer'));
    this.#joins += 1;
    this.#connection = 'joined';
    unlocking.stop();
    if (produce) await this.#startSending(datachannel);
  }

  async #startSending(datachannel: boolean): Promise<void> {
    const all = [this.startMicrophone()];
    if (this.#settings.camera !== false) all.push(this.startCamera());
    if (datachannel) all.push(this.#openChat(), this.#openBot());
    await Promise.all(all);
  }

  async #openTransport(device: Device, producing: boolean): Promise<types.Transport> {
    const given = await this.#callFor('createWebRtcTransport', {
      forceTcp: this.#settings.forceTcp === true,
      producing,
      consuming: !producing,
      sctpCapabilities: this.#settings.datachannel === false ? undefined : device.sctpCapabilities,
    });
    const options = {
      id: textOf(given, 'id'),
      iceParameters: objectOf<types.IceParameters>(given, 'iceParameters'),
      iceCandidates: listOf(given, 'iceCandidates') as types.IceCandidate[],
      dtlsParameters: { ...objectOf<types.DtlsParameters>(given, 'dtlsParameters'), role: 'auto' as const },
      sctpParameters: objectOf<types.SctpParameters>(given, 'sctpParameters'),
      iceServers: [],
    };
    const transport = producing ? device.createSendTransport(options) : device.createRecvTransport(options);
    transport.on('connect', ({ dtlsParameters }, callback, errback) => {
      this.#call('connectWebRtcTransport', { transportId: transport.id, dtlsParameters }).then(callback).catch(errback);
    });
    if (producing) this.#handleSending(transport);
    return transport;
  }

  #handleSending(transport: types.Transport): void {
    const transportId = transport.id;
    transport.on('produce', ({ kind, rtpParameters, appData }, callback, errback) => {
      this.#callFor('produce', { transportId, kind, rtpParameters, appData })
        .then((answer) => callback({ id: textOf(answer, 'id') }))
        .catch(errback);
    });
    transport.on('producedata', ({ sctpStreamParameters, label, protocol, appData }, callback, errback) => {
      this.#callFor('produceData', { transportId, sctpStreamParameters, label, protocol, appData })
        .then((answer) => callback({ id: textOf(answer, 'id') }))
        .catch(errback);
    });
  }

  async #requested({ method, data }: ProtooRequest, accept: () => void, reject: (code: number, reason: string) => void): Promise<void> {
    const { consume = true, datachannel = true } = this.#settings;
    if (method === 'newConsumer') {
      if (!consume) {
        reject(403, 'I do not want to consume');
        return;
      }
      const given = fields(data, method);
      this.#room.peer(textOf(given, 'peerId'));
      await this.#mayConsume;
      await this.#newConsumer(given);
      accept();
    } else if (method === 'newDataConsumer') {
      if (!consume || !datachannel) {
        reject(403, 'I do not want to data consume');
        return;
      }
      await this.#newDataConsumer(fields(data, method));
      accept();
    } else {
      throw new Error('a request this application never answers');
    }
  }

  async #newConsumer(given: Data): Promise<void> {
    const peerId = textOf(given, 'peerId');
    const isShare = fields(given['appData'], 'appData')['share'] === true;
    const consumer = await this.#receiving().consume({
      id: textOf(given, 'id'),
      producerId: textOf(given, 'producerId'),
      kind: kindOf(given),
      rtpParameters: objectOf<types.RtpParameters>(given, 'rtpParameters'),
      streamId: `${peerId}-${isShare ? 'share' : 'microphone-camera'}`,
    });
    const { spatialLayers, temporalLayers } = parseScalabilityMode(consumer.rtpParameters.encodings?.[0]?.scalabilityMode);
    this.#room.addConsumer({
      ...{ consumer, peerId, isShare, spatialLayers, temporalLayers },
      type: textOf(given, 'type'),
      isRemotelyPaused: booleanOf(given, 'producerPaused'),
      element: play(consumer.track),
      spatialLayer: null,
      temporalLayer: null,
      score: undefined,
    });
  }

  async #newDataConsumer(given: Data): Promise<void> {
    const peerId = given['peerId'] === null ? null : textOf(given, 'peerId');
    fields(given['appData'], 'appData');
    if (peerId !== null) this.#room.peer(peerId);
    const consumer = await this.#receiving().consumeData({
      id: textOf(given, 'id'),
      dataProducerId: textOf(given, 'dataProducerId'),
      sctpStreamParameters: objectOf<types.SctpStreamParameters>(given, 'sctpStreamParameters'),
      label: textOf(given, 'label'),
      protocol: String(given['protocol']),
    });
    this.#room.addDataConsumer(consumer, peerId);
  }

  #receiving(): types.Transport {
    if (this.#receive === undefined) throw new Error('there is no transport to receive on');
    return this.#receive;
  }

  #sending(): types.Transport {
    if (this.#send === undefined) throw new Error('there is no transport to send on');
    return this.#send;
  }

  async startMicrophone(options: AudioOptions = {}): Promise<void> {
    const codec = pickCodec(this.#device?.rtpCapabilities.codecs, options.codec);
    const codecOptions = { opusStereo: true, opusDtx: true, opusFec: true, opusNack: true };
    const track = await microphone();
    this.#producers.set('audio', await this.#sending().produce({ track, codecOptions, ...(codec === undefined ? {} : { codec }) }));
  }

  async startCamera(options: VideoOptions = {}): Promise<void> {
    const codec = pickCodec(this.#device?.rtpCapabilities.codecs, options.codec);
    const codecOptions = { videoGoogleStartBitrate: 1000 };
    const more = { encodings: encodingsFor(options), codecOptions, ...(codec === undefined ? {} : { codec }) };
    this.#producers.set('video', await this.#sending().produce({ track: await camera(), ...more }));
  }

  async share(): Promise<void> {
    if (this.#producers.has('video')) await this.stopCamera();
    const encodings = encodingsFor({ scalabilityMode: 'L1T3' });
    this.#producers.set('screensharing', await this.#sending().produce({ track: screen(), encodings, appData: { share: true } }));
  }

  async #openChat(): Promise<void> {
    const appData = { info: 'chat of this client' };
    const options = { ordered: false, maxRetransmits: 1, label: 'chat', priority: 'medium', appData };
    this.#dataProducers.set('chat', await this.#sending().produceData(options));
  }

  async #openBot(): Promise<void> {
    const appData = { info: 'bot of this client' };
    const options = { ordered: false, maxPacketLifeTime: 2000, label: 'bot', appData };
    this.#dataProducers.set('bot', await this.#sending().produceData(options));
  }

  #producer(source: Source): types.Producer {
    const producer = this.#producers.get(source);
    if (producer === undefined) throw new Error(`${source} is not sent`);
    return producer;
  }

  async #stop(source: Source): Promise<void> {
    const producer = this.#producer(source);
    producer.close();
    this.#producers.delete(source);
    await this.#call('closeProducer', { producerId: producer.id });
  }

  stopMicrophone = async (): Promise<void> => this.#stop('audio');
  stopCamera = async (): Promise<void> => this.#stop('video');
  stopSharing = async (): Promise<void> => this.#stop('screensharing');

  async muteMicrophone(): Promise<void> {
    const producer = this.#producer('audio');
    producer.pause();
    await this.#call('pauseProducer', { producerId: producer.id });
  }

  async unmuteMicrophone(): Promise<void> {
    const producer = this.#producer('audio');
    producer.resume();
    await this.#call('resumeProducer', { producerId: producer.id });
  }

  async pauseConsumer(consumerId: string): Promise<void> {
    await this.#call('pauseConsumer', { consumerId });
    this.#room.consumers.get(consumerId)?.consumer.pause();
  }

  async resumeConsumer(consumerId: string): Promise<void> {
    await this.#call('resumeConsumer', { consumerId });
    this.#room.consumers.get(consumerId)?.consumer.resume();
  }

  async requestKeyFrame(consumerId: string): Promise<void> {
    await this.#call('requestConsumerKeyFrame', { consumerId });
  }

  async setPreferredLayers(consumerId: string, spatialLayer: number, temporalLayer: number): Promise<void> {
    await this.#call('setConsumerPreferredLayers', { consumerId, spatialLayer, temporalLayer });
  }

  async setPriority(consumerId: string, priority: number): Promise<void> {
    await this.#call('setConsumerPriority', { consumerId, priority });
  }

  async rename(displayName: string): Promise<void> {
    await this.#call('changeDisplayName', { displayName });
  }

  releaseConsumers(): void {
    this.#release?.();
  }

  async restartIce(): Promise<void> {
    for (const transport of [this.#sending(), this.#receiving()]) {
      const iceParameters = await this.#callFor('restartIce', { transportId: transport.id });
      textOf(iceParameters, 'usernameFragment');
      await transport.restartIce({ iceParameters: iceParameters as types.IceParameters });
    }
  }

  async say(text: string): Promise<void> {
    await this.#write('chat', text);
  }

  async tellBot(text: string): Promise<void> {
    await this.#write('bot', text);
  }

  async #write(label: string, text: string): Promise<void> {
    const producer = this.#dataProducers.get(label);
    if (producer === undefined) throw new Error(`there is no ${label}`);
    producer.send(text);
  }

  async statisticsPanel(): Promise<Panel> {
    const panel: Record<string, number> = {};
    const show = async (method: string, data: object): Promise<void> => {
      const stats = await this.#call(method, data);
      if (!Array.isArray(stats)) throw new Error(`the answer to ${method} is no array`);
      panel[method] = (panel[method] ?? 0) + stats.length;
    };
    for (const transport of [this.#send, this.#receive]) if (transport !== undefined) await show('getTransportStats', { transportId: transport.id });
    for (const producer of this.#producers.values()) await show('getProducerStats', { producerId: producer.id });
    for (const consumerId of this.#room.consumers.keys()) await show('getConsumerStats', { consumerId });
    for (const producer of this.#dataProducers.values()) await show('getDataProducerStats', { dataProducerId: producer.id });
    for (const dataConsumerId of this.#room.dataConsumers.keys()) await show('getDataConsumerStats', { dataConsumerId });
    return panel;
  }

  request = async (method: string, data?: object): Promise<Outcome> => outcomeOf(this.#protoo, method, data);

  async received(): Promise<Received[]> {
    const all = [...this.#room.consumers.values()];
    return Promise.all(all.map(async ({ consumer, peerId }) => readReceived(await consumer.getStats(), { id: consumer.id, peerId, kind: consumer.kind })));
  }

  async ways(): Promise<string[]> {
    const ways: string[] = [];
    for (const transport of [this.#send, this.#receive]) {
      const way = transport === undefined ? undefined : readWay(await transport.getStats());
      if (way !== undefined) ways.push(way);
    }
    return ways;
  }

  state(): ClientState {
    return {
      connection: this.#connection,
      joins: this.#joins,
      failures: this.#failures,
      ...this.#room.state(),
      producers: [...this.#producers].map(([source, producer]) => ({ id: producer.id, source })),
      dataProducers: [...this.#dataProducers].map(([label, producer]) => ({
        id: producer.id,
        label,
        isOpen: producer.readyState === 'open',
      })),
      sendTransport: this.#send?.id,
      receiveTransport: this.#receive?.id,
      faults: this.#faults,
    };
  }

  leave(): void {
    this.#protoo?.close();
  }
}

window.client = new OlderClient();
