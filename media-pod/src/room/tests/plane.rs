//! A simulated media plane: the objects that are open in it, and operations whose outcomes come late. Each site executes its operations in
//! order; the order between sites is that of the test.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use convene_protocol::message::ConsumerScore;
use serde_json::json;

use super::{
    ConnectionId, ConsumerId, Context, CreatedConsumer, CreatedDataConsumer, CreatedPlainTransport, CreatedProducer,
    CreatedTransport, DataConsumerId, DataProducerId, Limits, Operation, Outcome, ProducerId, TransportId,
};
use crate::room::{MediaError, RoomStats};

/// Sites between which the outcomes are shuffled.
pub(super) const SITES: usize = 3;
/// Where the bot and the voices are.
const HOME: usize = 0;

/// The kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Transport,
    Producer,
    Consumer,
    DataProducer,
    DataConsumer,
}

/// The requested object: its owner, and for a receiver its source.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Object {
    kind: Kind,
    owner: Option<ConnectionId>,
    source: Option<String>,
    transport: Option<String>,
}

/// The media plane.
#[derive(Debug, Default)]
pub(super) struct Plane {
    next_id: u64,
    next_site: usize,
    /// The site of every object that there has ever been.
    sites: BTreeMap<String, usize>,
    /// Everything that is open, as the media plane sees it.
    open: BTreeMap<String, Object>,
    /// The same without what the room has requested to be closed.
    kept: BTreeMap<String, Object>,
    /// Objects that were requested and whose outcomes have not come.
    coming: Vec<Object>,
    queues: [VecDeque<(Operation, Context)>; SITES],
    /// Connections that have ever had a seat.
    pub(super) seated: BTreeSet<ConnectionId>,
}

impl Plane {
    /// Executes an operation that cannot fail.
    pub(super) fn execute_now(&mut self, operation: &Operation, packets: u64, layers: u8) -> Outcome {
        self.next_id += 1;
        let id = self.next_id.to_string();
        outcome_of(operation, id, packets, layers)
    }

    /// Queues an operation at its site. `limits` must allow what it creates.
    pub(super) fn queue(&mut self, operation: Operation, context: Context, limits: &Limits, replicas: usize) {
        if let Some(object) = object_of(&operation, &context) {
            self.check(&object, &context, limits, replicas);
            self.coming.push(object);
        }
        if let Some(closed) = closed_by(&operation) {
            let is_transport = matches!(operation, Operation::CloseTransport(_));
            assert!(!is_transport || self.kept.contains_key(&closed), "{closed} closed twice");
            self.kept.retain(|id, object| *id != closed && object.transport.as_ref() != Some(&closed));
        }
        let site = self.site_of(&operation);
        self.queues[site].push_back((operation, context));
    }

    /// Whether an operation is queued at any site.
    pub(super) fn is_busy(&self) -> bool {
        self.queues.iter().any(|queue| !queue.is_empty())
    }

    /// Executes the next operation of a site, or of the next one that has any.
    pub(super) fn next(&mut self, site: usize, fails: bool) -> Option<(Context, Result<Outcome, MediaError>)> {
        let site = (site..site + SITES).map(|site| site % SITES).find(|site| !self.queues[*site].is_empty())?;
        let (operation, context) = self.queues[site].pop_front()?;
        let object = object_of(&operation, &context);
        if let Some(object) = &object {
            let place = self.coming.iter().position(|other| other == object).expect("it was requested");
            self.coming.remove(place);
        }
        if let Some(closed) = closed_by(&operation) {
            self.open.retain(|id, object| *id != closed && object.transport.as_ref() != Some(&closed));
            return Some((context, Ok(Outcome::Done)));
        }
        if fails || !self.is_possible(&operation) {
            return Some((context, Err(MediaError { code: 500, message: "it failed".into() })));
        }
        let outcome = self.execute_now(&operation, 0, 1);
        if let Some(object) = object {
            let id = self.next_id.to_string();
            self.sites.insert(id.clone(), site);
            self.kept.insert(id.clone(), object.clone());
            self.open.insert(id, object);
        }
        Some((context, Ok(outcome)))
    }

    /// The worker has ended, and everything with it.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.kept.clear();
    }

    /// The number of the object that was created last; the next one has the next number.
    pub(super) fn last_id(&self) -> u64 {
        self.next_id
    }

    /// How many objects of a kind are open.
    pub(super) fn count(&self, kind: Kind) -> usize {
        self.open.values().filter(|object| object.kind == kind).count()
    }

    /// Whether the room knows exactly what is open.
    pub(super) fn agrees_with(&self, stats: &RoomStats) -> bool {
        let holdings = &stats.holdings;
        let expected = [
            (Kind::Transport, holdings.transports),
            (Kind::Producer, holdings.producers),
            (Kind::Consumer, holdings.consumers),
            (Kind::DataProducer, holdings.data_producers),
            (Kind::DataConsumer, holdings.data_consumers),
        ];
        expected.iter().all(|(kind, count)| self.count(*kind) == *count)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.coming.is_empty() && !self.is_busy()
    }

    /// Asserts that no limit is exceeded by an object, with those that are open and those that are on their way.
    fn check(&self, object: &Object, context: &Context, limits: &Limits, replicas: usize) {
        let all = || self.kept.values().chain(&self.coming).filter(|other| other.kind == object.kind);
        let own = all().filter(|other| other.owner == object.owner).count();
        let same = all().filter(|other| other.owner == object.owner && other.source == object.source).count();
        let is_seated = |owner: Option<ConnectionId>| owner.is_some_and(|owner| self.seated.contains(&owner));
        match context {
            Context::CreateTransport { .. } => {
                assert!(own < limits.transports_per_peer, "too many transports of {:?}", object.owner);
                let in_room = all().filter(|other| is_seated(other.owner)).count();
                assert!(!is_seated(object.owner) || in_room < limits.transports, "too many transports");
            }
            Context::Produce { .. } => {
                assert!(own < limits.producers_per_peer, "too many producers of {:?}", object.owner);
                assert!(all().count() < limits.producers, "too many producers");
            }
            Context::Consume { .. } | Context::ConsumeFor { .. } => {
                assert!(own < limits.consumers_per_peer, "too many consumers of {:?}", object.owner);
                assert!(all().count() < limits.consumers, "too many consumers");
                let is_chosen = matches!(context, Context::Consume { .. });
                assert!(!is_chosen || same < 1 + replicas, "{object:?} is received already");
            }
            Context::ProduceData { .. } => {
                assert!(own < limits.data_producers_per_peer, "too many data producers of {:?}", object.owner);
                assert!(all().count() < limits.data_producers, "too many data producers");
            }
            Context::ConsumeData { .. } => assert_eq!(same, 0, "{object:?} is received already"),
            Context::Voice { .. } => {
                let voices = all().filter(|other| other.owner == object.owner && other.transport.is_none());
                assert_eq!(voices.count(), 0, "{:?} has a voice", object.owner);
            }
            _ => {}
        }
    }

    fn is_possible(&self, operation: &Operation) -> bool {
        let is_open = |id: &str| self.open.contains_key(id);
        match operation {
            Operation::Produce { transport, .. } | Operation::ProduceData { transport, .. } => is_open(&transport.0),
            Operation::Consume { transport, producer, .. } => is_open(&transport.0) && is_open(&producer.0),
            Operation::ConsumeData { transport, producer } => {
                is_open(&transport.0) && producer.as_ref().is_none_or(|producer| is_open(&producer.0))
            }
            Operation::RestartIce(id) | Operation::ConnectTransport(id, _) | Operation::TransportStats(id) => {
                is_open(&id.0)
            }
            Operation::PauseProducer(id) | Operation::ResumeProducer(id) | Operation::ProducerStats(id) => {
                is_open(&id.0)
            }
            Operation::PauseConsumer(id) | Operation::ResumeConsumer(id) | Operation::ConsumerStats(id) => {
                is_open(&id.0)
            }
            _ => true,
        }
    }

    fn site_of(&mut self, operation: &Operation) -> usize {
        let id = match operation {
            Operation::CreateTransport { .. } | Operation::CreatePlainTransport { .. } => {
                self.next_site += 1;
                return self.next_site % SITES;
            }
            Operation::CreateVoice | Operation::BotSay(_) | Operation::Pipe(_) => return HOME,
            Operation::Produce { transport, .. }
            | Operation::Consume { transport, .. }
            | Operation::ProduceData { transport, .. }
            | Operation::ConsumeData { transport, .. }
            | Operation::ConnectPlainTransport { transport, .. }
            | Operation::ConnectTransport(transport, _)
            | Operation::RestartIce(transport)
            | Operation::CloseTransport(transport)
            | Operation::TransportStats(transport) => &transport.0,
            Operation::PauseProducer(id)
            | Operation::ResumeProducer(id)
            | Operation::CloseProducer(id)
            | Operation::ProducerStats(id) => &id.0,
            Operation::PauseConsumer(id)
            | Operation::ResumeConsumer(id)
            | Operation::RequestKeyFrame(id)
            | Operation::SetPreferredLayers(id, ..)
            | Operation::SetPriority(id, _)
            | Operation::CloseConsumer(id)
            | Operation::ConsumerStats(id) => &id.0,
            Operation::VoiceSay(id, _)
            | Operation::PauseDataProducer(id)
            | Operation::ResumeDataProducer(id)
            | Operation::CloseDataProducer(id)
            | Operation::DataProducerStats(id) => &id.0,
            Operation::CloseDataConsumer(id) | Operation::DataConsumerStats(id) => &id.0,
        };
        self.sites.get(id).copied().unwrap_or(HOME)
    }
}

/// The object that an operation creates.
fn object_of(operation: &Operation, context: &Context) -> Option<Object> {
    let (kind, transport, source) = match operation {
        Operation::CreateTransport { .. } | Operation::CreatePlainTransport { .. } => (Kind::Transport, None, None),
        Operation::Produce { transport, .. } => (Kind::Producer, Some(transport), None),
        Operation::Consume { transport, producer, .. } => (Kind::Consumer, Some(transport), Some(producer.0.clone())),
        Operation::ProduceData { transport, .. } => (Kind::DataProducer, Some(transport), None),
        Operation::CreateVoice => (Kind::DataProducer, None, None),
        Operation::ConsumeData { transport, producer } => {
            let source = producer.as_ref().map_or_else(|| "bot".to_owned(), |producer| producer.0.clone());
            (Kind::DataConsumer, Some(transport), Some(source))
        }
        _ => return None,
    };
    Some(Object { kind, owner: owner_in(context), source, transport: transport.map(|transport| transport.0.clone()) })
}

fn owner_in(context: &Context) -> Option<ConnectionId> {
    match context {
        Context::None => None,
        Context::Request(requester)
        | Context::CreateTransport { requester, .. }
        | Context::Produce { requester, .. }
        | Context::ProduceData { requester, .. }
        | Context::ConsumeFor { requester, .. }
        | Context::ConsumeDataFor { requester, .. } => Some(requester.peer),
        Context::Voice { connection }
        | Context::Flow { connection, .. }
        | Context::Consume { connection, .. }
        | Context::ConsumeData { connection, .. } => Some(*connection),
    }
}

fn closed_by(operation: &Operation) -> Option<String> {
    match operation {
        Operation::CloseTransport(id) => Some(id.0.clone()),
        Operation::CloseProducer(id) => Some(id.0.clone()),
        Operation::CloseConsumer(id) => Some(id.0.clone()),
        Operation::CloseDataProducer(id) => Some(id.0.clone()),
        Operation::CloseDataConsumer(id) => Some(id.0.clone()),
        _ => None,
    }
}

fn outcome_of(operation: &Operation, id: String, packets: u64, layers: u8) -> Outcome {
    match operation {
        Operation::CreateTransport { .. } => Outcome::Transport(Box::new(CreatedTransport {
            id: TransportId(id),
            ice_parameters: json!({}),
            ice_candidates: json!([]),
            dtls_parameters: json!({}),
            sctp_parameters: None,
        })),
        Operation::CreatePlainTransport { rtcp_mux, .. } => {
            let rtcp_port = (!rtcp_mux).then_some(40_001);
            let ip = "192.0.2.1".into();
            Outcome::PlainTransport(CreatedPlainTransport { id: TransportId(id), ip, port: 40_000, rtcp_port })
        }
        Operation::Produce { paused, .. } => {
            let (id, paused, consumable_codecs) = (ProducerId(id), *paused, json!(["codec"]));
            Outcome::Producer(CreatedProducer { id, consumable_codecs, layers, paused })
        }
        Operation::Consume { .. } => Outcome::Consumer(Box::new(CreatedConsumer {
            id: ConsumerId(id),
            rtp_parameters: json!({}),
            consumer_type: "simple".into(),
            score: ConsumerScore::default(),
        })),
        Operation::ProduceData { .. } | Operation::CreateVoice => Outcome::DataProducer(DataProducerId(id)),
        Operation::ConsumeData { producer, .. } => Outcome::DataConsumer(Box::new(CreatedDataConsumer {
            id: DataConsumerId(id),
            producer: producer.clone().unwrap_or_else(|| DataProducerId::from("bot")),
            sctp_stream_parameters: json!({ "streamId": 0 }),
            label: "any".into(),
            protocol: String::new(),
        })),
        Operation::ProducerStats(_) => Outcome::Stats(json!([{ "packetCount": packets }])),
        Operation::TransportStats(_) => Outcome::Stats(json!([1])),
        Operation::RestartIce(_) => Outcome::IceParameters(json!({ "usernameFragment": "u" })),
        _ => Outcome::Done,
    }
}
