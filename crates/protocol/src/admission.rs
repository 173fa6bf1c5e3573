//! Admissions: the short-lived tokens by which a media pod trusts the router (to let somebody in) and the operator (to administer).
//!
//! One algorithm only: JWT (RFC 7519) signed with Ed25519 (`EdDSA`, RFC 8037). The private key is in one Secret; pods hold
//! the public keys as a JWKS (RFC 7517) and choose by `kid`. Nothing here reads a clock: the caller passes the Unix time.
//! Tokens and keys never appear in `Debug` output or errors.

use std::collections::HashMap;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use thiserror::Error;
use ts_rs::TS;

mod guest;
mod ticket;

pub use guest::{GUEST_AUDIENCE, GUEST_SECONDS, GuestId, MAX_GUEST_BYTES};
pub use ticket::{JOIN_AUDIENCE, JoinTicket, RETURN_SECONDS, TICKET_SECONDS, Vouched};

/// Audience of the router's admissions.
pub const POD_AUDIENCE: &str = "convene-pod";
/// Audience of the operator's admin tokens.
pub const ADMIN_AUDIENCE: &str = "convene-pod-admin";
/// Seconds for which a freshly signed token is good: it is used at once.
pub const LIFETIME_SECONDS: u64 = 60;
/// Seconds by which the clocks of signer and verifier may differ.
pub const CLOCK_SKEW_SECONDS: u64 = 30;
/// Longest token that is looked at, in bytes: room for a title, an identity and a name of 200 characters each, in any script.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// Length of an Ed25519 public key (RFC 8032).
const ED25519_KEY_BYTES: usize = 32;

/// What the pod must know about a meeting to open its room: the pod keeps no list of meetings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeetingGrant {
    /// Namespace of the Meeting.
    pub namespace: String,
    /// Name of the Meeting.
    pub name: String,
    /// Uid of the Meeting: a room never outlives the object it was opened for.
    pub uid: String,
    /// Title that people see.
    pub title: String,
    /// People allowed at the same time.
    pub max_participants: u32,
    /// Seconds after which an empty room is closed.
    pub empty_timeout_seconds: u64,
    /// How much of the network its media may use.
    #[serde(default)]
    pub media: MediaGrant,
    /// Whether nobody new is let in.
    #[serde(default)]
    pub locked: bool,
    /// Codecs to offer, by the subtype of their media type: `opus`, `VP8`, `VP9`, `H264`, `AV1`, `PCMU`, `PCMA`. Empty: all that the
    /// pod has. Unknown ones are passed over, and Opus is always there.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// Whether people may write to each other.
    #[serde(default = "yes")]
    pub chat: bool,
    /// Whether people may show their screen.
    #[serde(default = "yes")]
    pub screen_share: bool,
    /// Until when (Unix seconds) a locked room waits to learn who was in it before it moved here; those people may come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returning_until: Option<u64>,
}

/// What one participant may do, and as whom.
#[allow(clippy::struct_excessive_bools, reason = "each is a permission of its own")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ParticipantGrant {
    /// Who it is, as an application has vouched for with a join token. Absent: a guest, who is whoever they say they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The name that others see, where the token fixes it. Absent: the client chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether they may admit, mute, remove and end.
    pub moderator: bool,
    /// Whether they wait until a moderator admits them.
    pub lobby: bool,
    /// What they may send.
    pub publish: PublishGrant,
    /// Whether they may receive what others send.
    pub subscribe: bool,
    /// Whether they may write in the chat and open data channels of their own.
    pub publish_data: bool,
    /// Whether nobody is told that they are there. They send nothing then.
    pub hidden: bool,
    /// Whether it is a recorder: it is shown as such, and counts as nobody. It is never `hidden`: such an admission is refused.
    pub recorder: bool,
    /// Set where the join token is good for one person only: the first peer to come with this id; others with the same are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub once: Option<String>,
    /// Which guest it is: an id that the router made for one browser in one meeting and keeps in a signed cookie and in tickets. It proves
    /// that the same guest returns, and other participants never learn it. Absent: nothing proves who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest: Option<String>,
    /// The client's network address as the router sees it: an IPv4 address, or the /64 of an IPv6 address. A hint, never a proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether they may receive by plain RTP, that is, have the pod send to an address of their choice.
    pub receive_plain: bool,
}

impl ParticipantGrant {
    /// Who this provably is: the same for every connection of one person, and different for everybody else. `None` if nothing proves it.
    /// 32 hexadecimal digits of a hash (SHA-256), so that lists of people hold no names.
    pub fn person(&self) -> Option<String> {
        let (kind, id) = match (&self.identity, &self.guest) {
            (Some(identity), _) => ("identity", identity),
            (None, Some(guest)) => ("guest", guest),
            (None, None) => return None,
        };
        Some(short_digest(&format!("{kind}:{id}")))
    }
}

/// The first 16 bytes of the text's SHA-256, as 32 hexadecimal digits.
fn short_digest(text: &str) -> String {
    let first = Sha256::digest(text).iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte));
    format!("{first:032x}")
}

impl Default for ParticipantGrant {
    /// A guest in a meeting that is open to everybody.
    fn default() -> Self {
        Self {
            identity: None,
            name: None,
            moderator: false,
            lobby: false,
            publish: PublishGrant::default(),
            subscribe: true,
            publish_data: true,
            hidden: false,
            recorder: false,
            once: None,
            guest: None,
            address: None,
            receive_plain: false,
        }
    }
}

/// The kinds of media that somebody may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export, export_to = "messages.ts")]
pub struct PublishGrant {
    /// Sound of a microphone.
    pub audio: bool,
    /// Pictures of a camera.
    pub video: bool,
    /// A screen, with its sound.
    pub share: bool,
}

impl Default for PublishGrant {
    fn default() -> Self {
        Self { audio: true, video: true, share: true }
    }
}

/// What the router's token says: into which meeting, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Admission {
    /// The meeting.
    pub meeting: MeetingGrant,
    /// The participant.
    #[serde(default)]
    pub participant: ParticipantGrant,
    /// Tells one admission from another: each opens one socket.
    #[serde(default)]
    pub jti: String,
}

impl Admission {
    /// For somebody of whom nothing is known.
    pub fn guest(meeting: MeetingGrant) -> Self {
        Self { meeting, participant: ParticipantGrant::default(), jti: String::new() }
    }
}

/// What a meeting allows that says nothing about it.
fn yes() -> bool {
    true
}

/// What a meeting says about its media. What it does not say, the pod decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MediaGrant {
    /// Bits per second that one participant may send at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_incoming_bitrate: Option<u32>,
    /// Bits per second that one participant is sent at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_outgoing_bitrate: Option<u32>,
    /// Bits per second that one participant is sent until the way has been measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_outgoing_bitrate: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct Claims<T> {
    aud: String,
    iat: u64,
    exp: u64,
    #[serde(flatten)]
    body: T,
}

#[derive(Serialize, Deserialize)]
struct AdminBody {}

/// What is wrong with a key or a token.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AdmissionError {
    /// The private key is not an Ed25519 key in PKCS#8 PEM.
    #[error("the signing key is not an Ed25519 key in PKCS#8 PEM")]
    SigningKey,
    /// The JWKS document cannot be read or holds no usable key.
    #[error("the public key set is not a JWKS with at least one Ed25519 key that has a kid")]
    KeySet,
    /// There is no token, or it is too long or not a JWT.
    #[error("the token is missing or malformed")]
    Malformed,
    /// No key of the set has the token's `kid`.
    #[error("the token is signed with a key that is not trusted here")]
    UnknownKey,
    /// Signature, algorithm, audience or shape is wrong.
    #[error("the token is not valid for this purpose")]
    Invalid,
    /// It would let somebody record whom nobody sees.
    #[error("the token is for a recorder that is hidden: nobody is recorded unseen")]
    HiddenRecords,
    /// The token's time has passed or has not come.
    #[error("the token has expired or is not valid yet")]
    Expired,
}

impl AdmissionError {
    /// A short constant for metric labels and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::SigningKey => "SigningKeyInvalid",
            Self::KeySet => "KeySetInvalid",
            Self::Malformed => "TokenMalformed",
            Self::UnknownKey => "TokenKeyUnknown",
            Self::Invalid => "TokenInvalid",
            Self::HiddenRecords => "TokenHiddenRecords",
            Self::Expired => "TokenExpired",
        }
    }
}

/// Signs admissions and admin tokens with one Ed25519 key.
#[derive(Clone)]
pub struct Signer {
    key: EncodingKey,
    kid: String,
}

impl Signer {
    /// Reads an Ed25519 private key (PKCS#8 PEM); `kid` is the name under which pods know its public half.
    pub fn from_pem(pem: &str, kid: &str) -> Result<Self, AdmissionError> {
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| AdmissionError::SigningKey)?;
        Ok(Self { key, kid: kid.to_owned() })
    }

    /// A token that lets its bearer into a meeting for [`LIFETIME_SECONDS`] from `now` (Unix seconds).
    pub fn admission(&self, admission: &Admission, now: u64) -> Result<String, AdmissionError> {
        self.sign(POD_AUDIENCE, admission, now)
    }

    /// A token for the pods' admin API, good for [`LIFETIME_SECONDS`] from `now` (Unix seconds).
    pub fn admin(&self, now: u64) -> Result<String, AdmissionError> {
        self.sign(ADMIN_AUDIENCE, AdminBody {}, now)
    }

    fn sign<T: Serialize>(&self, audience: &str, body: T, now: u64) -> Result<String, AdmissionError> {
        self.sign_for(audience, body, now, LIFETIME_SECONDS)
    }

    fn sign_for<T: Serialize>(
        &self,
        audience: &str,
        body: T,
        now: u64,
        seconds: u64,
    ) -> Result<String, AdmissionError> {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = Claims { aud: audience.to_owned(), iat: now, exp: now + seconds, body };
        encode(&header, &claims, &self.key).map_err(|_| AdmissionError::SigningKey)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The public keys that a media pod trusts, by `kid`.
#[derive(Clone)]
pub struct KeySet {
    keys: HashMap<String, DecodingKey>,
}

impl KeySet {
    /// Reads a JWKS document; keys of other kinds are passed over.
    pub fn from_jwks(json: &str) -> Result<Self, AdmissionError> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| AdmissionError::KeySet)?;
        let keys: HashMap<_, _> = set.keys.iter().filter_map(ed25519_key).collect();
        if keys.is_empty() { Err(AdmissionError::KeySet) } else { Ok(Self { keys }) }
    }

    /// What `token` admits to, if it is good at `now` (Unix seconds).
    pub fn verify_admission(&self, token: &str, now: u64) -> Result<Admission, AdmissionError> {
        self.verify_admission_with_end(token, now).map(|(admission, _)| admission)
    }

    /// The same, and when the token expires (Unix seconds).
    pub fn verify_admission_with_end(&self, token: &str, now: u64) -> Result<(Admission, u64), AdmissionError> {
        let (admission, end) = self.verify_with_end::<Admission>(token, POD_AUDIENCE, now)?;
        let ParticipantGrant { hidden, recorder, .. } = admission.participant;
        if hidden && recorder { Err(AdmissionError::HiddenRecords) } else { Ok((admission, end)) }
    }

    /// Whether `token` opens the admin API at `now` (Unix seconds).
    pub fn verify_admin(&self, token: &str, now: u64) -> Result<(), AdmissionError> {
        self.verify::<AdminBody>(token, ADMIN_AUDIENCE, now).map(|_| ())
    }

    fn verify<T: DeserializeOwned>(&self, token: &str, audience: &str, now: u64) -> Result<T, AdmissionError> {
        self.verify_with_end(token, audience, now).map(|(body, _)| body)
    }

    fn verify_with_end<T: DeserializeOwned>(
        &self,
        token: &str,
        audience: &str,
        now: u64,
    ) -> Result<(T, u64), AdmissionError> {
        self.verify_late(token, audience, now, 0)
    }

    /// Like [`verify_with_end`](Self::verify_with_end), but the token may have expired up to `grace` seconds ago.
    fn verify_late<T: DeserializeOwned>(
        &self,
        token: &str,
        audience: &str,
        now: u64,
        grace: u64,
    ) -> Result<(T, u64), AdmissionError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AdmissionError::Malformed);
        }
        let kid = decode_header(token).map_err(|_| AdmissionError::Malformed)?.kid.unwrap_or_default();
        let key = self.keys.get(&kid).ok_or(AdmissionError::UnknownKey)?;
        let data = decode::<Claims<T>>(token, key, &validation(audience)).map_err(|_| AdmissionError::Invalid)?;
        let Claims { iat, exp, body, .. } = data.claims;
        let end = exp.saturating_add(CLOCK_SKEW_SECONDS).saturating_add(grace);
        let is_current = now < end && iat <= now.saturating_add(CLOCK_SKEW_SECONDS);
        if is_current { Ok((body, exp)) } else { Err(AdmissionError::Expired) }
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.keys.keys()).finish()
    }
}

/// Times are checked against the caller's clock instead of the machine's.
fn validation(audience: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "aud"]);
    validation.validate_exp = false;
    validation
}

fn ed25519_key(jwk: &Jwk) -> Option<(String, DecodingKey)> {
    let AlgorithmParameters::OctetKeyPair(pair) = &jwk.algorithm else { return None };
    if pair.curve != EllipticCurve::Ed25519 {
        return None;
    }
    let key = DecodingKey::from_ed_components(&pair.x).ok()?;
    // The library would take any length, and panic when a token comes.
    let is_whole = key.try_get_as_bytes().is_ok_and(|bytes| bytes.len() == ED25519_KEY_BYTES);
    is_whole.then_some((jwk.common.key_id.clone()?, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made for these tests with `openssl genpkey -algorithm ed25519`.
    const PEM: &str = include_str!("../tests/data/admission-test-key.pem");
    const JWKS: &str = include_str!("../tests/data/admission-test-jwks.json");
    const NOW: u64 = 1_800_000_000;

    fn signer() -> Signer {
        Signer::from_pem(PEM, "test").unwrap()
    }

    fn keys() -> KeySet {
        KeySet::from_jwks(JWKS).unwrap()
    }

    fn grant() -> MeetingGrant {
        MeetingGrant {
            namespace: "team-a".into(),
            name: "stand-up".into(),
            uid: "uid-1".into(),
            title: "Stand-up".into(),
            max_participants: 10,
            empty_timeout_seconds: 300,
            media: MediaGrant::default(),
            locked: true,
            codecs: vec!["opus".into(), "VP8".into()],
            chat: false,
            screen_share: false,
            returning_until: None,
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
        assert_eq!(keys().verify_admission(&token, NOW + 5), Ok(admission()));
        let end = NOW + LIFETIME_SECONDS;
        assert_eq!(keys().verify_admission_with_end(&token, NOW + 5), Ok((admission(), end)));
    }

    #[test]
    fn nobody_is_admitted_to_record_unseen() {
        for (hidden, recorder) in [(false, false), (true, false), (false, true), (true, true)] {
            let participant = ParticipantGrant { hidden, recorder, ..ParticipantGrant::default() };
            let admission = Admission { participant, ..admission() };
            let token = signer().admission(&admission, NOW).unwrap();
            let expected = if hidden && recorder { Err(AdmissionError::HiddenRecords) } else { Ok(admission) };
            assert_eq!(keys().verify_admission(&token, NOW), expected, "{hidden} {recorder}");
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
        assert_eq!(read, MeetingGrant { locked: false, codecs: Vec::new(), chat: true, screen_share: true, ..grant() });
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
        assert_eq!(keys().verify_admission(&admin, NOW), Err(AdmissionError::Invalid));
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
        assert_eq!(keys().verify_admission(&format!("{head}.{signature}"), NOW), Err(AdmissionError::Invalid));
    }

    #[test]
    fn debug_output_shows_no_key() {
        assert_eq!(format!("{:?}", signer()), r#"Signer { kid: "test", .. }"#);
        assert_eq!(format!("{:?}", keys()), r#"{"test"}"#);
    }

    /// The library takes them and panics when a token comes. Found by fuzzing.
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
}
