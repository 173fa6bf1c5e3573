//! Every message of the goldens, corrupted in every place and way: it is accepted, or refused briefly for one of a few reasons.

use std::sync::LazyLock;

use convene_protocol::frame::{self, Frame, MAX_MESSAGE_BYTES};
use convene_protocol::message::{ClientRequest, RequestError};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::{client_messages, frames, names_of};

/// Every reason for which a text may be refused.
const REASONS: [&str; 5] = ["MessageTooLong", "MessageNotJson", "MessageNotProtoo", "MethodUnknown", "DataInvalid"];
/// Longest text of an error, in bytes.
const MAX_ERROR: usize = 512;
/// Below this depth payloads are mediasoup's, and passed on as they are.
const MAX_DEPTH: usize = 4;

/// JSON, or almost JSON, in place of the expected value.
static WRONG_VALUES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let names = r#"null true false 0 -1 1.5 256 1e308 1e999 18446744073709551615 18446744073709551616 -9223372036854775809
        "" "x" "\u0000\ud83d\ude00" "\ud800" [] {} ["producer-1"] {"direction":[]} undefined"#;
    let mut all: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
    all.push(format!("\"{}\"", "\u{10ffff}\u{202e}".repeat(5000)));
    all.push(nested("[", "]", 100));
    all.push(nested("[", "]", 10_000));
    all.push(nested(r#"{"data":"#, "}", 5_000));
    all
});

static METHODS: LazyLock<Vec<String>> = LazyLock::new(names_of::<ClientRequest>);

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}0{}", open.repeat(depth), close.repeat(depth))
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// Instead of what is there.
    Instead,
    /// A second field with the same name, before the right one.
    DoubleBefore,
    /// The same after it.
    DoubleAfter,
    /// A field with an unknown name.
    Extra,
}

const PLACES: [Place; 4] = [Place::Instead, Place::DoubleBefore, Place::DoubleAfter, Place::Extra];

/// A frame being changed. A [`Value`] cannot hold invalid JSON, so placeholders stand for it until the frame is written.
struct Mutant {
    frame: Value,
    marks: Vec<(String, String)>,
}

impl Mutant {
    fn new(frame: Value) -> Self {
        Self { frame, marks: Vec::new() }
    }

    /// Skips what an earlier change has removed.
    fn remove(&mut self, pointer: &str) {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match self.frame.pointer_mut(parent) {
            Some(Value::Object(fields)) => drop(fields.remove(key)),
            Some(Value::Array(elements)) if !elements.is_empty() => drop(elements.pop()),
            _ => {}
        }
    }

    fn put(&mut self, pointer: &str, place: Place, wrong: &str) {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let mark = format!("<{}>", self.marks.len());
        // Fields are written in alphabetical order.
        let double = match place {
            Place::Instead => None,
            Place::DoubleBefore => Some(format!(" {mark}")),
            Place::DoubleAfter => Some(format!("~{mark}")),
            Place::Extra => Some("nobodyKnowsThis".to_owned()),
        };
        match (double, self.frame.pointer_mut(parent)) {
            (None, Some(_)) => {
                let Some(node) = self.frame.pointer_mut(pointer) else { return };
                *node = json!(mark);
            }
            (Some(name), Some(Value::Object(fields))) => {
                fields.insert(name.clone(), json!(mark));
                if !matches!(place, Place::Extra) {
                    self.marks.push((json!(name).to_string(), json!(key).to_string()));
                }
            }
            _ => return,
        }
        self.marks.push((json!(mark).to_string(), wrong.to_owned()));
    }

    fn text(&self) -> String {
        self.marks.iter().fold(self.frame.to_string(), |text, (mark, wrong)| text.replacen(mark, wrong, 1))
    }
}

/// Where a frame can be changed, as JSON pointers.
fn pointers(frame: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, depth: usize, found: &mut Vec<String>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(key, child)| (format!("{at}/{key}"), child)).collect(),
            Value::Array(elements) => elements.iter().take(1).map(|child| (format!("{at}/0"), child)).collect(),
            _ => return,
        };
        for (pointer, child) in children {
            found.push(pointer.clone());
            if depth < MAX_DEPTH {
                walk(child, &pointer, depth + 1, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(frame, "", 1, &mut found);
    found
}

static FRAMES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for message in client_messages::all() {
        all.extend(message.inputs.iter().map(|input| message.frame(input)));
    }
    let of_protoo = frames::TEXTS.iter().filter_map(|(_, text)| serde_json::from_str(text).ok());
    all.extend(of_protoo.filter(Value::is_object));
    all
});

/// Properties of every text.
fn assert_read_or_refused(text: &str) {
    let (reason, error) = match frame::parse(text) {
        Ok(Frame::Response { .. }) => return,
        Ok(Frame::Request { method, data, .. } | Frame::Notification { method, data }) => {
            match ClientRequest::parse(&method, data) {
                Ok(request) => return assert_same_again(&request),
                Err(error) => {
                    let is_unknown = matches!(error, RequestError::UnknownMethod { .. });
                    assert_eq!(is_unknown, !METHODS.contains(&method), "{error}");
                    assert_eq!(error.code(), if is_unknown { 500 } else { 400 });
                    (error.reason(), error.to_string())
                }
            }
        }
        Err(error) => {
            let answer: Value = serde_json::from_str(&error.to_response()).unwrap();
            assert_eq!(answer["errorReason"], error.to_string());
            (error.reason(), error.to_string())
        }
    };
    assert!(REASONS.contains(&reason), "{reason}");
    assert!(!error.is_empty() && error.len() <= MAX_ERROR, "{} bytes: {error}", error.len());
    assert!(text.len() < 20 || !error.contains(text), "the whole message is in: {error}");
}

/// An accepted message keeps its meaning when it is passed on.
fn assert_same_again(request: &ClientRequest) {
    let written = json!(request);
    let again = ClientRequest::parse(written["method"].as_str().unwrap(), written["data"].clone());
    assert_eq!(again.as_ref(), Ok(request));
}

#[test]
fn each_message_with_one_thing_wrong_is_read_or_refused() {
    for frame in &*FRAMES {
        for pointer in pointers(frame) {
            let mut without = Mutant::new(frame.clone());
            without.remove(&pointer);
            assert_read_or_refused(&without.text());
            for wrong in &*WRONG_VALUES {
                // Huge values are tried only once in each place, because they are slow.
                let places = if wrong.len() < 1000 { &PLACES[..] } else { &PLACES[..1] };
                for place in places {
                    let mut mutant = Mutant::new(frame.clone());
                    mutant.put(&pointer, *place, wrong);
                    assert_read_or_refused(&mutant.text());
                }
            }
        }
    }
}

#[test]
fn methods_of_any_length_are_unknown_not_wrong() {
    for method in
        ["launchRockets".to_owned(), "x".repeat(100_000), "\u{10ffff}".repeat(1000), "`join`".into(), String::new()]
    {
        let error = ClientRequest::parse(&method, json!({})).unwrap_err();
        assert!(matches!(error, RequestError::UnknownMethod { .. }), "{error}");
        assert!(error.to_string().len() <= MAX_ERROR, "{error}");
    }
}

#[test]
fn messages_that_are_too_long_are_refused_unread() {
    let mut mutant = Mutant::new(FRAMES[0].clone());
    mutant.put("/data", Place::Extra, &format!("\"{}\"", "x".repeat(MAX_MESSAGE_BYTES)));
    assert_eq!(frame::parse(&mutant.text()), Err(frame::FrameError::TooLong));
    assert_read_or_refused(&mutant.text());
}

/// serde would accept the fields in their order.
#[test]
fn payloads_are_objects() {
    let request = ClientRequest::parse("closeProducer", json!(["producer-1"]));
    assert_eq!(request.unwrap_err().to_string(), "invalid data for \"closeProducer\": not an object");
}

proptest! {
    #[test]
    fn messages_with_several_things_wrong_are_read_or_refused(
        frame in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), 0..=PLACES.len(), any::<Index>()), 1..5),
    ) {
        let frame = frame.get(&FRAMES);
        let pointers = pointers(frame);
        let mut mutant = Mutant::new(frame.clone());
        for (pointer, place, wrong) in changes {
            let pointer = pointer.get(&pointers);
            match PLACES.get(place) {
                Some(place) => mutant.put(pointer, *place, wrong.get::<String>(&WRONG_VALUES)),
                None => mutant.remove(pointer),
            }
        }
        assert_read_or_refused(&mutant.text());
    }

    #[test]
    fn messages_with_bytes_wrong_are_read_or_refused(
        frame in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = frame.get(&FRAMES).to_string().into_bytes();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        assert_read_or_refused(&String::from_utf8_lossy(&bytes));
    }
}
