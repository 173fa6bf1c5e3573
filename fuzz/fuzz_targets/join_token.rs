//! Any bytes as a join token, and any as the claims of one that is signed with a known key: with a line feed in them, what follows it is
//! the claims.
#![no_main]

use std::sync::LazyLock;

use convene_join_token::{JoinGrant, JoinKey, JoinKeys, MeetingKey, TokenError, read_unverified, verify};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use libfuzzer_sys::fuzz_target;

const NOW: u64 = 1_800_000_000;
const SECRET: &[u8] = b"a shared secret of the fixture application";
/// `{"alg":"HS256","kid":"shared"}`
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6InNoYXJlZCJ9";

static KEYS: LazyLock<JoinKeys> =
    LazyLock::new(|| JoinKeys::default().with("shared", JoinKey::read(SECRET).expect("it is long enough")));
static MEETING: LazyLock<MeetingKey> = LazyLock::new(|| MeetingKey::parse("team-a", "board").expect("it is a name"));

fuzz_target!(|bytes: &[u8]| {
    if let Some(begin) = bytes.iter().position(|byte| *byte == b'\n') {
        return check(&sign(&bytes[begin + 1..]));
    }
    if let Ok(token) = std::str::from_utf8(bytes) {
        check(token);
    }
});

fn check(token: &str) {
    match verify(token, &KEYS, &MEETING, NOW) {
        Ok(grant) => check_grant(&grant),
        Err(error) => check_error(token, &error),
    }
    if let Ok(read) = read_unverified(token) {
        assert!(convene_join_token::is_kid(&read.kid), "{}", read.kid);
    }
}

fn check_grant(grant: &JoinGrant) {
    assert!(!(grant.participant.hidden && grant.participant.recorder), "a recorder is seen");
    let publish = grant.publish;
    assert!(
        !grant.participant.hidden || !(publish.audio || publish.video || publish.share),
        "a hidden participant sends nothing"
    );
    assert!(grant.expires_at + 30 > NOW, "{}", grant.expires_at);
    assert!((1..=200).contains(&grant.participant.identity.chars().count()), "{}", grant.participant.identity);
}

/// No message repeats a part of the token that is long enough to matter.
fn check_error(token: &str, error: &TokenError) {
    let message = error.to_string();
    assert!(message.len() <= 400, "{message}");
    assert!(token.len() < 40 || !message.contains(token), "{message}");
}

fn sign(claims: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let message = format!("{HEADER}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims));
    let key = EncodingKey::from_secret(SECRET);
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("HMAC takes any message");
    format!("{message}.{signature}")
}
