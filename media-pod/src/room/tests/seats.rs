//! Which clients may enter, refusals, and counts.

use std::time::Duration;

use convene_protocol::message::DownlinkBwe;
use serde_json::json;

use super::{Command, Fact, Harness, Limits, MediaEvent, Outgoing, TransportId, harness, pair};

#[test]
fn silent_connections_take_no_seat_and_the_longest_waiting_makes_place() {
    let mut room = Harness::new(Limits { peers: 1, unjoined: 2, ..Limits::default() });
    let first = room.connect(1, "a");
    room.connect(2, "b");
    let third = room.connect(3, "c");
    assert_eq!(room.closed, [(first, 1012, "too many clients are waiting to join: please reconnect")]);
    room.join(third, "C");
    let late = room.ask(super::ConnectionId(2), "join", json!({ "displayName": "B" }));
    assert_eq!(late, Err((403, "the meeting is full".into())));
}

#[test]
fn an_older_socket_that_comes_late_does_not_replace_the_newer() {
    let mut room = harness();
    let new = room.connect(2, "ada");
    room.join(new, "Ada");
    let old = room.connect(1, "ada");
    assert_eq!(room.closed, [(old, 4000, "replaced by a newer connection of the same peer")]);
    assert_eq!(room.room.participants(), 1);
}

#[test]
fn a_client_that_never_joins_has_to_reconnect() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.now += Limits::default().join_timeout.checked_sub(Duration::from_secs(1)).expect("more than 1 s");
    room.handle(Command::Tick);
    assert!(room.closed.is_empty(), "people look for a permission prompt");
    room.now += Duration::from_secs(1);
    room.handle(Command::Tick);
    assert_eq!(room.closed, [(ada, 1012, "did not join in time: please reconnect")]);
}

#[test]
fn replicas_are_further_consumers_up_to_the_limit() {
    let mut room = Harness::new(Limits { replicas: 2, ..Limits::default() });
    let (ada, bob) = (room.connect(1, "ada"), room.connect_with(2, "bob", 1));
    room.join(ada, "Ada");
    room.join(bob, "Bob");
    room.produce(ada, "video");
    assert_eq!(room.offers().len(), 2);
    let eve = room.connect_with(3, "eve", usize::MAX);
    room.join(eve, "Eve");
    assert_eq!(room.offers().len(), 2 + 3);
}

#[test]
fn consumers_beyond_the_limit_are_not_made_and_counted() {
    let mut room = Harness::new(Limits { consumers_per_peer: 1, ..Limits::default() });
    let (ada, bob) = (room.connect(1, "ada"), room.connect(2, "bob"));
    room.join(ada, "Ada");
    room.join(bob, "Bob");
    room.produce(ada, "audio");
    room.produce(ada, "video");
    assert_eq!(room.offers().len(), 1);
    room.handle(Command::Tick);
    assert!(room.facts.contains(&Fact::LimitReached("consumers")));
}

#[test]
fn joining_and_the_first_way_of_media_are_timed() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.now += Duration::from_secs(2);
    room.join(ada, "Ada");
    let transport = TransportId(room.transport(ada, "producer"));
    room.now += Duration::from_secs(1);
    for _ in 0..2 {
        room.handle(Command::Media(MediaEvent::TransportConnected(transport.clone())));
    }
    let seconds = Duration::from_secs;
    assert_eq!(room.facts, [Fact::Joined(seconds(2)), Fact::MediaConnected(seconds(3))]);
}

#[test]
fn bandwidth_is_sent_to_the_client_of_the_transport() {
    let (mut room, ada, bob) = pair();
    let transport = TransportId(room.transport(ada, "consumer"));
    room.forget();
    let estimate = DownlinkBwe { desired_bitrate: 3, effective_desired_bitrate: 2, available_bitrate: 1 };
    room.handle(Command::Media(MediaEvent::DownlinkBwe(transport, estimate)));
    assert_eq!((room.told(ada).len(), room.told(bob).len()), (1, 0));
    assert_eq!(room.told(ada), ["downlinkBwe"]);
}

#[test]
fn av1_is_taken_with_temporal_layers_only() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    let transport = room.transport(ada, "producer");
    let produce = |modes: &[&str]| {
        let encodings: Vec<_> = modes.iter().map(|mode| json!({ "scalabilityMode": mode })).collect();
        json!({
            "transportId": transport, "kind": "video",
            "rtpParameters": { "codecs": [{ "mimeType": "video/AV1" }], "encodings": encodings },
        })
    };
    for refused in [&["L3T3"][..], &["L2T1_KEY"], &["S3T3"], &["L1T3", "L1T3"]] {
        assert_eq!(room.ask(ada, "produce", produce(refused)).map_err(|(code, _)| code), Err(400), "{refused:?}");
    }
    for taken in [&["L1T3"][..], &["L1T1"], &[]] {
        room.ask(ada, "produce", produce(taken)).expect("temporal layers are fine");
    }
}

#[test]
fn throttling_is_known_and_never_offered() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    for method in ["applyNetworkThrottle", "resetNetworkThrottle", "stopNetworkThrottle"] {
        let data = json!({ "secret": "guess", "options": { "up": 1 }, "uplink": 1 });
        assert_eq!(room.ask(ada, method, data).map_err(|(code, _)| code), Err(403), "{method}");
    }
}

#[test]
fn a_notification_that_wants_an_answer_does_nothing() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.forget();
    for (method, data) in [
        ("join", json!({ "displayName": "Ada" })),
        ("createWebRtcTransport", json!({ "producing": true })),
        ("getRouterRtpCapabilities", json!({})),
    ] {
        let request = super::ClientRequest::parse(method, data).expect("readable");
        room.handle(Command::Notification { connection: ada, request });
    }
    let is_answer = |message: &Outgoing| matches!(message, Outgoing::Success(..) | Outgoing::Failure { .. });
    assert!(room.operations.is_empty() && !room.sent.iter().any(|(_, message)| is_answer(message)));
    assert_eq!(room.room.participants(), 0);
}
