//! Broadcasters: senders and receivers without a WebSocket.

use std::time::Duration;

use convene_protocol::admission::{ParticipantGrant, PublishGrant};
use convene_protocol::message::{Device, Direction, MediaKind, Source};
use serde_json::{Value, json};

use super::{
    BroadcasterCall, Command, ConnectionId, Harness, Limits, Operation, Outgoing, PeerId, ProducerId, TransportId,
    harness,
};
use crate::room::ConsumerId;
use crate::room::broadcaster::{BroadcasterRequest, ConsumerCall, Entry};

pub(super) fn entry(is_older: bool) -> BroadcasterRequest {
    BroadcasterRequest::Enter(Entry {
        display_name: "Camera".into(),
        device: Device::default(),
        rtp_capabilities: Some(json!({})),
        joins_at_once: is_older,
        replaces: !is_older,
    })
}

pub(super) fn plain(direction: Direction) -> BroadcasterRequest {
    BroadcasterRequest::CreatePlainTransport { direction: Some(direction), comedia: true, rtcp_mux: false }
}

/// Any call, with an id that may belong to a participant.
pub(super) fn some_call(what: usize, id: u64) -> BroadcasterRequest {
    let transport = TransportId(id.to_string());
    match what {
        0 => entry(true),
        1 => entry(false),
        2 => BroadcasterRequest::Join,
        3 => plain(Direction::Producer),
        4 => BroadcasterRequest::CreateWebRtcTransport,
        5 => BroadcasterRequest::Leave,
        6 => produce(&transport.0),
        7 => plain(Direction::Consumer),
        _ => BroadcasterRequest::Consume {
            transport,
            producer: ProducerId(id.to_string()),
            paused: false,
            rtp_capabilities: None,
        },
    }
}

pub(super) fn produce(transport: &str) -> BroadcasterRequest {
    BroadcasterRequest::Produce {
        transport: TransportId::from(transport),
        kind: MediaKind::Video,
        rtp_parameters: json!({}),
        source: Source::Video,
    }
}

impl Harness {
    /// Makes a call as a caller without a proven identity.
    pub(super) fn call(&mut self, peer: &str, request: BroadcasterRequest) -> ConnectionId {
        self.call_as(peer, ParticipantGrant::default(), request)
    }

    pub(super) fn call_as(&mut self, peer: &str, grant: ParticipantGrant, request: BroadcasterRequest) -> ConnectionId {
        self.next_request += 1;
        let call = ConnectionId(1_000_000 + self.next_request);
        let peer = PeerId::from(peer);
        self.handle(Command::Broadcaster(Box::new(BroadcasterCall { call, peer, grant, request })));
        call
    }

    /// Makes a call and returns the answer.
    fn broadcast(&mut self, peer: &str, request: BroadcasterRequest) -> Result<Value, (u16, String)> {
        self.broadcast_as(peer, ParticipantGrant::default(), request)
    }

    fn broadcast_as(
        &mut self,
        peer: &str,
        grant: ParticipantGrant,
        request: BroadcasterRequest,
    ) -> Result<Value, (u16, String)> {
        let call = self.call_as(peer, grant, request);
        let answer = self.sent.iter().rev().find(|(to, _)| *to == call).expect("every call is answered");
        match &answer.1 {
            Outgoing::Success(_, data) => Ok(data.clone()),
            Outgoing::Failure { code, reason, .. } => Err((*code, reason.clone())),
            other => panic!("no answer: {other:?}"),
        }
    }

    fn id_of(&mut self, peer: &str, request: BroadcasterRequest) -> String {
        self.broadcast(peer, request).expect("it is made")["id"].as_str().expect("an id").to_owned()
    }
}

#[test]
fn older_scripts_are_seen_at_once_and_newer_ones_when_they_say() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.forget();
    let answer = room.broadcast("old", entry(true)).expect("enters");
    assert_eq!(answer["peers"][0]["id"], "ada");
    assert_eq!(room.told(ada), ["newPeer"]);
    room.broadcast("new", entry(false)).expect("enters");
    assert_eq!(room.told(ada), ["newPeer"], "not yet");
    let transport = room.id_of("new", plain(Direction::Producer));
    assert_eq!(room.broadcast("new", produce(&transport)), Err((409, "join first".into())));
    room.broadcast("new", BroadcasterRequest::Join).expect("joins");
    assert_eq!(room.broadcast("new", BroadcasterRequest::Join).map_err(|(code, _)| code), Err(409));
    assert_eq!(room.told(ada), ["newPeer", "newPeer"]);
    assert_eq!(room.room.participants(), 1, "broadcasters take no seat");
}

#[test]
fn what_a_broadcaster_sends_is_offered_and_goes_with_it() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.broadcast("camera", entry(true)).expect("enters");
    let made = room.broadcast("camera", plain(Direction::Producer)).expect("a transport");
    assert_eq!((&made["ip"], &made["port"], &made["rtcpPort"]), (&json!("192.0.2.1"), &json!(40_000), &json!(40_001)));
    let transport = made["transportId"].as_str().expect("an id");
    room.broadcast("camera", produce(transport)).expect("produces");
    assert_eq!(room.offers().len(), 1);
    room.forget();
    room.broadcast("camera", BroadcasterRequest::Leave).expect("leaves");
    assert_eq!(room.told(ada), ["consumerClosed", "peerClosed"]);
    assert_eq!(room.broadcast("camera", BroadcasterRequest::Leave).map_err(|(code, _)| code), Err(404));
}

#[test]
fn a_broadcaster_receives_what_it_asks_for_and_nothing_else() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    let producer = room.produce(ada, "video");
    let grant = ParticipantGrant { receive_plain: true, ..ParticipantGrant::default() };
    room.broadcast_as("recorder", grant, entry(false)).expect("enters");
    let transport = TransportId(room.id_of("recorder", plain(Direction::Consumer)));
    let consume = |producer: &str| BroadcasterRequest::Consume {
        transport: transport.clone(),
        producer: ProducerId::from(producer),
        paused: true,
        rtp_capabilities: None,
    };
    for early in [consume(&producer), BroadcasterRequest::PeerProducersInfos] {
        assert_eq!(room.broadcast("recorder", early), Err((409, "join first".into())));
    }
    room.broadcast("recorder", BroadcasterRequest::Join).expect("joins");
    assert_eq!(room.room.stats().holdings.consumers, 0);
    let infos = room.broadcast("recorder", BroadcasterRequest::PeerProducersInfos).expect("infos");
    let expected = json!([{ "peerId": "ada", "producers": [
        { "producerId": producer, "kind": "video", "source": "video", "paused": false, "consumableCodecs": ["codec"] },
    ] }]);
    assert_eq!(infos["peerProducersInfos"], expected);
    assert_eq!(room.broadcast("recorder", consume("unknown")).map_err(|(code, _)| code), Err(404));
    let consumer = room.id_of("recorder", consume(&producer));
    let consumer = ConsumerId(consumer);
    let calls = [
        (ConsumerCall::Resume, Operation::ResumeConsumer(consumer.clone())),
        (ConsumerCall::Pause, Operation::PauseConsumer(consumer.clone())),
        (ConsumerCall::RequestKeyFrame, Operation::RequestKeyFrame(consumer.clone())),
        (ConsumerCall::SetPreferredLayers(1, Some(0)), Operation::SetPreferredLayers(consumer.clone(), 1, Some(0))),
    ];
    for (call, operation) in calls {
        room.operations.clear();
        room.broadcast("recorder", BroadcasterRequest::OfConsumer(consumer.clone(), call)).expect("it is its own");
        assert_eq!(room.operations, [operation]);
    }
    let foreign = BroadcasterRequest::OfConsumer(ConsumerId::from("another"), ConsumerCall::Resume);
    assert_eq!(room.broadcast("recorder", foreign).map_err(|(code, _)| code), Err(404));
}

#[test]
fn a_script_never_takes_the_place_of_a_participant() {
    let mut room = harness();
    let ada = room.connect_as(1, "ada", ParticipantGrant::default());
    room.join(ada, "Ada");
    assert_eq!(room.broadcast("ada", entry(true)), Err((409, "\"ada\" is already in the meeting".into())));
    assert!(room.closed.is_empty());
    let taken = room.broadcast("ada", entry(false));
    assert_eq!(taken.map_err(|(code, _)| code), Err(409), "a script replaces no participant");
    let moderator = ParticipantGrant { moderator: true, ..ParticipantGrant::default() };
    assert_eq!(room.broadcast_as("ada", moderator, entry(false)).map_err(|(code, _)| code), Err(409));
    assert!(room.closed.is_empty());
}

#[test]
fn ids_of_scripts_are_refused_to_older_ones_and_given_to_newer_ones() {
    let mut room = harness();
    room.broadcast("camera", entry(true)).expect("enters");
    let transport = room.id_of("camera", plain(Direction::Producer));
    assert_eq!(room.broadcast("camera", entry(true)), Err((409, "\"camera\" is already in the meeting".into())));
    assert!(room.broadcast("camera", produce(&transport)).is_ok());
    room.broadcast("camera", entry(false)).expect("replaces");
    assert_eq!(room.broadcast("camera", BroadcasterRequest::Join), Ok(json!({})));
    assert_eq!(room.room.stats().broadcasters, 1);
    assert!(room.open_transports.is_empty(), "what the first one had is gone");
}

#[test]
fn a_broadcaster_belongs_to_the_caller_that_entered_it() {
    let at = |address: &str| ParticipantGrant { address: Some(address.into()), ..ParticipantGrant::default() };
    let guest = |id: &str, address: &str| ParticipantGrant { guest: Some(id.into()), ..at(address) };
    let known = |id: &str, address: &str| ParticipantGrant { identity: Some(id.into()), ..at(address) };
    let cases = [
        ("the same address", at("192.0.2.1"), at("192.0.2.1"), true),
        ("another address", at("192.0.2.1"), at("192.0.2.2"), false),
        ("no address", at("192.0.2.1"), ParticipantGrant::default(), false),
        ("nothing known of either", ParticipantGrant::default(), ParticipantGrant::default(), true),
        ("the same guest elsewhere", guest("g1", "192.0.2.1"), guest("g1", "192.0.2.2"), true),
        ("another guest at the same address", guest("g1", "192.0.2.1"), guest("g2", "192.0.2.1"), false),
        ("an unknown caller at the guest's address", guest("g1", "192.0.2.1"), at("192.0.2.1"), false),
        ("the same person elsewhere", known("ada", "192.0.2.1"), known("ada", "192.0.2.2"), true),
        ("another person", known("ada", "192.0.2.1"), known("bob", "192.0.2.1"), false),
    ];
    for (name, entered, caller, is_same) in cases {
        let calls = [BroadcasterRequest::Join, plain(Direction::Producer), entry(false), BroadcasterRequest::Leave];
        for call in calls {
            let mut room = harness();
            room.broadcast_as("camera", entered.clone(), entry(false)).expect("enters");
            let before = room.room.stats();
            let answer = room.broadcast_as("camera", caller.clone(), call.clone());
            assert_eq!(answer.is_ok(), is_same, "{name}: {call:?} {answer:?}");
            if !is_same {
                assert!(matches!(answer, Err((403, _))) && room.room.stats() == before, "{name}: {call:?}");
            }
        }
    }
}

fn connect(transport: &str, ip: &str) -> BroadcasterRequest {
    let transport = TransportId::from(transport);
    BroadcasterRequest::ConnectPlainTransport { transport, ip: ip.parse().unwrap(), port: 9, rtcp_port: None }
}

#[test]
fn receiving_by_plain_rtp_is_a_right_of_its_own() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    let producer = ProducerId::from(room.produce(ada, "video").as_str());
    let granted = ParticipantGrant { receive_plain: true, ..ParticipantGrant::default() };
    for (peer, grant, may) in [("without", ParticipantGrant::default(), false), ("with", granted, true)] {
        room.broadcast_as(peer, grant, entry(true)).expect("enters");
        let sends = room.id_of(peer, plain(Direction::Producer));
        assert!(room.broadcast(peer, produce(&sends)).is_ok(), "sending needs no such right");
        let receives = room.id_of(peer, plain(Direction::Consumer));
        let (transport, producer) = (TransportId::from(receives.as_str()), producer.clone());
        let consume =
            BroadcasterRequest::Consume { transport, producer, paused: false, rtp_capabilities: Some(json!({})) };
        for call in [connect(&receives, "1.1.1.1"), connect(&sends, "1.1.1.1"), consume] {
            let answer = room.broadcast(peer, call.clone()).map_err(|(code, _)| code);
            assert_eq!(answer.err(), (!may).then_some(403), "{peer}: {call:?}");
        }
    }
}

#[test]
fn plain_rtp_is_sent_to_public_addresses_and_opened_networks() {
    let mut limits = Limits::default();
    limits.plain_destinations.allow(["10.1.0.0/16".parse().unwrap()]);
    let mut room = Harness::new(limits);
    let granted = ParticipantGrant { receive_plain: true, ..ParticipantGrant::default() };
    room.broadcast_as("camera", granted, entry(true)).expect("enters");
    let transport = room.id_of("camera", plain(Direction::Consumer));
    for address in ["1.1.1.1", "10.1.2.3", "::ffff:10.1.2.3"] {
        assert!(room.broadcast("camera", connect(&transport, address)).is_ok(), "{address}");
    }
    for address in ["127.0.0.1", "10.2.0.1", "169.254.169.254", "::1", "::ffff:192.168.0.1", "ff02::1", "0.0.0.0"] {
        let answer = room.broadcast("camera", connect(&transport, address));
        assert_eq!(answer.map_err(|(code, _)| code), Err(403), "{address}");
    }
}

#[test]
fn a_plain_transport_has_few_consumers() {
    let mut room = Harness::new(Limits { plain_consumers: 2, ..Limits::default() });
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    let producer = ProducerId::from(room.produce(ada, "video").as_str());
    let granted = ParticipantGrant { receive_plain: true, ..ParticipantGrant::default() };
    room.broadcast_as("recorder", granted, entry(true)).expect("enters");
    let [first, second] = [0, 1].map(|_| TransportId(room.id_of("recorder", plain(Direction::Consumer))));
    let consume = |transport: &TransportId| BroadcasterRequest::Consume {
        transport: transport.clone(),
        producer: producer.clone(),
        paused: false,
        rtp_capabilities: Some(json!({})),
    };
    for transport in [&first, &first, &second] {
        assert!(room.broadcast("recorder", consume(transport)).is_ok());
    }
    let refused = room.broadcast("recorder", consume(&first));
    assert_eq!(refused, Err((429, "the limit of 2 consumers per plain transport is reached".into())));
    let data = BroadcasterRequest::ConsumeData { transport: second, producer: super::DataProducerId::from("any") };
    assert_eq!(room.broadcast("recorder", data).map_err(|(code, _)| code), Err(400), "no messages by plain RTP");
}

#[test]
fn a_client_is_no_broadcaster() {
    let mut room = harness();
    let ada = room.connect_as(1, "ada", ParticipantGrant::default());
    room.join(ada, "Ada");
    for call in [BroadcasterRequest::Leave, BroadcasterRequest::Join, plain(Direction::Producer)] {
        assert_eq!(room.broadcast("ada", call).map_err(|(code, _)| code), Err(404));
    }
    assert_eq!(room.room.participants(), 1);
}

#[test]
fn broadcasters_that_do_nothing_go_and_keep_no_room_alive() {
    let mut room = harness();
    room.broadcast("silent", entry(true)).expect("enters");
    room.now += Duration::from_mins(2);
    room.handle(Command::Tick);
    assert_eq!(room.room.stats().broadcasters, 0);
    room.broadcast("camera", entry(true)).expect("enters");
    let transport = room.id_of("camera", plain(Direction::Producer));
    let producer = ProducerId(room.id_of("camera", produce(&transport)));
    let score = json!([{ "ssrc": 1, "score": 10 }]);
    room.handle(Command::Media(super::MediaEvent::ProducerScore(producer, score)));
    room.now += Duration::from_mins(2);
    room.handle(Command::Tick);
    assert_eq!(room.room.stats().broadcasters, 1, "something comes");
    room.now += Duration::from_mins(5);
    room.handle(Command::Tick);
    assert!(room.is_shut && room.open_transports.is_empty());
}

#[test]
fn what_a_script_may_do_is_what_its_admission_says() {
    let mut room = harness();
    let silent = PublishGrant { audio: true, video: false, share: false };
    let grant =
        ParticipantGrant { publish: silent, subscribe: false, publish_data: false, ..ParticipantGrant::default() };
    room.broadcast_as("camera", ParticipantGrant { name: Some("Hall".into()), ..grant.clone() }, entry(true))
        .expect("enters");
    let ada = room.connect(1, "ada");
    assert_eq!(room.join(ada, "Ada")["peers"][0]["displayName"], "Hall");
    let transport = room.id_of("camera", plain(Direction::Producer));
    assert_eq!(room.broadcast("camera", produce(&transport)), Err((403, "you may not send video".into())));
    let consume = BroadcasterRequest::ConsumeData {
        transport: TransportId::from(transport.as_str()),
        producer: super::DataProducerId::from("any"),
    };
    assert_eq!(room.broadcast("camera", consume).map_err(|(code, _)| code), Err(403));
    let waits = ParticipantGrant { lobby: true, ..grant };
    assert_eq!(room.broadcast_as("other", waits, entry(true)).map_err(|(code, _)| code), Err(403));
}

#[test]
fn a_known_persons_broadcaster_is_called_by_that_person_alone() {
    let mut room = harness();
    let known = |identity: &str| ParticipantGrant { identity: Some(identity.into()), ..ParticipantGrant::default() };
    room.broadcast_as("camera", known("user-1"), entry(true)).expect("enters");
    for stranger in [ParticipantGrant::default(), known("user-2")] {
        let answer = room.broadcast_as("camera", stranger, BroadcasterRequest::Leave);
        assert_eq!(answer, Err((403, "this peerId is in use by another participant".into())));
    }
    room.broadcast_as("camera", known("user-1"), BroadcasterRequest::Leave).expect("leaves");
}

#[test]
fn broadcasters_receive_a_data_producer_once_and_few_streams_in_all() {
    let mut room = Harness::new(Limits { consumers: 40, ..Limits::default() });
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    let (video, chat) = (room.produce(ada, "video"), room.produce_data(ada, "chat"));
    room.broadcast("recorder", entry(true)).expect("enters");
    let transport = TransportId(room.id_of("recorder", BroadcasterRequest::CreateWebRtcTransport));
    let messages = || BroadcasterRequest::ConsumeData {
        transport: transport.clone(),
        producer: super::DataProducerId::from(chat.as_str()),
    };
    room.broadcast("recorder", messages()).expect("receives");
    let twice = room.broadcast("recorder", messages());
    assert_eq!(twice, Err((409, "it receives this data producer already".into())));
    let stream = || BroadcasterRequest::Consume {
        transport: transport.clone(),
        producer: ProducerId::from(video.as_str()),
        paused: false,
        rtp_capabilities: Some(json!({})),
    };
    for _ in 0..2 {
        room.broadcast("recorder", stream()).expect("receives");
    }
    let refused = room.broadcast("recorder", stream());
    assert_eq!(refused, Err((429, "the limit of consumers is reached".into())), "a twentieth is theirs");
}

#[test]
fn calls_for_broadcasters_have_a_rate() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    for _ in 0..100 {
        room.broadcast("camera", entry(false)).expect("enters again");
        room.broadcast("camera", BroadcasterRequest::Join).expect("joins");
    }
    let refused = room.broadcast("camera", entry(false)).map_err(|(code, _)| code);
    assert_eq!(refused, Err(429));
    room.now += Duration::from_secs(1);
    assert!(room.broadcast("camera", entry(false)).is_ok());
}

#[test]
fn what_moderators_decide_between_entry_and_join_applies_to_a_broadcaster() {
    for (method, data) in [("setRoomLock", json!({ "locked": true })), ("setRoomLobby", json!({ "enabled": true }))] {
        let mut room = harness();
        let host = room.connect_as(1, "host", super::matrix::moderator());
        room.join(host, "Host");
        room.broadcast("camera", entry(false)).expect("enters");
        room.ask(host, method, data).expect("moderates");
        assert_eq!(room.broadcast("camera", BroadcasterRequest::Join).map_err(|(code, _)| code), Err(403), "{method}");
    }
}
