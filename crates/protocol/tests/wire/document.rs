//! docs/protocol.md: its examples are the goldens, and no message is missing.

use std::fs;
use std::path::PathBuf;

use convene_protocol::frame::{CLOSE_COME_BACK, CLOSE_FINAL, MAX_MESSAGE_BYTES, SUBPROTOCOL};
use convene_protocol::message::{ClientRequest, MAX_CHAT_TEXT, ServerNotification, ServerRequest};
use serde_json::Value;

use crate::client_messages;
use crate::files::{is_updating, pretty, repository};
use crate::{frames, golden, names_of, requests};

/// Around the table of requests.
const TABLE_START: &str = "<!-- generated: requests -->";
const TABLE_END: &str = "<!-- end: requests -->";
/// The marker before a block of JSON: the location of its golden, by file and JSON pointer.
const MARK: &str = "<!-- golden: ";

fn path() -> PathBuf {
    repository().join("docs/protocol.md")
}

fn golden_of(mark: &str) -> Value {
    let (file, pointer) = mark.trim_end_matches(" -->").split_once(' ').expect("a mark names file and pointer");
    let (kind, method) = file.split_once('/').expect("a file lies in a folder");
    let method = method.trim_end_matches(".json");
    let golden = match kind {
        "client" => {
            let message = client_messages::all().into_iter().find(|message| message.method == method);
            golden::of_client(&message.unwrap_or_else(|| panic!("no golden {file}")))
        }
        "server" => golden::of_server().remove(method).unwrap_or_else(|| panic!("no golden {file}")),
        _ => {
            let text = frames::TEXTS.iter().find(|(name, _)| *name == method);
            frames::golden(text.unwrap_or_else(|| panic!("no golden {file}")).1)
        }
    };
    golden.pointer(pointer).unwrap_or_else(|| panic!("{file} has no {pointer}")).clone()
}

/// The document with its generated parts as they should be.
fn with_generated(document: &str) -> String {
    with_examples(&with_table(document))
}

fn with_table(document: &str) -> String {
    let (before, rest) = document.split_once(TABLE_START).expect("the table of requests has its start");
    let (_, after) = rest.split_once(TABLE_END).expect("the table of requests has its end");
    format!("{before}{TABLE_START}\n{}{TABLE_END}{after}", requests::table())
}

fn with_examples(document: &str) -> String {
    let mut parts = document.split(MARK);
    let mut written = vec![parts.next().unwrap_or_default().to_owned()];
    for part in parts {
        let (mark, rest) = part.split_once('\n').expect("a mark has a line of its own");
        let (_, after) = rest.split_once("\n```").expect("a block of JSON follows the mark");
        let example = pretty(&golden_of(mark));
        written.push(format!("{MARK}{mark}\n```json\n{example}```{after}"));
    }
    written.concat()
}

#[test]
fn examples_are_the_goldens_and_the_table_is_that_of_the_requests() {
    let document = fs::read_to_string(path()).unwrap();
    assert!(document.matches(MARK).count() >= 6, "the examples are gone");
    let expected = with_generated(&document);
    if is_updating() {
        fs::write(path(), &expected).unwrap();
    } else {
        assert!(document == expected, "generated parts differ; UPDATE_GOLDEN=1 rewrites them");
    }
}

#[test]
fn every_message_is_described() {
    let document = fs::read_to_string(path()).unwrap();
    let mut names = names_of::<ClientRequest>();
    names.extend(names_of::<ServerRequest>());
    names.extend(names_of::<ServerNotification>());
    let forgotten: Vec<String> = names.into_iter().filter(|name| !document.contains(&format!("`{name}`"))).collect();
    assert_eq!(forgotten, [""; 0]);
}

#[test]
fn numbers_are_those_of_the_code() {
    let document = fs::read_to_string(path()).unwrap();
    let grouped = format!("{} {:03}", MAX_MESSAGE_BYTES / 1000, MAX_MESSAGE_BYTES % 1000);
    let numbers = [grouped, CLOSE_FINAL.to_string(), CLOSE_COME_BACK.to_string(), MAX_CHAT_TEXT.to_string()];
    for number in numbers.iter().map(String::as_str).chain([SUBPROTOCOL]) {
        assert!(document.contains(number), "{number} is not named");
    }
}
