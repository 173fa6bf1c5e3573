//! Simulated sites. Each refuses what a media pod would refuse, and asserts what must never be requested.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use convene_protocol::message::{ConsumerScore, Direction, MediaKind};
use serde_json::json;

use crate::room::{
    ConnectionId, ConsumerId, Context, CreatedConsumer, CreatedDataConsumer, CreatedProducer, CreatedTransport,
    DataConsumerId, DataProducerId, MediaError, Operation, Outcome, PipeEnd, PipeId, PipeKey, PipeOperation,
    PipeOutcome, PipedChannel, PipedStream, ProducerId, Requester, TransportId,
};
use crate::sites::Sites;
use crate::sites::step::{HOME, MediaResult, SiteId, Step, Ticket};

/// What a site has.
#[derive(Debug, Default)]
pub(super) struct Engine {
    pub(super) transports: BTreeSet<String>,
    /// Producers of this site and received ones, with their transport, and whether they are paused.
    pub(super) producers: BTreeMap<String, (String, bool)>,
    /// Consumers, with their transport, their producer, and whether they are paused.
    pub(super) consumers: BTreeMap<String, (String, String, bool)>,
    pub(super) channels: BTreeMap<String, String>,
    pub(super) receivers: BTreeMap<String, (String, String)>,
    /// Data producers of the process, with what was said.
    pub(super) mirrors: BTreeMap<String, Vec<String>>,
    pub(super) pipes: BTreeMap<PipeId, Pipe>,
    /// The parameters with which each stream is received.
    pub(super) parameters: BTreeMap<String, u64>,
    pub(super) bot: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Pipe {
    pub(super) remote: Option<u16>,
    /// What is sent, and whether it flows.
    pub(super) sending: BTreeMap<String, bool>,
    /// The parameters of what is sent, which differ each time.
    pub(super) parameters: BTreeMap<String, u64>,
}

/// A room without logic, its sites, and operations on their way.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) sites: Sites,
    pub(super) engines: BTreeMap<SiteId, Engine>,
    queues: BTreeMap<SiteId, VecDeque<(Operation, Ticket)>>,
    next_id: u64,
    next_request: u64,
    last_site: u32,
    clients: BTreeSet<u64>,
    /// Requests without an outcome, and outcomes.
    pub(super) open: BTreeSet<u64>,
    pub(super) results: BTreeMap<u64, MediaResult>,
    /// The transport of each object that the room knows.
    pub(super) known: BTreeMap<String, (SiteId, String)>,
}

fn no(what: &str) -> MediaResult {
    Err(MediaError { code: 404, message: format!("no {what}") })
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self::default();
        world.engines.insert(HOME, Engine::default());
        world.sites.set_home_capacity(2);
        world
    }

    pub(super) fn add_site(&mut self) -> SiteId {
        self.last_site += 1;
        let site = SiteId(self.last_site);
        self.engines.insert(site, Engine::default());
        self.sites.add(site, 2, self.clients.len());
        site
    }

    /// A site is gone; the operations that it has not run fail.
    pub(super) fn lose(&mut self, site: SiteId) {
        if site == HOME || self.engines.remove(&site).is_none() {
            return;
        }
        let mut steps = Vec::new();
        self.sites.lose(site, &mut steps);
        self.take(steps);
        for (_, ticket) in self.queues.remove(&site).unwrap_or_default() {
            let steps = self.sites.done(site, ticket, no("site"));
            self.take(steps);
        }
        self.known.retain(|_, (at, _)| *at != site);
    }

    /// Requests an operation; returns the number under which its outcome will be found.
    pub(super) fn request(&mut self, connection: u64, operation: Operation) -> u64 {
        self.next_request += 1;
        let connection = ConnectionId(connection);
        let requester = Requester { peer: connection, reply: connection, id: self.next_request };
        let context = match &operation {
            Operation::CreateTransport { direction, .. } => {
                Context::CreateTransport { requester, direction: *direction }
            }
            _ => Context::Request(requester),
        };
        self.open.insert(self.next_request);
        if matches!(operation, Operation::CreateTransport { .. }) {
            self.clients.insert(connection.0);
        }
        let people = self.clients.len();
        let steps = self.sites.request(operation, context, people);
        self.take(steps);
        self.next_request
    }

    pub(super) fn take(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Run(site, operation, ticket) if self.engines.contains_key(&site) => {
                    self.queues.entry(site).or_default().push_back((operation, ticket));
                }
                // Its link is gone.
                Step::Run(site, _, ticket) => {
                    let steps = self.sites.done(site, ticket, no("site"));
                    self.take(steps);
                }
                Step::Done(context, outcome) => {
                    let (Context::CreateTransport { requester, .. } | Context::Request(requester)) = context else {
                        panic!("an unknown context")
                    };
                    assert!(self.open.remove(&requester.id), "request {} has two outcomes", requester.id);
                    self.results.insert(requester.id, outcome);
                }
            }
        }
    }

    pub(super) fn busy_sites(&self) -> Vec<SiteId> {
        self.queues.iter().filter(|(_, queue)| !queue.is_empty()).map(|(site, _)| *site).collect()
    }

    /// Runs the next operation of a site.
    pub(super) fn run_next(&mut self, site: SiteId, fails: bool) {
        let Some((operation, ticket)) = self.queues.get_mut(&site).and_then(VecDeque::pop_front) else { return };
        self.next_id += 1;
        let id = format!("{}-{}", site.0, self.next_id);
        let engine = self.engines.get_mut(&site).expect("operations are queued at existing sites");
        // What closes never fails.
        let outcome =
            if fails && creates(&operation) { no("luck") } else { engine.run(operation, id, site, self.next_id) };
        self.note(site, &outcome);
        let steps = self.sites.done(site, ticket, outcome);
        self.take(steps);
    }

    fn note(&mut self, site: SiteId, outcome: &MediaResult) {
        if let Some(id) = outcome.as_ref().ok().and_then(Outcome::created) {
            self.known.insert(id.to_owned(), (site, id.to_owned()));
        }
    }

    pub(super) fn run_all(&mut self) {
        while let Some(site) = self.busy_sites().first().copied() {
            self.run_next(site, false);
        }
    }

    /// Runs an operation to its end.
    pub(super) fn finish(&mut self, connection: u64, operation: Operation) -> MediaResult {
        let request = self.request(connection, operation);
        self.run_all();
        self.results[&request].clone()
    }

    pub(super) fn transport(&mut self, connection: u64) -> TransportId {
        let operation = Operation::CreateTransport { direction: Some(Direction::Producer), force_tcp: false };
        match self.finish(connection, operation) {
            Ok(Outcome::Transport(created)) => created.id,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn produce(&mut self, transport: &TransportId, kind: MediaKind) -> ProducerId {
        match self.finish(0, produce(transport, kind)) {
            Ok(Outcome::Producer(created)) => created.id,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn consume(&mut self, transport: &TransportId, producer: &ProducerId) -> ConsumerId {
        match self.finish(0, consume(transport, producer, true)) {
            Ok(Outcome::Consumer(created)) => created.id,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn produce(transport: &TransportId, kind: MediaKind) -> Operation {
    Operation::Produce { transport: transport.clone(), kind, rtp_parameters: json!({}), paused: false }
}

pub(super) fn consume(transport: &TransportId, producer: &ProducerId, paused: bool) -> Operation {
    let rtp_capabilities = std::sync::Arc::new(json!({}));
    Operation::Consume { transport: transport.clone(), producer: producer.clone(), rtp_capabilities, paused }
}

fn creates(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::CreateTransport { .. }
            | Operation::Produce { .. }
            | Operation::Consume { .. }
            | Operation::ProduceData { .. }
            | Operation::ConsumeData { .. }
            | Operation::Pipe(
                PipeOperation::Open(_)
                    | PipeOperation::Connect(..)
                    | PipeOperation::Send(..)
                    | PipeOperation::Receive(..)
                    | PipeOperation::Describe(_)
                    | PipeOperation::Mirror { .. }
            )
    )
}

impl Engine {
    fn run(&mut self, operation: Operation, id: String, site: SiteId, number: u64) -> MediaResult {
        match operation {
            Operation::CreateTransport { .. } => {
                self.transports.insert(id.clone());
                let (ice_parameters, dtls_parameters) = (json!({}), json!({}));
                let id = TransportId(id);
                let created = CreatedTransport {
                    id,
                    ice_parameters,
                    ice_candidates: json!([]),
                    dtls_parameters,
                    sctp_parameters: None,
                };
                Ok(Outcome::Transport(Box::new(created)))
            }
            Operation::CloseTransport(transport) => {
                self.close_transport(&transport.0);
                Ok(Outcome::Done)
            }
            Operation::Produce { transport, paused, .. } => {
                if !self.transports.contains(&transport.0) {
                    return no("transport");
                }
                self.producers.insert(id.clone(), (transport.0, paused));
                let created = CreatedProducer { id: ProducerId(id), consumable_codecs: json!([]), layers: 1, paused };
                Ok(Outcome::Producer(created))
            }
            Operation::Consume { transport, producer, paused, .. } => {
                if !self.transports.contains(&transport.0) || !self.producers.contains_key(&producer.0) {
                    return no("transport or producer");
                }
                self.consumers.insert(id.clone(), (transport.0, producer.0, paused));
                let (consumer_type, score) = ("simple".to_owned(), ConsumerScore::default());
                let created = CreatedConsumer { id: ConsumerId(id), rtp_parameters: json!({}), consumer_type, score };
                Ok(Outcome::Consumer(Box::new(created)))
            }
            Operation::PauseConsumer(consumer) => self.set_consumer(&consumer.0, true),
            Operation::ResumeConsumer(consumer) => self.set_consumer(&consumer.0, false),
            Operation::CloseConsumer(consumer) => {
                self.consumers.remove(&consumer.0);
                Ok(Outcome::Done)
            }
            Operation::PauseProducer(producer) => self.set_producer(&producer.0, true),
            Operation::ResumeProducer(producer) => self.set_producer(&producer.0, false),
            Operation::CloseProducer(producer) => {
                self.close_producer(&producer.0);
                Ok(Outcome::Done)
            }
            Operation::ProduceData { transport, label, .. } => {
                if !self.transports.contains(&transport.0) {
                    return no("transport");
                }
                assert_eq!(label, "chat");
                self.channels.insert(id.clone(), transport.0);
                Ok(Outcome::DataProducer(DataProducerId(id)))
            }
            Operation::ConsumeData { transport, producer } => self.consume_data(id, transport, producer),
            Operation::CloseDataProducer(channel) => {
                self.channels.remove(&channel.0);
                self.mirrors.remove(&channel.0);
                Ok(Outcome::Done)
            }
            Operation::CloseDataConsumer(receiver) => {
                self.receivers.remove(&receiver.0);
                Ok(Outcome::Done)
            }
            Operation::VoiceSay(voice, text) => match self.mirrors.get_mut(&voice.0) {
                Some(said) => {
                    said.push(text);
                    Ok(Outcome::Done)
                }
                None => no("voice"),
            },
            Operation::BotSay(text) => {
                self.bot.push(text);
                Ok(Outcome::Done)
            }
            Operation::Pipe(operation) => self.run_pipe(operation, id, site, number),
            _ => Ok(Outcome::Done),
        }
    }

    fn run_pipe(&mut self, operation: PipeOperation, id: String, site: SiteId, number: u64) -> MediaResult {
        match operation {
            PipeOperation::Open(pipe) => {
                assert!(self.pipes.insert(pipe, Pipe::default()).is_none(), "{pipe:?} is open already");
                let end = PipeEnd {
                    ip: [10, 0, 0, 1].into(),
                    port: u16::try_from(site.0).unwrap(),
                    key: PipeKey(json!(number)),
                };
                Ok(Outcome::Pipe(PipeOutcome::Open(end)))
            }
            PipeOperation::Connect(pipe, end) => {
                assert_ne!(u32::from(end.port), site.0, "connected to itself");
                let Some(pipe) = self.pipes.get_mut(&pipe) else { return no("pipe") };
                assert_eq!(pipe.remote.replace(end.port), None, "connected twice");
                Ok(Outcome::Done)
            }
            PipeOperation::Close(pipe) => {
                self.pipes.remove(&pipe);
                let ended: Vec<String> = self.received_through(pipe);
                for producer in ended {
                    self.close_producer(&producer);
                }
                Ok(Outcome::Done)
            }
            PipeOperation::Send(pipe, producer) => {
                let Some((transport, paused)) = self.producers.get(&producer.0).cloned() else { return no("producer") };
                let pipe = self.pipes.get_mut(&pipe).expect("streams are sent into open pipes");
                assert!(pipe.remote.is_some(), "streams are sent into connected pipes");
                pipe.parameters.insert(producer.0.clone(), number);
                assert_eq!(pipe.sending.insert(producer.0, false), None, "sent twice");
                let stream = PipedStream {
                    kind: MediaKind::Video,
                    rtp_parameters: json!(number),
                    paused,
                    transport: TransportId(transport),
                };
                Ok(Outcome::Pipe(PipeOutcome::Sending(stream)))
            }
            PipeOperation::Resume(pipe, producer) => self.flow(pipe, &producer.0, true),
            PipeOperation::Pause(pipe, producer) => self.flow(pipe, &producer.0, false),
            PipeOperation::StopSending(pipe, producer) => {
                self.pipes.get_mut(&pipe).and_then(|pipe| pipe.sending.remove(&producer.0));
                Ok(Outcome::Done)
            }
            PipeOperation::Receive(pipe, producer, stream) => {
                if !self.pipes.contains_key(&pipe) {
                    return no("pipe");
                }
                self.parameters.insert(producer.0.clone(), stream.rtp_parameters.as_u64().unwrap());
                let before = self.producers.insert(producer.0, (pipe_name(pipe), stream.paused));
                assert_eq!(before, None, "received twice");
                Ok(Outcome::Done)
            }
            PipeOperation::Describe(channel) => {
                let transport = self.channels.get(&channel.0).cloned();
                if transport.is_none() && !self.mirrors.contains_key(&channel.0) {
                    return no("channel");
                }
                let (label, protocol) = ("chat".to_owned(), String::new());
                let transport = transport.map(TransportId);
                Ok(Outcome::Pipe(PipeOutcome::Channel(PipedChannel { label, protocol, transport })))
            }
            PipeOperation::Mirror { .. } => {
                self.mirrors.insert(id.clone(), Vec::new());
                Ok(Outcome::DataProducer(DataProducerId(id)))
            }
        }
    }

    fn consume_data(&mut self, id: String, transport: TransportId, producer: Option<DataProducerId>) -> MediaResult {
        let Some(producer) = producer else { return Ok(Outcome::Done) };
        let has = self.channels.contains_key(&producer.0) || self.mirrors.contains_key(&producer.0);
        if !has || !self.transports.contains(&transport.0) {
            return no("transport or channel");
        }
        self.receivers.insert(id.clone(), (transport.0, producer.0.clone()));
        let (sctp_stream_parameters, label, protocol) = (json!({}), "chat".to_owned(), String::new());
        let created = CreatedDataConsumer { id: DataConsumerId(id), producer, sctp_stream_parameters, label, protocol };
        Ok(Outcome::DataConsumer(Box::new(created)))
    }

    pub(super) fn received_through(&self, pipe: PipeId) -> Vec<String> {
        let name = pipe_name(pipe);
        self.producers.iter().filter(|(_, (transport, _))| *transport == name).map(|(id, _)| id.clone()).collect()
    }

    fn flow(&mut self, pipe: PipeId, producer: &str, flows: bool) -> MediaResult {
        match self.pipes.get_mut(&pipe).and_then(|pipe| pipe.sending.get_mut(producer)) {
            Some(state) => {
                *state = flows;
                Ok(Outcome::Done)
            }
            None => no("piped stream"),
        }
    }

    fn set_consumer(&mut self, id: &str, is_paused: bool) -> MediaResult {
        let Some((_, _, paused)) = self.consumers.get_mut(id) else { return no("consumer") };
        *paused = is_paused;
        Ok(Outcome::Done)
    }

    fn set_producer(&mut self, id: &str, is_paused: bool) -> MediaResult {
        let Some((_, paused)) = self.producers.get_mut(id) else { return no("producer") };
        *paused = is_paused;
        Ok(Outcome::Done)
    }

    fn close_producer(&mut self, id: &str) {
        self.producers.remove(id);
        self.consumers.retain(|_, (_, producer, _)| producer != id);
        for pipe in self.pipes.values_mut() {
            pipe.sending.remove(id);
        }
    }

    fn close_transport(&mut self, id: &str) {
        self.transports.remove(id);
        let producers = self.producers.iter().filter(|(_, (transport, _))| transport == id);
        for producer in producers.map(|(producer, _)| producer.clone()).collect::<Vec<_>>() {
            self.close_producer(&producer);
        }
        self.consumers.retain(|_, (transport, ..)| transport != id);
        self.channels.retain(|_, transport| transport != id);
        self.receivers.retain(|_, (transport, _)| transport != id);
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.transports.is_empty()
            && self.producers.is_empty()
            && self.consumers.is_empty()
            && self.channels.is_empty()
            && self.receivers.is_empty()
            && self.mirrors.is_empty()
            && self.pipes.is_empty()
    }
}

fn pipe_name(pipe: PipeId) -> String {
    format!("pipe-{}", pipe.0)
}
