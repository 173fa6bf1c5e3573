//! Tests of the layers that are requested from senders.

use super::*;

/// Ada sends three layers, bob receives them.
fn simulcast() -> (Harness, ConnectionId, ConnectionId, String) {
    let (mut room, ada, bob) = pair();
    room.layers = 3;
    room.produce(ada, "video");
    room.accept_offers();
    room.forget();
    let consumer = room.room.tracks.received_by(&PeerId::from("bob"))[0].0.0.clone();
    (room, ada, bob, consumer)
}

/// The layers that were requested from a sender.
fn requested(room: &Harness, sender: ConnectionId) -> Vec<u8> {
    let layers = room.sent.iter().filter(|(to, _)| *to == sender).filter_map(|(_, message)| match message {
        Outgoing::Notification(ServerNotification::ProducerLayers(layers)) => Some(layers.spatial_layer),
        _ => None,
    });
    layers.collect()
}

fn wait(room: &mut Harness, seconds: u64) {
    for _ in 0..seconds {
        room.now += Duration::from_secs(1);
        room.handle(Command::Tick);
    }
}

#[test]
fn layers_that_no_one_receives_are_not_requested() {
    let (mut room, ada, bob, consumer) = simulcast();
    wait(&mut room, 10);
    assert!(requested(&room, ada).is_empty(), "bob may get everything");
    room.notify(bob, "setConsumerPreferredLayers", json!({ "consumerId": consumer, "spatialLayer": 1 }));
    assert!(requested(&room, ada).is_empty(), "not at once");
    wait(&mut room, 10);
    assert_eq!(requested(&room, ada), [1]);
    room.notify(bob, "pauseConsumer", json!({ "consumerId": consumer }));
    wait(&mut room, 10);
    assert_eq!(requested(&room, ada), [1, 0]);
    room.notify(bob, "resumeConsumer", json!({ "consumerId": consumer }));
    assert_eq!(requested(&room, ada), [1, 0, 1], "at once");
    room.notify(bob, "setConsumerPreferredLayers", json!({ "consumerId": consumer, "spatialLayer": 2 }));
    assert_eq!(requested(&room, ada), [1, 0, 1, 2]);
    assert!(requested(&room, bob).is_empty());
}

#[test]
fn a_newcomer_may_get_everything_and_what_a_leaver_received_is_not_requested() {
    let (mut room, ada, bob, consumer) = simulcast();
    room.notify(bob, "setConsumerPreferredLayers", json!({ "consumerId": consumer, "spatialLayer": 0 }));
    wait(&mut room, 5);
    let eve = room.connect(3, "eve");
    room.join(eve, "Eve");
    assert_eq!(requested(&room, ada), [0], "she has not accepted it yet");
    room.accept_offers();
    assert_eq!(requested(&room, ada), [0, 2]);
    room.handle(Command::Disconnected { connection: eve });
    wait(&mut room, 5);
    assert_eq!(requested(&room, ada), [0, 2, 0]);
}

#[test]
fn a_newcomer_that_starts_with_the_lowest_layer_raises_the_demand_when_it_asks_for_more() {
    let (mut room, ada, bob, consumer) = simulcast();
    room.notify(bob, "setConsumerPreferredLayers", json!({ "consumerId": consumer, "spatialLayer": 0 }));
    wait(&mut room, 5);
    let eve = room.connect(3, "eve");
    room.join(eve, "Eve");
    let hers = room.room.tracks.received_by(&PeerId::from("eve"))[0].0.0.clone();
    room.notify(eve, "setConsumerPreferredLayers", json!({ "consumerId": hers, "spatialLayer": 0 }));
    room.accept_offers();
    assert_eq!(requested(&room, ada), [0]);
    room.notify(eve, "setConsumerPreferredLayers", json!({ "consumerId": hers, "spatialLayer": 2 }));
    assert_eq!(requested(&room, ada), [0, 2]);
}

#[test]
fn alone_only_the_lowest_layer_is_sent() {
    let (mut room, ada, bob, _) = simulcast();
    room.handle(Command::Disconnected { connection: bob });
    wait(&mut room, 5);
    assert_eq!(requested(&room, ada), [0]);
}

#[test]
fn a_stream_of_one_size_has_no_layers_to_request() {
    let (mut room, ada, bob) = pair();
    room.produce(ada, "video");
    room.accept_offers();
    let consumer = room.room.tracks.received_by(&PeerId::from("bob"))[0].0.0.clone();
    room.notify(bob, "pauseConsumer", json!({ "consumerId": consumer }));
    wait(&mut room, 10);
    assert!(requested(&room, ada).is_empty());
}
