//! Tests of admissions and admin tokens.

use super::*;
use crate::admin::RoomSettings;

// Made for these tests with `openssl genpkey -algorithm ed25519`.
pub(super) const PEM: &str = include_str!("../../tests/data/admission-test-key.pem");
const JWKS: &str = include_str!("../../tests/data/admission-test-jwks.json");
const MEETING: &str = include_str!("../../tests/data/meeting-grant.json");
pub(super) const NOW: u64 = 1_800_000_000;

pub(super) fn signer() -> Signer {
    Signer::from_pem(PEM, "test").unwrap()
}

pub(super) fn keys() -> KeySet {
    KeySet::from_jwks(JWKS).unwrap()
}

fn grant() -> MeetingGrant {
    let base: MeetingGrant = serde_json::from_str(MEETING).unwrap();
    MeetingGrant {
        settings: RoomSettings { locked: true, ..base.settings },
        codecs: vec!["opus".into(), "VP8".into()],
        chat: false,
        screen_share: false,
        ..base
    }
}

fn admission() -> Admission {
    let participant = ParticipantGrant {
        identity: Some("ada".into()),
        publish: PublishGrant { share: false, ..PublishGrant::default() },
        moderator: true,
        ..ParticipantGrant::default()
    };
    Admission { meeting: grant(), participant, jti: "j-1".into() }
}

#[test]
fn admission_comes_back_as_signed() {
    let token = signer().admission(&admission(), NOW).unwrap();
    assert_eq!(keys().verify_admission_with_end(&token, NOW + 5).map(|(admission, _)| admission), Ok(admission()));
    let end = NOW + LIFETIME_SECONDS;
    assert_eq!(keys().verify_admission_with_end(&token, NOW + 5), Ok((admission(), end)));
}

#[test]
fn hidden_recorders_are_not_admitted() {
    for (hidden, recorder) in [(false, false), (true, false), (false, true), (true, true)] {
        let participant = ParticipantGrant { hidden, recorder, ..ParticipantGrant::default() };
        let admission = Admission { participant, ..admission() };
        let token = signer().admission(&admission, NOW).unwrap();
        let expected = if hidden && recorder { Err(AdmissionError::HiddenRecords) } else { Ok(admission) };
        assert_eq!(
            keys().verify_admission_with_end(&token, NOW).map(|(admission, _)| admission),
            expected,
            "{hidden} {recorder}"
        );
        assert_eq!(keys().verify_admission_with_end(&token, NOW).map(|(admission, _)| admission), expected);
    }
    assert_eq!(AdmissionError::HiddenRecords.reason(), "TokenHiddenRecords");
}

#[test]
fn an_admission_that_says_nothing_of_the_participant_is_for_a_guest() {
    let read: Admission = serde_json::from_value(serde_json::json!({ "meeting": grant() })).unwrap();
    assert_eq!(read.participant, ParticipantGrant::default());
    assert!(read.participant.publish.audio && !read.participant.moderator);
}

#[test]
fn a_grant_that_says_nothing_of_lock_codecs_and_chat_allows_all() {
    let mut written = serde_json::to_value(grant()).unwrap();
    for field in ["locked", "codecs", "chat", "screenShare"] {
        written.as_object_mut().unwrap().remove(field).unwrap();
    }
    let read: MeetingGrant = serde_json::from_value(written).unwrap();
    assert_eq!(
        read,
        MeetingGrant {
            settings: RoomSettings { locked: false, ..grant().settings },
            codecs: Vec::new(),
            chat: true,
            screen_share: true,
            ..grant()
        }
    );
}

#[test]
fn a_person_is_an_identity_or_a_guest_and_no_name_of_either_is_the_other() {
    let identity = |id: &str| ParticipantGrant { identity: Some(id.into()), ..ParticipantGrant::default() };
    let guest = |id: &str| ParticipantGrant { guest: Some(id.into()), ..ParticipantGrant::default() };
    assert_eq!(ParticipantGrant::default().person(), None);
    let ada = identity("ada").person();
    assert_eq!(ada.as_ref().map(String::len), Some(32));
    assert_eq!(ada, ParticipantGrant { guest: Some("x".into()), moderator: true, ..identity("ada") }.person());
    assert_ne!(ada, guest("ada").person());
    assert_ne!(guest("a").person(), guest("b").person());
}

#[test]
fn tokens_are_good_for_their_audience_only() {
    let admin = signer().admin(NOW).unwrap();
    let admission = signer().admission(&admission(), NOW).unwrap();
    assert_eq!(keys().verify_admin(&admin, NOW), Ok(()));
    assert_eq!(keys().verify_admin(&admission, NOW), Err(AdmissionError::Invalid));
    assert_eq!(
        keys().verify_admission_with_end(&admin, NOW).map(|(admission, _)| admission),
        Err(AdmissionError::Invalid)
    );
}

#[test]
fn time_is_checked_with_skew_on_both_sides() {
    let token = signer().admin(NOW).unwrap();
    let edge = NOW + LIFETIME_SECONDS + CLOCK_SKEW_SECONDS;
    assert_eq!(keys().verify_admin(&token, edge - 1), Ok(()));
    assert_eq!(keys().verify_admin(&token, edge), Err(AdmissionError::Expired));
    assert_eq!(keys().verify_admin(&token, NOW - CLOCK_SKEW_SECONDS), Ok(()));
    assert_eq!(keys().verify_admin(&token, NOW - CLOCK_SKEW_SECONDS - 1), Err(AdmissionError::Expired));
}

#[test]
fn other_keys_other_algorithms_and_garbage_are_refused() {
    let stranger = Signer::from_pem(PEM, "other").unwrap().admin(NOW).unwrap();
    assert_eq!(keys().verify_admin(&stranger, NOW), Err(AdmissionError::UnknownKey));

    let good = signer().admin(NOW).unwrap();
    let mut parts: Vec<&str> = good.split('.').collect();
    // {"alg":"none","kid":"test"}
    parts[0] = "eyJhbGciOiJub25lIiwia2lkIjoidGVzdCJ9";
    assert_eq!(keys().verify_admin(&parts.join("."), NOW), Err(AdmissionError::Malformed));
    // {"alg":"HS256","kid":"test"}
    parts[0] = "eyJhbGciOiJIUzI1NiIsImtpZCI6InRlc3QifQ";
    assert_eq!(keys().verify_admin(&parts.join("."), NOW), Err(AdmissionError::Invalid));

    for garbage in ["", "a.b.c", "....", &"x".repeat(MAX_TOKEN_BYTES + 1)] {
        assert_eq!(keys().verify_admin(garbage, NOW), Err(AdmissionError::Malformed), "{garbage:.10}");
    }
}

#[test]
fn a_changed_payload_is_refused() {
    let token = signer().admission(&admission(), NOW).unwrap();
    let other = Admission { meeting: MeetingGrant { name: "board".into(), ..grant() }, ..admission() };
    let other = signer().admission(&other, NOW).unwrap();
    let (head, _) = token.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    assert_eq!(
        keys().verify_admission_with_end(&format!("{head}.{signature}"), NOW).map(|(admission, _)| admission),
        Err(AdmissionError::Invalid)
    );
}

#[test]
fn debug_output_shows_no_key() {
    assert_eq!(format!("{:?}", signer()), r#"Signer { kid: "test", .. }"#);
    assert_eq!(format!("{:?}", keys()), r#"{"test"}"#);
}

/// The library accepts them and panics on the first token. Found by fuzzing.
#[test]
fn keys_of_a_wrong_length_are_no_keys() {
    let good: serde_json::Value = serde_json::from_str(JWKS).unwrap();
    let x = good["keys"][0]["x"].as_str().unwrap();
    for wrong in ["", "AA", &x[..42], &format!("{x}AAAA")] {
        let mut jwks = good.clone();
        jwks["keys"][0]["x"] = wrong.into();
        assert_eq!(KeySet::from_jwks(&jwks.to_string()).unwrap_err(), AdmissionError::KeySet, "{wrong:?}");
    }
}

#[test]
fn key_sets_without_an_ed25519_key_are_refused() {
    for json in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"a"}]}"#] {
        assert_eq!(KeySet::from_jwks(json).unwrap_err(), AdmissionError::KeySet, "{json}");
    }
}
