//! Reading the body that changes a room's settings: bounded and checked. Pure; it changes nothing.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use axum::http::StatusCode;
use convene_protocol::admin::RoomUpdate;
use thiserror::Error;

use crate::http::Denied;

/// Longest title, in characters.
const MAX_TITLE: usize = 200;
/// People that one meeting may have at most.
const MOST_PARTICIPANTS: u32 = 1000;
/// People who may come back after a move: those who are in and those who have just left.
const MOST_RETURNING: usize = 2000;
/// Longest time, in seconds, that an empty room may be kept: a day.
const MAX_EMPTY_TIMEOUT: u64 = 86_400;

/// What is wrong with an update.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum UpdateError {
    /// Not JSON of that shape.
    #[error("the body is no update of a room: {0}")]
    Malformed(String),
    /// More than people read.
    #[error("the title has {0} characters, and may have 200")]
    Title(usize),
    /// Nobody, or more than a room takes.
    #[error("maxParticipants is {0}, and has to be between 1 and 1000")]
    MaxParticipants(u32),
    /// More than a room has, or names that are none.
    #[error("returning has to be at most 2000 names of 32 hexadecimal digits")]
    Returning,
    /// More than a day.
    #[error("emptyTimeoutSeconds is {0}, and may be 86400")]
    EmptyTimeout(u64),
}

impl From<UpdateError> for Denied {
    fn from(error: UpdateError) -> Self {
        Self { status: StatusCode::BAD_REQUEST, detail: error.to_string() }
    }
}

/// Reads and checks the body.
pub(super) fn read(body: &[u8]) -> Result<RoomUpdate, UpdateError> {
    let update: RoomUpdate = serde_json::from_slice(body).map_err(|error| UpdateError::Malformed(short(&error)))?;
    let settings = &update.settings;
    let title = settings.title.chars().count();
    if title > MAX_TITLE {
        return Err(UpdateError::Title(title));
    }
    if !(1..=MOST_PARTICIPANTS).contains(&settings.max_participants) {
        return Err(UpdateError::MaxParticipants(settings.max_participants));
    }
    if settings.empty_timeout_seconds > MAX_EMPTY_TIMEOUT {
        return Err(UpdateError::EmptyTimeout(settings.empty_timeout_seconds));
    }
    if !update.returning.as_ref().is_none_or(|people| is_list_of_people(people)) {
        return Err(UpdateError::Returning);
    }
    Ok(update)
}

fn is_list_of_people(people: &[String]) -> bool {
    let is_hash = |name: &String| name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    people.len() <= MOST_RETURNING && people.iter().all(is_hash)
}

/// serde quotes what it does not know, however long that is.
fn short(error: &serde_json::Error) -> String {
    error.to_string().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use convene_protocol::admin::RoomSettings;
    use serde_json::json;

    use super::*;

    #[test]
    fn who_returns_is_a_bounded_list_of_hashes() {
        let with = |returning: Vec<String>| {
            let settings = RoomSettings { max_participants: 1, ..RoomSettings::default() };
            read(json!(RoomUpdate { uid: "u".into(), settings, returning: Some(returning) }).to_string().as_bytes())
        };
        assert!(with(vec!["0123456789abcdef".repeat(2); 2000]).is_ok());
        assert_eq!(with(vec!["0123456789abcdef".repeat(2); 2001]), Err(UpdateError::Returning));
        assert_eq!(with(vec!["ada".into()]), Err(UpdateError::Returning));
        assert_eq!(with(vec!["g".repeat(32)]), Err(UpdateError::Returning));
    }

    fn body(title: &str, max_participants: u32, empty_timeout_seconds: u64) -> Vec<u8> {
        let settings = RoomSettings { title: title.into(), max_participants, empty_timeout_seconds, locked: true };
        json!(RoomUpdate { uid: "uid-1".into(), settings, returning: None }).to_string().into()
    }

    #[test]
    fn settings_within_their_bounds_are_taken() {
        for (title, most, timeout) in [("", 1, 0), (&*"é".repeat(200), 1000, 86_400)] {
            let update = read(&body(title, most, timeout)).unwrap();
            assert_eq!((update.uid.as_str(), update.settings.title.as_str()), ("uid-1", title));
            assert_eq!((update.settings.max_participants, update.settings.locked), (most, true));
        }
    }

    #[test]
    fn settings_beyond_their_bounds_are_named() {
        let cases = [
            (body(&"x".repeat(201), 5, 1), UpdateError::Title(201)),
            (body("x", 0, 1), UpdateError::MaxParticipants(0)),
            (body("x", 1001, 1), UpdateError::MaxParticipants(1001)),
            (body("x", 5, 86_401), UpdateError::EmptyTimeout(86_401)),
        ];
        for (body, expected) in cases {
            assert_eq!(read(&body), Err(expected));
        }
    }

    #[test]
    fn what_is_no_update_is_refused_in_few_words() {
        let long = format!(r#"{{"uid":"u","settings":"{}"}}"#, "x".repeat(9_000));
        for malformed in ["", "[]", "{}", r#"{"uid":"u"}"#, r#"{"uid":1,"settings":{}}"#, "\u{0}", &long] {
            let refused = read(malformed.as_bytes()).unwrap_err();
            assert!(matches!(&refused, UpdateError::Malformed(text) if text.len() <= 200), "{refused}");
        }
    }
}
