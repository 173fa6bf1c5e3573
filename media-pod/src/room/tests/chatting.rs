//! The chat with and without data channels.

use convene_protocol::message::{ServerNotification, ServerRequest};
use serde_json::{Value, json};

use super::{
    Command, ConnectionId, DataMessage, DataProducerId, Fact, Harness, Limits, MediaEvent, MeetingSettings, Operation,
    Outgoing, harness, heard,
};

impl Harness {
    fn chat_messages(&self, connection: ConnectionId) -> Vec<String> {
        let text = |(to, message): &(ConnectionId, Outgoing)| match message {
            Outgoing::Notification(ServerNotification::ChatMessage(told)) if *to == connection => {
                Some(told.text.clone())
            }
            _ => None,
        };
        self.sent.iter().filter_map(text).collect()
    }

    fn said(&self) -> Vec<String> {
        let text = |operation: &Operation| match operation {
            Operation::VoiceSay(_, text) => Some(text.clone()),
            _ => None,
        };
        self.operations.iter().filter_map(text).collect()
    }

    pub(super) fn accept_data_offers(&mut self) {
        let of_data = |(to, message): &(ConnectionId, Outgoing)| match message {
            Outgoing::Request(id, ServerRequest::NewDataConsumer(_)) => Some((*to, *id)),
            _ => None,
        };
        let offers: Vec<_> = self.sent.iter().filter_map(of_data).collect();
        for (connection, id) in offers {
            self.handle(Command::Answered { connection, id, is_ok: true });
        }
    }
}

fn texts(history: &Value) -> Vec<&str> {
    let messages = history["messages"].as_array().expect("messages");
    messages.iter().map(|message| message["text"].as_str().expect("text")).collect()
}

#[test]
fn where_the_chat_is_off_nothing_is_written_and_the_bot_still_answers() {
    let terms = MeetingSettings { has_chat: false, ..MeetingSettings::default() };
    let mut room = Harness::with(Limits::default(), terms);
    let (ada, bob) = (room.connect(1, "ada"), room.connect(2, "bob"));
    room.join(ada, "Ada");
    room.join(bob, "Bob");
    let off = Err((403, "the chat is off in this meeting".to_owned()));
    assert_eq!(room.ask(ada, "sendChatMessage", json!({ "text": "hi" })), off);
    assert_eq!(room.ask(ada, "getChatHistory", json!({ "follow": true })), off);
    let transport = room.transport(ada, "producer");
    let channel = |label: &str| json!({ "transportId": transport, "label": label, "sctpStreamParameters": {} });
    assert_eq!(room.ask(ada, "produceData", channel("chat")), off);
    assert!(room.ask(ada, "produceData", channel("bot")).is_ok());
    assert_eq!(room.data_offers(bob), [None], "the bot's alone");
}

#[test]
fn messages_on_data_channels_are_kept_for_late_joiners() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    let channel = room.produce_data(ada, "chat");
    room.handle(Command::Media(MediaEvent::ChatMessage(heard(&channel, "first"))));
    let bob = room.connect(2, "bob");
    assert_eq!(room.ask(bob, "getChatHistory", json!({})), Err((409, "join first".into())));
    room.join(bob, "Bob");
    let history = room.ask(bob, "getChatHistory", json!({ "follow": true })).expect("history");
    assert_eq!(texts(&history), ["first"]);
    assert_eq!(
        (&history["messages"][0]["peerId"], &history["messages"][0]["displayName"]),
        (&json!("ada"), &json!("Ada"))
    );
}

#[test]
fn only_followers_receive_the_chat_by_signaling() {
    let mut room = harness();
    let (ada, bob, eve) = (room.connect(1, "ada"), room.connect(2, "bob"), room.connect(3, "eve"));
    for (connection, name) in [(ada, "Ada"), (bob, "Bob"), (eve, "Eve")] {
        room.join(connection, name);
    }
    room.ask(bob, "getChatHistory", json!({ "follow": true })).expect("history");
    let channel = room.produce_data(ada, "chat");
    room.handle(Command::Media(MediaEvent::ChatMessage(heard(&channel, "hello"))));
    room.ask(bob, "sendChatMessage", json!({ "text": "hi" })).expect("sent");
    assert_eq!(room.chat_messages(bob), ["hello"]);
    assert!(room.chat_messages(eve).is_empty() && room.chat_messages(ada).is_empty());
}

#[test]
fn a_voice_waits_until_all_receivers_have_accepted_it() {
    let mut room = harness();
    let (ada, bob) = (room.connect(1, "ada"), room.connect(2, "bob"));
    room.join(ada, "Ada");
    room.join(bob, "Bob");
    let sent = room.ask(bob, "sendChatMessage", json!({ "text": "one" })).expect("sent");
    assert_eq!(sent["id"], 1);
    assert_eq!(room.data_offers(ada), [None, Some("bob".to_owned())]);
    room.ask(bob, "sendChatMessage", json!({ "text": "two" })).expect("sent");
    assert!(room.said().is_empty(), "ada's browser does not know the channel yet");
    room.accept_data_offers();
    assert_eq!(room.said(), ["one", "two"]);
    room.ask(bob, "sendChatMessage", json!({ "text": "three" })).expect("sent");
    assert_eq!(room.said(), ["one", "two", "three"]);
    room.handle(Command::Disconnected { connection: bob });
    assert!(room.operations.iter().any(|operation| matches!(operation, Operation::CloseDataProducer(_))));
}

#[test]
fn a_voice_does_not_wait_forever_for_an_answer() {
    let mut room = harness();
    let (ada, bob) = (room.connect(1, "ada"), room.connect(2, "bob"));
    room.join(ada, "Ada");
    room.join(bob, "Bob");
    room.ask(bob, "sendChatMessage", json!({ "text": "one" })).expect("sent");
    room.handle(Command::Tick);
    assert!(room.said().is_empty());
    room.now += Limits::default().answer_timeout;
    room.handle(Command::Tick);
    assert_eq!(room.said(), ["one"]);
    let closed = room.operations.iter().any(|operation| matches!(operation, Operation::CloseDataConsumer(_)));
    assert!(!closed, "ada may still accept it");
}

#[test]
fn a_voice_without_receivers_is_ready_at_once() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    room.ask(ada, "sendChatMessage", json!({ "text": "anyone?" })).expect("sent");
    assert_eq!(room.said(), ["anyone?"]);
    assert_eq!(room.ask(ada, "sendChatMessage", json!({ "text": "x" })).map(|sent| sent["id"].clone()), Ok(json!(2)));
}

#[test]
fn a_flood_by_signaling_is_refused_for_a_while() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    let say = |room: &mut Harness| room.ask(ada, "sendChatMessage", json!({ "text": "x" })).map_err(|(code, _)| code);
    let taken = (0..1000).take_while(|_| say(&mut room).is_ok()).count();
    assert!((100..200).contains(&taken), "{taken}");
    assert_eq!(say(&mut room), Err(429));
    room.now += std::time::Duration::from_secs(1);
    assert!(say(&mut room).is_ok());
}

#[test]
fn a_flood_on_data_channels_pauses_them() {
    for text in [Some("x".to_owned()), None] {
        let mut room = harness();
        let (ada, bob) = (room.connect(1, "ada"), room.connect(2, "bob"));
        room.join(ada, "Ada");
        room.join(bob, "Bob");
        room.ask(bob, "getChatHistory", json!({ "follow": true })).expect("history");
        let producer = DataProducerId(room.produce_data(ada, "chat"));
        let flood = DataMessage { producer: producer.clone(), bytes: 10_000, text };
        for _ in 0..1000 {
            room.handle(Command::Media(MediaEvent::ChatMessage(flood.clone())));
        }
        assert!(room.chat_messages(bob).len() < 20);
        let pauses = |room: &Harness| {
            room.operations
                .iter()
                .filter(|operation| **operation == Operation::PauseDataProducer(producer.clone()))
                .count()
        };
        assert_eq!(pauses(&room), 1);
        assert!(room.facts.contains(&Fact::LimitReached("messages on data channels")));
        let second = DataProducerId(room.produce_data(ada, "chat"));
        assert!(room.operations.contains(&Operation::PauseDataProducer(second.clone())), "a new channel is no way out");
        room.now += std::time::Duration::from_secs(2);
        room.handle(Command::Tick);
        for producer in [&producer, &second] {
            assert!(room.operations.contains(&Operation::ResumeDataProducer(producer.clone())));
        }
        room.handle(Command::Media(MediaEvent::ChatMessage(heard(&producer.0, "sorry"))));
        assert_eq!(room.chat_messages(bob).last().map(String::as_str), Some("sorry"));
    }
}

#[test]
fn the_history_comes_in_pages() {
    let mut room = harness();
    let ada = room.connect(1, "ada");
    room.join(ada, "Ada");
    for number in 1..=120 {
        room.now += std::time::Duration::from_millis(100);
        room.ask(ada, "sendChatMessage", json!({ "text": number.to_string() })).expect("sent");
    }
    let newest = room.ask(ada, "getChatHistory", json!({})).expect("history");
    assert_eq!((texts(&newest).len(), texts(&newest)[0], &newest["more"]), (100, "21", &json!(true)));
    let older = room.ask(ada, "getChatHistory", json!({ "before": newest["messages"][0]["id"] })).expect("history");
    assert_eq!((texts(&older).len(), texts(&older)[19], &older["more"]), (20, "20", &json!(false)));
}
