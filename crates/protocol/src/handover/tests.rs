//! Snapshots are read like anything that a stranger sends.

use serde_json::{Value, json};

use super::*;

const PERSON: &str = "0123456789abcdef0123456789abcdef";

/// A snapshot with an entry of each kind.
fn snapshot() -> Value {
    let (proven, unproven) = (json!({ "proven": PERSON }), json!({ "unproven": "tom" }));
    json!({
        "v": 1,
        "meeting": {
            "namespace": "team", "name": "standup", "uid": "u-1",
            "title": "Stand-up", "maxParticipants": 10, "emptyTimeoutSeconds": 300, "locked": false,
        },
        "clients": [{ "peerId": "ada", "grant": { "guest": "g-1" } }],
        "room": {
            "people": [{ "peerId": "ada", "person": PERSON, "address": "192.0.2.1", "handRaised": true }],
            "lobby": [{ "peerId": "kim", "displayName": "Kim", "knocks": 1 }],
            "moderation": {
                "locked": true, "lobby": false, "bans": [proven, unproven], "addresses": ["192.0.2.9"], "admitted": [proven],
                "changes": [{ "person": proven, "publish": { "audio": false }, "moderator": true }],
                "invitations": [{ "hash": "0123456789abcdef", "person": unproven }],
            },
            "chat": {
                "nextId": 8,
                "messages": [{ "id": 7, "peerId": "ada", "displayName": "Ada", "text": "hello", "sentAt": 1_800_000_000_000_u64 }],
            },
            "speakers": ["ada", "kim"],
        },
    })
}

fn read(json: &[u8]) -> Result<RoomSnapshot, SnapshotError> {
    RoomSnapshot::read(json, "team", "standup", "u-1")
}

fn read_value(value: &Value) -> Result<RoomSnapshot, SnapshotError> {
    read(value.to_string().as_bytes())
}

/// The snapshot with another value at a place.
fn with(pointer: &str, value: Value) -> Value {
    let mut changed = snapshot();
    *changed.pointer_mut(pointer).expect(pointer) = value;
    changed
}

#[test]
fn a_snapshot_is_read_as_it_was_written() {
    let first = read_value(&snapshot()).unwrap();
    assert!(first.room.moderation.locked);
    assert_eq!(first.clients[0].grant.guest.as_deref(), Some("g-1"));
    assert_eq!(read(&first.write().unwrap()), Ok(first));
}

#[test]
fn unknown_fields_are_ignored_and_the_clients_may_be_left_out() {
    let mut more = snapshot();
    more["later"] = json!({ "any": [1] });
    more["room"]["later"] = json!(1);
    more.as_object_mut().unwrap().remove("clients");
    assert_eq!(read_value(&more).unwrap().room, read_value(&snapshot()).unwrap().room);
}

#[test]
fn each_cut_of_a_snapshot_is_refused() {
    let whole = snapshot().to_string();
    for end in 0..whole.len() {
        assert!(matches!(read(&whole.as_bytes()[..end]), Err(SnapshotError::Malformed { .. })), "{end}");
    }
}

#[test]
fn other_versions_and_other_meetings_are_refused_whatever_else_they_have() {
    for v in [0, 2, u32::MAX] {
        assert_eq!(read(format!(r#"{{"v":{v},"rooms":7}}"#).as_bytes()), Err(SnapshotError::Version(v)));
    }
    for field in ["namespace", "name", "uid"] {
        let other = with(&format!("/meeting/{field}"), json!("another"));
        assert_eq!(read_value(&other), Err(SnapshotError::OtherMeeting), "{field}");
    }
}

#[test]
fn garbage_is_refused_without_being_quoted() {
    let secret = "what a person wrote";
    for garbage in ["", "null", "[]", "{}", "7", r#"{"v":"1"}"#, r#"{"v":1}"#, "\u{0}\u{1}", &"[".repeat(100_000)] {
        assert!(matches!(read(garbage.as_bytes()), Err(SnapshotError::Malformed { .. })), "{garbage:.20}");
    }
    let wrong = read_value(&with("/room/moderation", json!(secret))).unwrap_err();
    assert!(!wrong.to_string().contains(secret) && wrong.reason() == "SnapshotMalformed", "{wrong}");
}

#[test]
fn the_length_is_checked_before_the_content() {
    let mut long = snapshot().to_string().into_bytes();
    long.resize(MAX_SNAPSHOT_BYTES, b' ');
    assert!(read(&long).is_ok(), "as long as allowed");
    long.push(b' ');
    assert_eq!(read(&long), Err(SnapshotError::TooLarge));
    let mut large = read_value(&snapshot()).unwrap();
    large.room.chat.messages[0].text = "x".repeat(MAX_SNAPSHOT_BYTES);
    assert_eq!(large.write(), Err(SnapshotError::TooLarge));
}

#[test]
fn what_exceeds_its_bounds_is_named() {
    let first = |list: &str| snapshot().pointer(list).unwrap()[0].clone();
    let many = |list: &str, count: usize| with(list, Value::Array(vec![first(list); count]));
    let cases = [
        (many("/room/moderation/bans", 1001), "room.moderation.bans"),
        (many("/room/moderation/addresses", 1001), "room.moderation.addresses"),
        (many("/room/moderation/admitted", 2001), "room.moderation.admitted"),
        (many("/room/moderation/changes", 1001), "room.moderation.changes"),
        (many("/room/moderation/invitations", 10_001), "room.moderation.invitations"),
        (many("/room/people", 25_001), "room.people"),
        (many("/room/lobby", 1001), "room.lobby"),
        (many("/room/speakers", 257), "room.speakers"),
        (many("/clients", 25_001), "clients"),
        (with("/clients/0/peerId", json!("a/b")), "clients"),
        (with("/room/people/0/peerId", json!("")), "room.people"),
        (with("/room/people/0/person", json!("ada")), "room.people"),
        (with("/room/people/0/address", json!("x".repeat(65))), "room.people"),
        (with("/room/lobby/0/displayName", json!("x".repeat(8193))), "room.lobby"),
        (with("/room/speakers/0", json!("prepared/1")), "room.speakers"),
        (with("/room/moderation/bans/0", json!({ "proven": "eve" })), "room.moderation.bans"),
        (with("/room/moderation/invitations/0/hash", json!("0123")), "room.moderation.invitations"),
        (with("/room/chat/nextId", json!(7)), "room.chat"),
        (with("/room/chat/nextId", json!(u64::MAX)), "room.chat"),
        (with("/room/chat/messages/0/text", json!("x".repeat(4097))), "room.chat"),
        (with("/meeting/title", json!("x".repeat(201))), "meeting.title"),
        (with("/meeting/maxParticipants", json!(0)), "meeting.maxParticipants"),
        (with("/meeting/emptyTimeoutSeconds", json!(86_401)), "meeting.emptyTimeoutSeconds"),
    ];
    for (changed, named) in cases {
        let refused = read_value(&changed).expect_err(named);
        assert!(matches!(refused, SnapshotError::OutOfBounds { field, .. } if field == named), "{named}: {refused}");
    }
}

#[test]
fn a_backup_that_is_too_large_loses_people_and_then_is_refused() {
    let mut snapshot = read_value(&snapshot()).unwrap();
    let whole = snapshot.clone().into_backup(7).unwrap();
    assert_eq!((whole.version, &whole.snapshot), (7, &serde_json::to_value(&snapshot).unwrap()));
    let person = |number: usize| SnapshotPerson {
        peer_id: format!("{number:064}"),
        person: None,
        address: None,
        hand_raised: false,
    };
    snapshot.room.people = (0..MAX_BACKUP_BYTES / 64).map(person).collect();
    let smaller = snapshot.clone().into_backup(8).unwrap().snapshot;
    assert_eq!(smaller["room"]["people"], json!([]));
    assert_eq!(smaller["room"]["moderation"], whole.snapshot["room"]["moderation"]);
    snapshot.room.moderation.addresses = (0..MAX_BACKUP_BYTES / 64).map(|number| format!("{number:064}")).collect();
    assert_eq!(snapshot.into_backup(9), Err(SnapshotError::TooLarge));
}
