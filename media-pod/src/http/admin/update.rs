//! Parses and validates updates of a room's settings. Pure; it changes no room.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_protocol::admin::RoomUpdate;
use convene_service::http::problem::{Kind, Problem};
use thiserror::Error;

/// Longest title, in characters.
const MAX_TITLE: usize = 200;
/// Maximum number of participants of a meeting.
const MAX_PARTICIPANTS: u32 = 10_000;
/// People who may return after a move: participants, and those who have just left.
const MAX_RETURNING: usize = 2000;
/// Longest time in seconds before an empty room is closed: a day.
const MAX_EMPTY_TIMEOUT: u64 = 86_400;

/// An update is invalid.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum UpdateError {
    /// Not a JSON object with the expected fields.
    #[error("the body is not a room update: {0}")]
    Malformed(String),
    /// The title is too long.
    #[error("the title has {0} characters; at most 200 are allowed")]
    Title(usize),
    /// No participants, or more than a room supports.
    #[error("maxParticipants is {0}; it must be between 1 and 10000")]
    MaxParticipants(u32),
    /// More people than a room has, or malformed hashes.
    #[error("returning must have at most 2000 entries of 32 hexadecimal digits")]
    Returning,
    /// More than a day.
    #[error("emptyTimeoutSeconds is {0}; at most 86400 is allowed")]
    EmptyTimeout(u64),
}

impl From<UpdateError> for Problem {
    fn from(error: UpdateError) -> Self {
        Self::new(Kind::BODY_INVALID, error.to_string())
    }
}

/// Parses and validates the body.
pub(super) fn read(body: &[u8]) -> Result<RoomUpdate, UpdateError> {
    let update: RoomUpdate = serde_json::from_slice(body).map_err(|error| UpdateError::Malformed(short(&error)))?;
    let settings = &update.settings;
    let title = settings.title.chars().count();
    if title > MAX_TITLE {
        return Err(UpdateError::Title(title));
    }
    if !(1..=MAX_PARTICIPANTS).contains(&settings.max_participants) {
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
    people.len() <= MAX_RETURNING && people.iter().all(is_hash)
}

/// Shortens an error: serde quotes unknown values in full.
fn short(error: &serde_json::Error) -> String {
    error.to_string().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use convene_protocol::admin::RoomSettings;
    use serde_json::json;

    use super::*;

    #[test]
    fn returning_is_a_bounded_list_of_hashes() {
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
    fn settings_within_their_bounds_are_accepted() {
        for (title, most, timeout) in [("", 1, 0), (&*"é".repeat(200), 10_000, 86_400)] {
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
            (body("x", 10_001, 1), UpdateError::MaxParticipants(10_001)),
            (body("x", 5, 86_401), UpdateError::EmptyTimeout(86_401)),
        ];
        for (body, expected) in cases {
            assert_eq!(read(&body), Err(expected));
        }
    }

    #[test]
    fn a_malformed_update_is_refused_with_a_short_error() {
        let long = format!(r#"{{"uid":"u","settings":"{}"}}"#, "x".repeat(9_000));
        for malformed in ["", "[]", "{}", r#"{"uid":"u"}"#, r#"{"uid":1,"settings":{}}"#, "\u{0}", &long] {
            let refused = read(malformed.as_bytes()).unwrap_err();
            assert!(matches!(&refused, UpdateError::Malformed(text) if text.len() <= 200), "{refused}");
        }
    }
}
