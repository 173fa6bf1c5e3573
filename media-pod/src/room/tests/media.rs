//! Tests of transports, producers, consumers and data channels.

use convene_protocol::message::DownlinkBwe;

use super::*;

#[test]
fn a_consumer_flows_only_after_its_receiver_accepts() {
    let (mut room, ada, bob) = pair();
    room.produce(ada, "video");
    let resumed =
        |room: &Harness| room.operations.iter().any(|operation| matches!(operation, Operation::ResumeConsumer(_)));
    assert!(!resumed(&room));
    room.accept_offers();
    assert!(resumed(&room));
    assert_eq!(room.told(bob).last().map(String::as_str), Some("consumerScore"));
}

#[test]
fn reports_change_nothing_that_a_room_publishes() {
    let (mut room, ada, _) = pair();
    let producer = ProducerId(room.produce(ada, "audio"));
    let transport = TransportId(room.transport(ada, "consumer"));
    let consumer = room.sent.iter().find_map(|(_, message)| match message {
        Outgoing::Request(_, ServerRequest::NewConsumer(offer)) => Some(ConsumerId(offer.consumer_id.clone())),
        _ => None,
    });
    let consumer = consumer.expect("an offer");
    room.accept_offers();
    let published = |room: &Harness| {
        let room = &room.room;
        (room.stats(), room.settings(), room.people_of_a_locked_meeting(), room.streams_version())
    };
    let before = published(&room);
    let score = ConsumerScore { score: 1, producer_score: 1, producer_scores: vec![1] };
    let estimate = DownlinkBwe { desired_bitrate: 3, effective_desired_bitrate: 2, available_bitrate: 1 };
    for report in [
        MediaEvent::ProducerScore(producer.clone(), json!([{ "score": 0 }])),
        MediaEvent::ConsumerScore(consumer.clone(), score),
        MediaEvent::ConsumerLayers(consumer, None),
        MediaEvent::Volumes(vec![(producer.clone(), -30)]),
        MediaEvent::DownlinkBwe(transport, estimate),
        MediaEvent::DominantSpeaker(producer),
    ] {
        assert!(report.is_report());
        room.handle(Command::Media(report.clone()));
        assert_eq!(published(&room), before, "{report:?}");
    }
    assert!(!MediaEvent::WorkerDied.is_report());
}

#[test]
fn a_refused_consumer_is_dropped() {
    let (mut room, ada, _) = pair();
    room.produce(ada, "audio");
    room.produce(ada, "video");
    let (connection, id, _) = room.offers()[0];
    room.handle(Command::Answered { connection, id, is_ok: false });
    let closed = room.operations.iter().filter(|operation| matches!(operation, Operation::CloseConsumer(_))).count();
    assert_eq!(closed, 1);
}

#[test]
fn a_page_that_sleeps_may_accept_what_it_was_offered_when_it_wakes() {
    let (mut room, ada, _) = pair();
    room.produce(ada, "audio");
    room.produce(ada, "video");
    for _ in 0..120 {
        room.now += Duration::from_secs(1);
        room.handle(Command::Tick);
    }
    room.accept_offers();
    let resumed = |operation: &&Operation| matches!(operation, Operation::ResumeConsumer(_));
    assert_eq!(room.operations.iter().filter(resumed).count(), 2);
    assert!(!room.operations.iter().any(|operation| matches!(operation, Operation::CloseConsumer(_))));
}

#[test]
fn a_late_answer_for_an_ended_stream_is_ignored() {
    let (mut room, ada, _) = pair();
    room.produce(ada, "video");
    room.handle(Command::Disconnected { connection: ada });
    room.now += Duration::from_mins(1);
    room.accept_offers();
    assert!(!room.operations.iter().any(|operation| matches!(operation, Operation::ResumeConsumer(_))));
}

#[test]
fn pausing_tells_the_receivers_and_new_ones_learn_it_from_the_offer() {
    let (mut room, ada, bob) = pair();
    let producer = room.produce(ada, "audio");
    room.accept_offers();
    room.forget();
    room.ask(ada, "pauseProducer", json!({ "producerId": producer })).expect("pause works");
    assert_eq!(room.told(bob), ["consumerPaused", "peerSends"]);
    let eve = room.connect(3, "eve");
    room.join(eve, "Eve");
    let offers = room.sent.iter().filter_map(|(_, message)| match message {
        Outgoing::Request(_, ServerRequest::NewConsumer(offer)) => Some(offer.producer_paused),
        _ => None,
    });
    assert_eq!(offers.collect::<Vec<_>>(), [true]);
}

#[test]
fn a_producer_that_starts_paused_is_never_seen_as_on() {
    let (mut room, ada, bob) = pair();
    let transport = room.transport(ada, "producer");
    let data = json!({
        "transportId": transport, "kind": "audio", "rtpParameters": {}, "paused": true, "appData": { "source": "audio" },
    });
    room.forget();
    let answer = room.ask(ada, "produce", data).expect("produce works");
    assert!(room.operations.iter().any(|operation| matches!(operation, Operation::Produce { paused: true, .. })));
    assert_eq!(room.told(bob), ["newConsumer"]);
    let offers = room.sent.iter().filter_map(|(_, message)| match message {
        Outgoing::Request(_, ServerRequest::NewConsumer(offer)) => Some(offer.producer_paused),
        _ => None,
    });
    assert_eq!(offers.collect::<Vec<_>>(), [true]);
    room.ask(ada, "resumeProducer", json!({ "producerId": answer["producerId"] })).expect("resume works");
    assert!(room.told(bob).contains(&"peerSends".to_owned()));
}

#[test]
fn state_changes_work_as_notifications_and_crossing_ones_are_passed_over() {
    let (mut room, ada, bob) = pair();
    let producer = room.produce(ada, "audio");
    room.forget();
    let close = ClientRequest::parse("closeProducer", json!({ "producerId": producer })).expect("readable");
    room.handle(Command::Notification { connection: ada, request: close.clone() });
    assert_eq!(room.told(bob), ["peerSends", "consumerClosed"]);
    room.handle(Command::Notification { connection: ada, request: close });
    assert_eq!(room.told(ada), [] as [&str; 0], "no answer to a notification, right or wrong");
}

#[test]
fn statistics_have_the_shape_of_the_clients_dialect() {
    let mut room = harness();
    let (old, new) = (room.connect(1, "old"), room.connect(2, "new"));
    let data = json!({ "forceTcp": false, "producing": true, "consuming": false });
    let answer = room.ask(old, "createWebRtcTransport", data).expect("a transport");
    let transport = room.transport(new, "producer");
    assert_eq!(room.ask(old, "getTransportStats", json!({ "transportId": answer["id"] })), Ok(json!([1])));
    assert_eq!(room.ask(new, "getTransportStats", json!({ "transportId": transport })), Ok(json!({ "stats": [1] })));
    let restarted = json!({ "usernameFragment": "u", "iceParameters": { "usernameFragment": "u" } });
    assert_eq!(room.ask(new, "restartIce", json!({ "transportId": transport })), Ok(restarted));
}

#[test]
fn limits_are_errors_not_endings() {
    let limits = Limits { peers: 2, transports_per_peer: 2, producers_per_peer: 1, ..Limits::default() };
    let mut room = Harness::new(limits);
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    let transport = room.transport(ada, "producer");
    let third = room.ask(ada, "createWebRtcTransport", json!({ "appData": { "direction": "producer" } }));
    assert_eq!(third, Err((429, "the limit of 2 transports per participant is reached".into())));
    let produce = json!({ "transportId": transport, "kind": "audio", "rtpParameters": {} });
    room.ask(ada, "produce", produce.clone()).expect("the first works");
    assert_eq!(
        room.ask(ada, "produce", produce),
        Err((429, "the limit of 1 producers per participant is reached".into()))
    );
    let bob = room.connect(2, "bob");
    room.join(bob, "Bob");
    let late = room.connect(3, "eve");
    assert_eq!(room.closed, [(late, 4000, "the meeting is full")]);
}

#[test]
fn a_lost_way_is_forgiven_within_its_grace() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    let transport = TransportId(room.transport(ada, "producer"));
    room.handle(Command::Media(MediaEvent::TransportDisconnected(transport.clone())));
    room.now += Duration::from_secs(29);
    room.handle(Command::Media(MediaEvent::TransportConnected(transport.clone())));
    room.now += Duration::from_mins(1);
    room.handle(Command::Tick);
    assert!(room.closed.is_empty());
    room.handle(Command::Media(MediaEvent::TransportDisconnected(transport)));
    room.now += Limits::default().ice_grace;
    room.handle(Command::Tick);
    assert_eq!(room.closed, [(ada, 1012, "media connection lost: please reconnect")]);
}

#[test]
fn speakers_are_announced_by_peer_and_silence_changes_nothing() {
    let (mut room, ada, bob) = pair();
    let producer = ProducerId(room.produce(ada, "audio"));
    room.forget();
    room.handle(Command::Media(MediaEvent::Volumes(vec![(producer.clone(), -20)])));
    room.handle(Command::Media(MediaEvent::DominantSpeaker(producer)));
    room.handle(Command::Media(MediaEvent::Volumes(vec![])));
    assert_eq!(room.told(bob), ["speakingPeers", "activeSpeaker", "speakingPeers"]);
    let told = room.sent.iter().find_map(|(_, message)| match message {
        Outgoing::Notification(ServerNotification::ActiveSpeaker(told)) => Some(told.clone()),
        _ => None,
    });
    let told = told.expect("an active speaker");
    assert_eq!((told.peer_id.as_deref(), told.volume), (Some("ada"), Some(-20)));
}

#[test]
fn chat_goes_to_the_others_and_words_for_the_bot_to_the_bot_alone() {
    let (mut room, ada, bob) = pair();
    let bot_channel = room.produce_data(ada, "bot");
    room.produce_data(ada, "chat");
    let eve = room.connect(3, "eve");
    room.join(eve, "Eve");
    assert_eq!(room.data_offers(bob), [None, Some("ada".to_owned())]);
    assert_eq!(room.data_offers(eve), [None, Some("ada".to_owned())]);
    assert_eq!(room.data_offers(ada), [None]);

    room.forget();
    room.handle(Command::Media(MediaEvent::BotMessage(heard(&bot_channel, "hi"))));
    assert_eq!(room.operations, [Operation::BotSay("Ada told me: \"hi\"".into())]);
    room.handle(Command::Disconnected { connection: ada });
    assert_eq!(room.told(bob), ["dataConsumerClosed", "peerClosed"]);
    room.handle(Command::Media(MediaEvent::BotMessage(heard("gone", "hi"))));
    assert_eq!(room.told(eve), ["dataConsumerClosed", "peerClosed"], "the bot says nothing for who has left");
}

#[test]
fn directions_of_transports_are_kept_apart() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.transport(ada, "producer");
    let joined = room.ask(ada, "join", json!({ "displayName": "Ada", "rtpCapabilities": {} }));
    joined.expect("joins without a receiving transport");
    let bob = room.connect(2, "bob");
    room.join(bob, "Bob");
    room.produce(bob, "audio");
    assert!(room.offers().is_empty(), "ada cannot receive yet");
    room.transport(ada, "consumer");
    assert_eq!(room.offers().len(), 1, "now she can");
    let is_consumer = |operation: &Operation| {
        matches!(operation, Operation::CreateTransport { direction: Some(Direction::Consumer), .. })
    };
    assert_eq!(room.operations.iter().filter(|operation| is_consumer(operation)).count(), 2);
}
