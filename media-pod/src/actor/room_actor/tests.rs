//! The loop with a media plane that takes its time.

use std::sync::Arc;

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::message::ClientRequest;
use futures_util::FutureExt;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::actor::list_version::ListVersion;
use crate::actor::media_queue::tests::Slow;
use crate::actor::observed::{Observed, Reports};
use crate::actor::outbox::{Inbox, Out, channel};
use crate::actor::quota::ByteQuota;
use crate::actor::room_media::Arrival;
use crate::actor::vocabulary::{VersionName, Vocabulary};
use crate::room::{Connect, Context, End, Limits, MeetingSettings, Operation, Outcome, PeerId, RoomStats, TransportId};

/// A running actor.
struct Running {
    inputs: mpsc::Sender<Box<Input>>,
    stats: watch::Receiver<RoomStats>,
    slow: Slow,
    task: JoinHandle<()>,
    _events: mpsc::UnboundedSender<Box<MediaEvent>>,
}

fn start() -> Running {
    start_with(Slow::new())
}

fn start_with(slow: Slow) -> Running {
    let (mut actor, Observed { stats, .. }) = actor(&slow);
    let ((inputs, received), (events, reported)) = (mpsc::channel(16), mpsc::unbounded_channel());
    let task = tokio::spawn(async move { actor.run(received, reported).await });
    Running { inputs, stats, slow, task, _events: events }
}

/// An actor that does not run.
fn actor(slow: &Slow) -> (RoomActor<Slow>, Observed) {
    let capabilities: Arc<Value> = Arc::new(json!({}));
    let room = Room::new(Limits::default(), MeetingSettings::default(), capabilities, "1".into(), 0, None);
    let metrics = Metrics::default();
    let reports = Reports { metrics: metrics.clone(), version: ListVersion::new(0) };
    let (publisher, observed) = Publisher::new(&room, reports);
    (RoomActor::new(room, slow.clone(), None, publisher, metrics), observed)
}

/// The input by which a client connects, and what it receives.
fn connecting(connection: u64) -> (Input, Inbox) {
    let (outbox, inbox) = channel(ByteQuota::new(usize::MAX));
    let connect = Connect {
        connection: ConnectionId(connection),
        peer: PeerId(format!("peer-{connection}")),
        grant: ParticipantGrant::default(),
        replicas: 0,
        comes_back_only: false,
        proves: None,
        prepares: false,
        moves: false,
    };
    let vocabulary = Vocabulary { extensions: false, version_name: VersionName::Newer };
    (Input::Connect(connect, Client { outbox, vocabulary }), inbox)
}

fn requesting(connection: u64, id: u64, method: &str, data: Value) -> Input {
    let request = ClientRequest::parse(method, data).expect("readable");
    Input::Command(Command::Request { connection: ConnectionId(connection), id, request })
}

fn joining(connection: u64, id: u64) -> Input {
    requesting(connection, id, "join", json!({ "displayName": "Someone" }))
}

impl RoomActor<Slow> {
    fn take(&mut self, input: Input) {
        let command = self.command(input).expect("it concerns the room");
        self.handle(command);
    }
}

impl Running {
    async fn input(&self, input: Input) {
        self.inputs.send(Box::new(input)).await.expect("the room is open");
    }

    async fn connect(&self, connection: u64) -> Inbox {
        let (input, inbox) = connecting(connection);
        self.input(input).await;
        inbox
    }

    async fn ask(&self, connection: u64, id: u64, method: &str, data: Value) {
        self.input(requesting(connection, id, method, data)).await;
    }

    async fn create_transport(&self, connection: u64, id: u64) {
        self.ask(connection, id, "createWebRtcTransport", json!({ "producing": true })).await;
    }

    async fn join(&self, connection: u64, id: u64) {
        self.input(joining(connection, id)).await;
    }

    /// Waits until the room has published that it has this many transports.
    async fn has_transports(&mut self, count: usize) {
        self.stats.wait_for(|stats| stats.holdings.transports == count).await.expect("the room is open");
    }
}

/// Reads messages until the answer to a request.
async fn answer(inbox: &mut Inbox, id: u64) -> Value {
    loop {
        let Out::Text(text) = inbox.recv().await else { panic!("the connection has ended") };
        let message: Value = serde_json::from_str(&text).expect("a frame");
        if message["response"] == true && message["id"] == id {
            return message;
        }
    }
}

#[tokio::test]
async fn a_slow_operation_stops_no_chat() {
    let mut room = start();
    let (mut ada, mut bob) = (room.connect(1).await, room.connect(2).await);
    room.create_transport(1, 1).await;
    room.join(1, 2).await;
    room.join(2, 1).await;
    room.ask(2, 2, "sendChatMessage", json!({ "text": "hello" })).await;
    assert_eq!(answer(&mut bob, 2).await["ok"], true);
    assert_eq!(room.slow.started(), ["create"], "it still runs");
    assert_eq!(room.stats.wait_for(|stats| stats.participants == 2).await.unwrap().holdings.transports, 0);
    room.slow.gate.add_permits(1);
    // The answer to `join` came before.
    assert_eq!(answer(&mut ada, 1).await["data"]["transportId"], "transport");
    room.has_transports(1).await;
}

#[tokio::test]
async fn a_client_that_leaves_meanwhile_gets_no_answer_and_nothing_is_left() {
    let mut room = start();
    let mut ada = room.connect(1).await;
    let mut bob = room.connect(2).await;
    room.create_transport(1, 1).await;
    room.input(Input::Command(Command::Disconnected { connection: ConnectionId(1) })).await;
    room.create_transport(2, 1).await;
    room.ask(2, 2, "getRouterRtpCapabilities", json!({})).await;
    // The room knows that Ada has left.
    answer(&mut bob, 2).await;
    room.slow.gate.add_permits(2);
    assert_eq!(answer(&mut bob, 1).await["ok"], true);
    room.has_transports(1).await;
    while let Out::Text(text) = ada.recv().await {
        assert!(!text.contains("response"), "{text}");
    }
}

#[tokio::test]
async fn a_room_ends_while_an_operation_runs() {
    let room = start();
    let mut ada = room.connect(1).await;
    room.create_transport(1, 1).await;
    room.ask(1, 2, "getRouterRtpCapabilities", json!({})).await;
    answer(&mut ada, 2).await;
    room.input(Input::Command(Command::End(End::Over))).await;
    room.task.await.expect("no panic");
    loop {
        match ada.recv().await {
            Out::Close(code, reason) => {
                assert_eq!((code, reason), (4000, "meeting ended"));
                break;
            }
            Out::Text(_) | Out::Ping => {}
        }
    }
    assert_eq!(Arc::strong_count(&room.slow.gate), 1, "the media plane was dropped");
}

#[tokio::test]
async fn a_panic_of_an_operation_ends_the_actor() {
    let room = start_with(Slow { panics: true, ..Slow::new() });
    let _ada = room.connect(1).await;
    room.join(1, 1).await;
    // Creates a voice.
    room.ask(1, 2, "sendChatMessage", json!({ "text": "hello" })).await;
    assert!(room.task.await.unwrap_err().is_panic());
}

#[tokio::test]
async fn a_room_does_not_tick_while_it_reads_no_inputs() {
    let slow = Slow::new();
    let (mut actor, _observed) = actor(&slow);
    let (connect, mut ada) = connecting(1);
    actor.take(connect);
    actor.take(joining(1, 1));
    while !actor.media.is_full() {
        actor.media.push(Operation::CreateTransport { direction: None, force_tcp: false }, Context::None, 1);
    }
    // A ping is due.
    actor.opened = actor.opened.checked_sub(Duration::from_secs(10)).expect("the machine has run for this long");
    let ((_inputs, received), (_events, reported)) = (mpsc::channel(1), mpsc::unbounded_channel());
    let mut run = Box::pin(actor.run(received, reported));
    assert!((&mut run).now_or_never().is_none());
    while let Some(message) = ada.recv().now_or_never() {
        assert!(matches!(message, Out::Text(_)), "Ada could not answer: {message:?}");
    }
    slow.gate.add_permits(1);
    let is_pinged = async { while !matches!(ada.recv().await, Out::Ping) {} };
    tokio::select! {
        () = is_pinged => {}
        () = run => panic!("the room is over"),
    }
}

#[tokio::test]
async fn a_report_during_a_series_of_outcomes_publishes_nothing() {
    let (mut actor, _observed) = actor(&Slow::new());
    let outcome = || Command::MediaDone { context: Context::None, outcome: Ok(Outcome::Done) };
    actor.media.push(Operation::CreateVoice, Context::None, 1);
    for (command, waits) in [
        (outcome(), true),
        (Command::Media(MediaEvent::Volumes(Vec::new())), true),
        (Command::Media(MediaEvent::TransportDisconnected(TransportId::from("transport"))), false),
        (Command::Media(MediaEvent::Volumes(Vec::new())), false),
        (outcome(), true),
    ] {
        actor.handle(command);
        assert_eq!(actor.is_changed, waits);
    }
    assert!(matches!(actor.media.next().await, Arrival::Done(_, Ok(_))));
    actor.handle(outcome());
    assert!(!actor.is_changed, "the last outcome");
}
