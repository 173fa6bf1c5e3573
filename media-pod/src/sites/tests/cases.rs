//! What happens in which order, case by case.

use convene_protocol::message::{Channel, MediaKind};
use serde_json::json;

use super::world::{World, consume, produce};
use crate::room::{DataMessage, MediaEvent, Operation, Outcome};
use crate::sites::step::{HOME, SiteId};

/// A client at the home and one at another site.
fn two_sites() -> (World, SiteId, crate::room::TransportId, crate::room::TransportId) {
    let mut world = World::new();
    let site = world.add_site();
    let (here, there) = (world.transport(1), world.transport(2));
    assert!(world.engines[&HOME].transports.contains(&here.0) && world.engines[&site].transports.contains(&there.0));
    (world, site, here, there)
}

#[test]
fn a_room_without_other_sites_records_nothing() {
    let mut world = World::new();
    let (one, two) = (world.transport(1), world.transport(2));
    let producer = world.produce(&one, MediaKind::Video);
    world.consume(&two, &producer);
    assert_eq!(world.engines[&HOME].consumers.len(), 1);
    assert!(world.sites.objects.is_empty() && world.sites.pairs.is_empty() && world.sites.streams.is_empty());
}

#[test]
fn all_transports_of_a_client_are_at_one_site_and_clients_are_spread() {
    let mut world = World::new();
    let site = world.add_site();
    let count = |world: &World, site| world.engines[&site].transports.len();
    for client in 1..=4 {
        // The second is requested before the first exists.
        let create = || Operation::CreateTransport { direction: None, force_tcp: false };
        world.request(client, create());
        world.request(client, create());
        world.run_all();
    }
    assert_eq!((count(&world, HOME), count(&world, site)), (4, 4));
    assert_eq!(world.sites.people(site), 2);
}

#[test]
fn clients_that_were_there_before_count_at_the_home() {
    let mut world = World::new();
    for client in 1..=3 {
        world.transport(client);
    }
    let site = world.add_site();
    for client in 4..=6 {
        world.transport(client);
    }
    assert_eq!(world.sites.people(site), 3);
    world.transport(7);
    assert_eq!((world.sites.people(site), world.engines[&HOME].transports.len()), (3, 4));
}

#[test]
fn a_stream_goes_through_one_pipe_whatever_the_number_of_receivers() {
    let (mut world, site, here, there) = two_sites();
    let producer = world.produce(&here, MediaKind::Video);
    let consumers = [world.consume(&there, &producer), world.consume(&there, &producer)];
    let sending =
        |world: &World| world.engines[&HOME].pipes.values().map(|pipe| pipe.sending.clone()).collect::<Vec<_>>();
    assert_eq!(sending(&world), [[(producer.0.clone(), false)].into()], "not received yet");

    let is_flowing = |world: &World| sending(world)[0][&producer.0];
    for (number, consumer) in consumers.iter().enumerate() {
        world.finish(0, Operation::ResumeConsumer(consumer.clone())).unwrap();
        assert!(is_flowing(&world), "{number}");
    }
    world.finish(0, Operation::PauseConsumer(consumers[0].clone())).unwrap();
    assert!(is_flowing(&world), "the other one receives");
    world.finish(0, Operation::CloseConsumer(consumers[1].clone())).unwrap();
    assert!(!is_flowing(&world), "all receivers are paused");
    world.finish(0, Operation::CloseConsumer(consumers[0].clone())).unwrap();
    assert!(world.engines[&HOME].pipes.is_empty() && world.engines[&site].pipes.is_empty());
    assert!(world.engines[&site].producers.is_empty());
}

#[test]
fn the_receiver_is_resumed_before_the_pipe() {
    let (mut world, site, here, there) = two_sites();
    let producer = world.produce(&here, MediaKind::Video);
    let consumer = world.consume(&there, &producer);
    world.request(0, Operation::ResumeConsumer(consumer));
    assert_eq!(world.busy_sites(), [site]);
    world.run_next(site, false);
    assert_eq!(world.busy_sites(), [HOME]);
}

#[test]
fn a_microphone_is_received_at_the_home_at_once() {
    let (mut world, _, _, there) = two_sites();
    let producer = world.produce(&there, MediaKind::Audio);
    assert!(world.engines[&HOME].producers.contains_key(&producer.0));
    world.finish(0, Operation::CloseProducer(producer)).unwrap();
    assert!(world.engines.values().all(|engine| engine.producers.is_empty() && engine.pipes.is_empty()));
}

#[test]
fn mute_reaches_every_site_also_while_the_stream_is_on_its_way() {
    let (mut world, site, here, there) = two_sites();
    let producer = world.produce(&here, MediaKind::Audio);
    world.request(0, consume(&there, &producer, true));
    // Both ends of the pipe, both connections, and the stream is sent.
    for at in [HOME, site, HOME, site, HOME] {
        world.run_next(at, false);
    }
    world.finish(0, Operation::PauseProducer(producer.clone())).unwrap();
    let is_paused = |world: &World| world.engines[&site].producers[&producer.0].1;
    assert!(is_paused(&world));
    world.finish(0, Operation::ResumeProducer(producer.clone())).unwrap();
    assert!(!is_paused(&world));
}

#[test]
fn what_waits_for_a_stream_fails_with_it() {
    for steps in 0..8 {
        let (mut world, _, here, there) = two_sites();
        let producer = world.produce(&here, MediaKind::Video);
        let request = world.request(0, consume(&there, &producer, true));
        for _ in 0..steps {
            let site = world.busy_sites()[0];
            world.run_next(site, false);
        }
        world.finish(0, Operation::CloseTransport(here)).unwrap();
        assert!(world.results.contains_key(&request), "after {steps} steps");
        assert!(world.engines.values().all(|engine| engine.pipes.is_empty() && engine.producers.is_empty()), "{steps}");
    }
}

#[test]
fn a_failure_leaves_nothing_and_the_next_attempt_succeeds() {
    for failing in 0..6 {
        let (mut world, _, here, there) = two_sites();
        let producer = world.produce(&here, MediaKind::Video);
        let request = world.request(0, consume(&there, &producer, true));
        for step in 0.. {
            let Some(site) = world.busy_sites().first().copied() else { break };
            world.run_next(site, step == failing);
        }
        assert!(world.results[&request].is_err(), "step {failing}");
        assert!(world.engines.values().all(|engine| engine.pipes.is_empty()), "step {failing}");
        world.consume(&there, &producer);
    }
}

#[test]
fn a_lost_site_takes_nothing_else_with_it() {
    let (mut world, site, here, there) = two_sites();
    let third = world.add_site();
    let away = world.transport(3);
    assert!(world.engines[&third].transports.contains(&away.0));
    let (local, remote) = (world.produce(&here, MediaKind::Video), world.produce(&there, MediaKind::Video));
    for (transport, producer) in [(&there, &local), (&here, &remote), (&away, &local), (&away, &remote)] {
        world.consume(transport, producer);
    }
    let waiting = world.request(0, consume(&there, &local, true));
    world.lose(site);
    world.run_all();
    assert!(world.results[&waiting].is_err());
    let home = &world.engines[&HOME];
    assert_eq!((home.pipes.len(), home.producers.len()), (1, 1), "{home:?}");
    assert_eq!(world.engines[&third].consumers.len(), 1);
    assert_eq!(world.transport(4).0.chars().next(), Some('0'), "the home has room for one more");
}

#[test]
fn messages_are_forwarded_by_the_home_to_each_site_with_receivers() {
    let (mut world, site, here, there) = two_sites();
    let third = world.add_site();
    let away = world.transport(3);
    let produce_data = Operation::ProduceData {
        transport: there.clone(),
        channel: Channel::Chat,
        sctp_stream_parameters: json!({}),
        label: "chat".into(),
        protocol: String::new(),
    };
    let Ok(Outcome::DataProducer(channel)) = world.finish(2, produce_data) else { panic!("no channel") };
    for transport in [&here, &away, &there, &here] {
        let consume = Operation::ConsumeData { transport: transport.clone(), producer: Some(channel.clone()) };
        let Ok(Outcome::DataConsumer(created)) = world.finish(0, consume) else { panic!("no receiver") };
        assert_eq!(created.producer, channel, "receivers know the sender's");
    }
    let message = |text: Option<&str>| {
        let message = DataMessage { producer: channel.clone(), bytes: 2, text: text.map(str::to_owned) };
        MediaEvent::ChatMessage(message)
    };
    for event in [message(Some("hi")), message(None)] {
        let steps = world.sites.observe(&event);
        world.take(steps);
    }
    world.run_all();
    let said = |world: &World, site| world.engines[&site].mirrors.values().cloned().collect::<Vec<_>>();
    assert_eq!((said(&world, HOME), said(&world, third)), (vec![vec!["hi".to_owned()]], vec![vec!["hi".to_owned()]]));
    assert!(said(&world, site).is_empty());

    world.finish(3, Operation::CloseTransport(away)).unwrap();
    assert!(said(&world, third).is_empty(), "a site without clients can rest");
    world.finish(2, Operation::CloseTransport(there)).unwrap();
    assert!(world.engines.values().all(|engine| engine.mirrors.is_empty()) && world.sites.channels.is_empty());
}

#[test]
fn the_bot_speaks_at_every_site_with_clients() {
    let (mut world, site, ..) = two_sites();
    let empty = world.add_site();
    world.finish(0, Operation::BotSay("hello".into())).unwrap();
    let heard = [HOME, site, empty].map(|site| world.engines[&site].bot.len());
    assert_eq!(heard, [1, 1, 0]);
}

#[test]
fn a_stream_of_the_same_site_needs_no_pipe() {
    let (mut world, site, _, there) = two_sites();
    let producer = world.produce(&there, MediaKind::Video);
    world.consume(&there, &producer);
    assert!(world.engines[&site].pipes.is_empty() && world.sites.pairs.is_empty());
    assert!(world.finish(0, produce(&crate::room::TransportId::from("none"), MediaKind::Video)).is_err());
}
