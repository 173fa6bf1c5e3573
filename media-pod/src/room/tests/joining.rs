//! Tests of joining, connections of the same peer, and ownership.

use super::*;

#[test]
fn join_is_answered_before_consumers_are_offered_and_others_hear_of_it() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.produce(ada, "audio");
    room.produce(ada, "video");
    room.forget();

    let bob = room.connect(2, "bob");
    let answer = room.join(bob, "Bob");

    assert_eq!(answer["peers"][0]["peerId"], "ada");
    assert_eq!(answer["peers"][0]["id"], "ada");
    let first = ["mediasoupVersion", "mediasoup-version", "permissions", "answer", "answer", "roomState"];
    let offered = ["newConsumer", "newConsumer", "newDataConsumer"];
    assert_eq!(room.told(bob), [&first[..], &offered[..]].concat());
    assert_eq!(room.told(ada), ["newPeer"]);
}

#[test]
fn the_same_peer_comes_again_and_the_old_connection_goes_first() {
    let mut room = harness();
    let old = room.connect(1, "ada");
    room.join(old, "Ada");
    room.produce(old, "video");
    let new = room.connect(2, "ada");
    assert_eq!(room.closed, [(old, 4000, "replaced by a newer connection of the same peer")]);
    assert!(room.open_transports.is_empty());
    room.join(new, "Ada");
    room.handle(Command::Disconnected { connection: old });
    assert_eq!(room.room.participants(), 1, "the late end of the old socket is ignored");
}

#[test]
fn wrong_order_and_foreign_ids_are_refused_and_change_nothing() {
    let mut room = harness();
    let (ada, bob) = (room.connect(1, "ada"), room.connect(2, "bob"));
    let early = room.transport(ada, "producer");
    let produce = |transport: &str| json!({ "transportId": transport, "kind": "audio", "rtpParameters": {} });
    assert_eq!(room.ask(ada, "produce", produce(&early)), Err((409, "join first".into())));
    assert_eq!(room.ask(ada, "changeDisplayName", json!({ "displayName": "X" })), Err((409, "join first".into())));
    room.join(ada, "Ada");
    room.join(bob, "Bob");
    assert_eq!(room.ask(ada, "join", json!({ "displayName": "Ada" })), Err((409, "you have joined already".into())));
    let foreign = room.produce(bob, "audio");
    let not_yours = Err((404, format!("you have no producer with id {foreign:?}")));
    assert_eq!(room.ask(ada, "closeProducer", json!({ "producerId": foreign })), not_yours);
    assert_eq!(room.ask(ada, "pauseProducer", json!({ "producerId": foreign })), not_yours);
    let receiving = room.transport(ada, "consumer");
    assert_eq!(room.ask(ada, "produce", produce(&receiving)), Err((409, "this transport is for receiving".into())));
    assert_eq!(room.room.participants(), 2);
    assert!(room.closed.is_empty());
}
