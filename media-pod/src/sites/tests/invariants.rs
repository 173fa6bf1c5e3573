//! What holds whatever happens.

use std::collections::BTreeMap;

use convene_protocol::message::{Channel, MediaKind};
use proptest::prelude::*;
use serde_json::json;

use super::world::{World, consume, produce};
use crate::room::{ConsumerId, DataProducerId, Operation, Outcome, ProducerId, TransportId};
use crate::sites::step::{HOME, SiteId};

#[derive(Clone, Copy, Debug)]
enum Act {
    Arrive(u64),
    Leave(usize),
    Produce(usize, bool),
    Consume(usize, usize, bool),
    CloseProducer(usize),
    CloseConsumer(usize),
    SetProducer(usize, bool),
    SetConsumer(usize, bool),
    Open(usize),
    Listen(usize, usize),
    /// The next operation of a site; it may fail.
    Run(usize, bool),
    AddSite,
    Lose(u32),
}

fn act() -> impl Strategy<Value = Act> {
    let some = || 0usize..40;
    prop_oneof![
        3 => (1u64..8).prop_map(Act::Arrive),
        1 => some().prop_map(Act::Leave),
        3 => (some(), any::<bool>()).prop_map(|(on, is_audio)| Act::Produce(on, is_audio)),
        6 => (some(), some(), any::<bool>()).prop_map(|(on, of, paused)| Act::Consume(on, of, paused)),
        1 => some().prop_map(Act::CloseProducer),
        2 => some().prop_map(Act::CloseConsumer),
        2 => (some(), any::<bool>()).prop_map(|(which, paused)| Act::SetProducer(which, paused)),
        2 => (some(), any::<bool>()).prop_map(|(which, paused)| Act::SetConsumer(which, paused)),
        1 => some().prop_map(Act::Open),
        2 => (some(), some()).prop_map(|(on, of)| Act::Listen(on, of)),
        14 => (some(), prop::bool::weighted(0.08)).prop_map(|(site, fails)| Act::Run(site, fails)),
        1 => Just(Act::AddSite),
        1 => (1u32..5).prop_map(Act::Lose),
    ]
}

/// What the room knows: it closes what was created too late, as the real one does.
#[derive(Default)]
struct Room {
    requests: BTreeMap<u64, Operation>,
    transports: Vec<TransportId>,
    producers: Vec<(ProducerId, TransportId)>,
    consumers: Vec<(ConsumerId, TransportId, ProducerId)>,
    channels: Vec<(DataProducerId, TransportId)>,
}

fn pick<T: Clone>(all: &[T], which: usize) -> Option<T> {
    all.get(which % all.len().max(1)).cloned()
}

impl Room {
    fn ask(&mut self, world: &mut World, connection: u64, operation: Operation) {
        let request = world.request(connection, operation.clone());
        self.requests.insert(request, operation);
        self.settle(world);
    }

    /// Takes the outcomes that have come.
    fn settle(&mut self, world: &mut World) {
        while let Some((request, outcome)) = world.results.pop_first() {
            let operation = self.requests.remove(&request).expect("it was requested");
            if let Ok(outcome) = outcome {
                self.record(world, operation, outcome);
            }
        }
        let is_there = |site: &SiteId| world.engines.contains_key(site);
        self.transports.retain(|id| world.known.get(&id.0).is_some_and(|(site, _)| is_there(site)));
        let transports = self.transports.clone();
        self.producers.retain(|(_, on)| transports.contains(on));
        self.consumers.retain(|(_, on, _)| transports.contains(on));
        self.channels.retain(|(_, on)| transports.contains(on));
        let producers: Vec<_> = self.producers.iter().map(|(id, _)| id.clone()).collect();
        let ended: Vec<_> = self.consumers.extract_if(.., |(_, _, of)| !producers.contains(of)).collect();
        for (id, ..) in ended {
            self.ask(world, 0, Operation::CloseConsumer(id));
        }
    }

    fn record(&mut self, world: &mut World, operation: Operation, outcome: Outcome) {
        match (operation, outcome) {
            (Operation::CreateTransport { .. }, Outcome::Transport(created)) => self.transports.push(created.id),
            (Operation::Produce { transport, .. }, Outcome::Producer(created)) => {
                self.producers.push((created.id, transport));
            }
            (Operation::Consume { transport, producer, .. }, Outcome::Consumer(created)) => {
                if self.transports.contains(&transport) {
                    self.consumers.push((created.id, transport, producer));
                } else {
                    self.ask(world, 0, Operation::CloseConsumer(created.id));
                }
            }
            (Operation::ProduceData { transport, .. }, Outcome::DataProducer(id)) => {
                self.channels.push((id, transport));
            }
            _ => {}
        }
    }

    fn act(&mut self, world: &mut World, act: Act) {
        match act {
            Act::Arrive(client) => {
                self.ask(world, client, Operation::CreateTransport { direction: None, force_tcp: false });
            }
            Act::Leave(which) => {
                if let Some(id) = pick(&self.transports, which) {
                    self.transports.retain(|other| *other != id);
                    self.ask(world, 0, Operation::CloseTransport(id));
                }
            }
            Act::Produce(on, is_audio) => {
                let kind = if is_audio { MediaKind::Audio } else { MediaKind::Video };
                if let Some(on) = pick(&self.transports, on) {
                    self.ask(world, 0, produce(&on, kind));
                }
            }
            Act::Consume(on, of, paused) => {
                if let (Some(on), Some((of, _))) = (pick(&self.transports, on), pick(&self.producers, of)) {
                    self.ask(world, 0, consume(&on, &of, paused));
                }
            }
            Act::CloseProducer(which) => {
                if let Some((id, _)) = pick(&self.producers, which) {
                    self.producers.retain(|(other, _)| *other != id);
                    self.ask(world, 0, Operation::CloseProducer(id));
                }
            }
            Act::CloseConsumer(which) => {
                if let Some((id, ..)) = pick(&self.consumers, which) {
                    self.consumers.retain(|(other, ..)| *other != id);
                    self.ask(world, 0, Operation::CloseConsumer(id));
                }
            }
            Act::SetProducer(which, is_paused) => {
                let set = if is_paused { Operation::PauseProducer } else { Operation::ResumeProducer };
                if let Some((id, _)) = pick(&self.producers, which) {
                    self.ask(world, 0, set(id));
                }
            }
            Act::SetConsumer(which, is_paused) => {
                let set = if is_paused { Operation::PauseConsumer } else { Operation::ResumeConsumer };
                if let Some((id, ..)) = pick(&self.consumers, which) {
                    self.ask(world, 0, set(id));
                }
            }
            Act::Open(on) => {
                if let Some(transport) = pick(&self.transports, on) {
                    let (channel, label, protocol) = (Channel::Chat, "chat".to_owned(), String::new());
                    let sctp_stream_parameters = json!({});
                    self.ask(
                        world,
                        0,
                        Operation::ProduceData { transport, channel, sctp_stream_parameters, label, protocol },
                    );
                }
            }
            Act::Listen(on, of) => {
                if let (Some(transport), Some((of, _))) = (pick(&self.transports, on), pick(&self.channels, of)) {
                    self.ask(world, 0, Operation::ConsumeData { transport, producer: Some(of) });
                }
            }
            Act::Run(which, fails) => {
                if let Some(site) = pick(&world.busy_sites(), which) {
                    world.run_next(site, fails);
                    self.settle(world);
                }
            }
            Act::AddSite if world.engines.len() < 4 => {
                world.add_site();
            }
            Act::AddSite => {}
            Act::Lose(site) => {
                world.lose(SiteId(site));
                self.settle(world);
            }
        }
    }

    fn run_all(&mut self, world: &mut World) {
        while let Some(site) = world.busy_sites().first().copied() {
            world.run_next(site, false);
            self.settle(world);
        }
    }
}

/// Once nothing is on its way, every consumer that is not paused receives what its producer sends.
fn check_flow(world: &World, room: &Room) -> Result<(), TestCaseError> {
    for (id, transport, producer) in &room.consumers {
        let (site, _) = &world.known[&id.0];
        let engine = &world.engines[site];
        let Some((_, _, is_paused)) = engine.consumers.get(&id.0) else {
            prop_assert!(false, "{id} on {transport} is gone");
            continue;
        };
        let (from, _) = &world.known[&producer.0];
        let source = &world.engines[from].producers[&producer.0];
        prop_assert_eq!(engine.producers[&producer.0].1, source.1, "{} is muted elsewhere only", producer);
        let flows = |pipe: &super::world::Pipe| {
            let is_understood = pipe.parameters.get(&producer.0) == engine.parameters.get(&producer.0);
            is_understood && pipe.sending.get(&producer.0).copied().unwrap_or_default()
        };
        let is_sent = from == site
            || world.engines[from].pipes.iter().any(|(pipe, state)| engine.pipes.contains_key(pipe) && flows(state));
        prop_assert!(*is_paused || is_sent, "{} is not sent to {:?}", producer, site);
    }
    check_rest(world)
}

/// What no receiver wants is not sent.
fn check_rest(world: &World) -> Result<(), TestCaseError> {
    for (from, engine) in &world.engines {
        for (pipe, state) in &engine.pipes {
            for (producer, _) in state.sending.iter().filter(|(_, flows)| **flows) {
                let other = world.engines.iter().find(|(site, other)| *site != from && other.pipes.contains_key(pipe));
                let receivers = other.into_iter().flat_map(|(_, other)| other.consumers.values());
                let is_wanted = receivers.filter(|(_, of, _)| of == producer).any(|(_, _, is_paused)| !is_paused);
                let is_observed = other.is_some_and(|(site, _)| *site == HOME);
                prop_assert!(is_wanted || is_observed, "{} is sent and all receivers are paused", producer);
            }
        }
    }
    Ok(())
}

/// Pipes exist at both ends or at neither, one for each two sites, and each is used.
fn check_pipes(world: &World) -> Result<(), TestCaseError> {
    let mut ends: BTreeMap<crate::room::PipeId, Vec<SiteId>> = BTreeMap::new();
    for (site, engine) in &world.engines {
        for pipe in engine.pipes.keys() {
            ends.entry(*pipe).or_default().push(*site);
        }
    }
    let mut pairs: Vec<&Vec<SiteId>> = ends.values().collect();
    prop_assert!(pairs.iter().all(|sites| sites.len() == 2), "half a pipe: {:?}", ends);
    let count = pairs.len();
    pairs.sort();
    pairs.dedup();
    prop_assert_eq!(pairs.len(), count, "two pipes between the same sites");
    for pipe in ends.keys() {
        let sent = world.engines.values().filter_map(|engine| engine.pipes.get(pipe)).map(|pipe| pipe.sending.len());
        let received = world.engines.values().map(|engine| engine.received_through(*pipe).len());
        let (sent, received): (usize, usize) = (sent.sum(), received.sum());
        prop_assert!(sent > 0 && sent == received, "{:?}: {} sent, {} received", pipe, sent, received);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Each operation has one outcome, every receiver gets its stream once nothing is on its way, and when all have left nothing is left.
    #[test]
    fn nothing_is_lost_and_nothing_is_left(acts in proptest::collection::vec(act(), 0..160)) {
        let (mut world, mut room) = (World::new(), Room::default());
        world.add_site();
        for act in acts {
            room.act(&mut world, act);
        }
        room.run_all(&mut world);
        prop_assert!(world.open.is_empty(), "without outcome: {:?}", world.open);
        check_flow(&world, &room)?;
        check_pipes(&world)?;
        for transport in std::mem::take(&mut room.transports) {
            room.ask(&mut world, 0, Operation::CloseTransport(transport));
        }
        room.run_all(&mut world);
        prop_assert!(world.open.is_empty());
        for (site, engine) in &world.engines {
            prop_assert!(engine.is_empty(), "left at {:?}: {:?}", site, engine);
        }
        prop_assert!(world.sites.streams.is_empty() && world.sites.pairs.is_empty() && world.sites.channels.is_empty(), "{:?}", world.sites);
        prop_assert!(world.sites.objects.is_empty(), "{:?}", world.sites.objects);
    }
}
