//! The wire contract, message by message: goldens of both dialects, readers that know only one dialect, mutations of every
//! message, and the examples of docs/protocol.md. `UPDATE_GOLDEN=1` rewrites the files.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod client_messages;
mod corpus;
mod document;
mod files;
mod frames;
mod golden;
mod mutations;
mod readers;
mod requests;
mod server_messages;
mod values;

use convene_protocol::message::{ClientRequest, RequestInfo, ServerNotification, ServerRequest};

/// The dialect of mediasoup-demo's JavaScript server and app.
const L: &[&str] = &["L"];
/// The dialect of its TypeScript successor.
const T: &[&str] = &["T"];
/// Both.
const LT: &[&str] = &["L", "T"];
/// Convene's own additions.
const OWN: &[&str] = &["own"];

/// The methods of a message type of the protocol, as serde lists them when it encounters an unknown one. A new message
/// therefore cannot be missing from this list.
fn names_of<T: serde::de::DeserializeOwned>() -> Vec<String> {
    let nonsense = serde_json::json!({ "method": "?", "data": {} });
    let Err(error) = serde_json::from_value::<T>(nonsense) else { panic!("a message without a name was accepted") };
    let listed = error.to_string();
    let (_, expected) = listed.split_once(", expected ").expect("serde lists what it expects");
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The line of the table of requests.
fn request_named(method: &str) -> &'static RequestInfo {
    let found = ClientRequest::TABLE.iter().find(|request| request.name == method);
    found.unwrap_or_else(|| panic!("{method} is not in the table"))
}

#[test]
fn names_are_read_from_serde() {
    assert_eq!(names_of::<ServerRequest>(), ["newConsumer", "newDataConsumer"]);
    assert!(names_of::<ServerNotification>().contains(&"mediasoup-version".to_owned()));
    assert!(names_of::<ClientRequest>().len() > 20);
}
