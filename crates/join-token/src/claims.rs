//! Parses the claims of a join token into a grant. Pure; the signature is verified before.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;

use convene_protocol::admission::PublishGrant;
use serde_json::Value;

use super::error::TokenError;
use super::text::{check_identity, clean_name};
use crate::meeting_key::{MeetingKey, is_label};

/// The `aud` of every join token.
pub(crate) const AUDIENCE: &str = "convene";

/// Maximum length of `jti`.
const MAX_JTI: usize = 128;
/// Exclusive upper bound of timestamps, in seconds (the year 33658).
const LATEST: f64 = 1e12;

/// All supported claims.
const KNOWN: [&str; 17] = [
    "sub",
    "name",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "meeting",
    "publish",
    "subscribe",
    "publishData",
    "moderator",
    "hidden",
    "recorder",
    "viewer",
    "receivePlain",
    "once",
];

/// Identity and permissions of the participant that a token is for.
#[allow(clippy::struct_excessive_bools, reason = "each is a separate permission")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Identity of the participant.
    pub identity: String,
    /// Display name, sanitized in a verified token; if `None`, the client chooses one.
    pub name: Option<String>,
    /// Whether the participant may receive.
    pub subscribe: bool,
    /// Whether the participant may send chat messages and data.
    pub publish_data: bool,
    /// Whether the participant is a moderator.
    pub moderator: bool,
    /// Whether the participant is invisible to others.
    pub hidden: bool,
    /// Whether the participant is a recorder, which is never hidden.
    pub recorder: bool,
    /// Whether the participant is a viewer, who only receives until a moderator brings them on stage; `None`: as the meeting says.
    pub viewer: Option<bool>,
    /// Whether the participant may receive plain RTP.
    pub receive_plain: bool,
    /// Unique id of a token that is valid for one participant only; in a verified token it begins with the name of the key.
    pub once: Option<String>,
}

/// The contents of a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGrant {
    /// The participant that the token is for.
    pub participant: Participant,
    /// Sources that the participant may publish.
    pub publish: PublishGrant,
    /// Name (`kid`) of the key that verified the token.
    pub key: String,
    /// When the token expires, in Unix seconds.
    pub expires_at: u64,
}

/// The meetings that a token is valid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One meeting.
    Meeting(MeetingKey),
    /// All meetings of a namespace.
    Namespace(String),
}

impl Scope {
    /// Reads `namespace/name` or `namespace/*`.
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = text.split_once('/')?;
        if name == "*" {
            return is_label(namespace).then(|| Self::Namespace(namespace.to_owned()));
        }
        MeetingKey::parse(namespace, name).ok().map(Self::Meeting)
    }

    /// Whether `meeting` is in the scope.
    pub(crate) fn covers(&self, meeting: &MeetingKey) -> bool {
        match self {
            Self::Meeting(key) => key == meeting,
            Self::Namespace(namespace) => namespace == meeting.namespace(),
        }
    }
}

/// The validity period of a token, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) expires: u64,
    pub(super) not_before: Option<u64>,
    pub(super) issued: Option<u64>,
}

/// Claims with valid types.
pub(super) struct Claims {
    pub(super) times: Times,
    pub(super) scope: Scope,
    pub(super) grant: JoinGrant,
}

/// Parses the claims; the error is about the first invalid one.
pub(super) fn read(claims: &BTreeMap<String, Value>, kid: &str) -> Result<Claims, TokenError> {
    refuse_misspelled(claims)?;
    check_audience(claims.get("aud").ok_or(TokenError::ClaimMissing("aud"))?)?;
    let times = Times {
        expires: time(claims, "exp")?.ok_or(TokenError::ClaimMissing("exp"))?,
        not_before: time(claims, "nbf")?,
        issued: time(claims, "iat")?,
    };
    let scope = read_scope(claims)?;
    Ok(Claims { times, scope, grant: read_grant(claims, kid, times.expires)? })
}

/// RFC 7519 ignores unknown claims, but a misspelled claim of ours must not be ignored.
fn refuse_misspelled(claims: &BTreeMap<String, Value>) -> Result<(), TokenError> {
    let plain = |name: &str| name.chars().filter(|letter| !"_- ".contains(*letter)).collect::<String>().to_lowercase();
    for name in claims.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
        let plain_name = plain(name);
        if let Some(known) = KNOWN.into_iter().find(|known| plain(known) == plain_name) {
            return Err(TokenError::ClaimMisspelled(known));
        }
    }
    Ok(())
}

fn check_audience(audience: &Value) -> Result<(), TokenError> {
    let is_ours = match audience {
        Value::String(one) => one == AUDIENCE,
        Value::Array(several) => several.iter().any(|one| one == AUDIENCE),
        _ => false,
    };
    if is_ours { Ok(()) } else { Err(TokenError::Audience) }
}

/// Unix seconds, truncated (RFC 7519 allows fractions).
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
fn time(claims: &BTreeMap<String, Value>, claim: &'static str) -> Result<Option<u64>, TokenError> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..LATEST).contains(seconds));
    let expected = "a number of seconds since 1970-01-01T00:00:00Z (not milliseconds, not a string)";
    seconds.map(|seconds| Some(seconds as u64)).ok_or(TokenError::ClaimInvalid { claim, expected })
}

fn read_scope(claims: &BTreeMap<String, Value>) -> Result<Scope, TokenError> {
    let value = claims.get("meeting").ok_or(TokenError::ClaimMissing("meeting"))?;
    let expected = "\"namespace/name\" of a meeting or \"namespace/*\"";
    value.as_str().and_then(Scope::parse).ok_or(TokenError::ClaimInvalid { claim: "meeting", expected })
}

fn read_grant(claims: &BTreeMap<String, Value>, kid: &str, expires_at: u64) -> Result<JoinGrant, TokenError> {
    let identity = text(claims, "sub")?.ok_or(TokenError::ClaimMissing("sub"))?;
    check_identity(identity).map_err(TokenError::Identity)?;
    let name = text(claims, "name")?.map(clean_name).transpose().map_err(TokenError::Name)?;
    let (hidden, recorder) = (switch(claims, "hidden", false)?, switch(claims, "recorder", false)?);
    if hidden && recorder {
        return Err(TokenError::HiddenRecords);
    }
    let (moderator, viewer) = (switch(claims, "moderator", false)?, choice(claims, "viewer")?);
    if viewer == Some(true) && (moderator || hidden || recorder) {
        return Err(TokenError::ViewerIsMore);
    }
    let publish = read_publish(claims, hidden)?;
    let participant = Participant {
        identity: identity.to_owned(),
        name,
        subscribe: switch(claims, "subscribe", true)?,
        publish_data: switch(claims, "publishData", true)?,
        moderator,
        hidden,
        recorder,
        viewer,
        receive_plain: switch(claims, "receivePlain", false)?,
        once: read_once(claims, kid)?,
    };
    Ok(JoinGrant { participant, publish, key: kid.to_owned(), expires_at })
}

fn text<'a>(claims: &'a BTreeMap<String, Value>, claim: &'static str) -> Result<Option<&'a str>, TokenError> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    value.as_str().map(Some).ok_or(TokenError::ClaimInvalid { claim, expected: "a string" })
}

fn switch(claims: &BTreeMap<String, Value>, claim: &'static str, absent: bool) -> Result<bool, TokenError> {
    Ok(choice(claims, claim)?.unwrap_or(absent))
}

fn choice(claims: &BTreeMap<String, Value>, claim: &'static str) -> Result<Option<bool>, TokenError> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    value.as_bool().map(Some).ok_or(TokenError::ClaimInvalid { claim, expected: "true or false" })
}

fn read_publish(claims: &BTreeMap<String, Value>, hidden: bool) -> Result<PublishGrant, TokenError> {
    let nothing = PublishGrant { audio: false, video: false, share: false };
    let granted = match claims.get("publish") {
        None if hidden => nothing,
        None | Some(Value::Bool(true)) => PublishGrant::default(),
        Some(Value::Bool(false)) => nothing,
        Some(Value::Array(kinds)) => kinds.iter().try_fold(nothing, add_kind)?,
        Some(_) => return Err(PUBLISH),
    };
    if hidden && granted != nothing { Err(TokenError::HiddenPublishes) } else { Ok(granted) }
}

const PUBLISH: TokenError =
    TokenError::ClaimInvalid { claim: "publish", expected: "true, false or a list of \"audio\", \"video\", \"share\"" };

fn add_kind(granted: PublishGrant, kind: &Value) -> Result<PublishGrant, TokenError> {
    match kind.as_str() {
        Some("audio") => Ok(PublishGrant { audio: true, ..granted }),
        Some("video") => Ok(PublishGrant { video: true, ..granted }),
        Some("share") => Ok(PublishGrant { share: true, ..granted }),
        _ => Err(PUBLISH),
    }
}

/// The id of a token for one participant, prefixed with the key name: ids of different applications may collide.
fn read_once(claims: &BTreeMap<String, Value>, kid: &str) -> Result<Option<String>, TokenError> {
    let id = text(claims, "jti")?;
    if id.is_some_and(|id| id.is_empty() || id.len() > MAX_JTI || !id.bytes().all(|byte| byte.is_ascii_graphic())) {
        let expected = "a string of 1 to 128 visible ASCII characters";
        return Err(TokenError::ClaimInvalid { claim: "jti", expected });
    }
    match (switch(claims, "once", false)?, id) {
        (false, _) => Ok(None),
        (true, Some(id)) => Ok(Some(format!("{kid}/{id}"))),
        (true, None) => Err(TokenError::OnceWithoutId),
    }
}
