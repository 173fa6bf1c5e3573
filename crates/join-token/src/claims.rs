//! What a join token says, and what becomes of it. Pure; the signature was checked before.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;

use convene_protocol::admission::PublishGrant;
use serde_json::Value;

use super::error::TokenError;
use super::text::{check_identity, clean_name};
use crate::meeting_key::{MeetingKey, is_label};

/// The `aud` of every join token.
pub(crate) const AUDIENCE: &str = "convene";

/// Longest `jti`.
const MAX_JTI: usize = 128;
/// Seconds beyond which a number is no time (the year 33658 and further).
const LATEST: f64 = 1e12;

/// All claims that mean something here.
const KNOWN: [&str; 16] = [
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
    "receivePlain",
    "once",
];

/// What a good token grants.
#[allow(clippy::struct_excessive_bools, reason = "each is a permission of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGrant {
    /// Who it is.
    pub identity: String,
    /// The name to show, cleaned; `None`: the client chooses.
    pub name: Option<String>,
    /// What they may send.
    pub publish: PublishGrant,
    /// Whether they may receive.
    pub subscribe: bool,
    /// Whether they may write and send data.
    pub publish_data: bool,
    /// Whether they moderate.
    pub moderator: bool,
    /// Whether nobody is told that they are there.
    pub hidden: bool,
    /// Whether it is a recorder.
    pub recorder: bool,
    /// Whether they may receive by plain RTP.
    pub receive_plain: bool,
    /// Set where the token is good for one person only.
    pub once: Option<String>,
    /// Name (`kid`) of the key that it was verified with.
    pub key: String,
    /// When the token expires, in Unix seconds.
    pub expires_at: u64,
}

/// Which meetings a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One.
    Meeting(MeetingKey),
    /// All of a namespace.
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

    /// Whether `meeting` is one of them.
    pub fn covers(&self, meeting: &MeetingKey) -> bool {
        match self {
            Self::Meeting(key) => key == meeting,
            Self::Namespace(namespace) => namespace == meeting.namespace(),
        }
    }
}

/// When a token is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) expires: u64,
    pub(super) not_before: Option<u64>,
    pub(super) issued: Option<u64>,
}

/// Claims of the right types.
pub(super) struct Claims {
    pub(super) times: Times,
    pub(super) scope: Scope,
    pub(super) grant: JoinGrant,
}

/// Reads the claims; says what is wrong with the first that is.
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

/// RFC 7519 has unknown claims passed over; a slip of the pen in one of ours must not be.
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

/// Seconds since 1970, a fraction cut off (RFC 7519 allows one).
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
fn time(claims: &BTreeMap<String, Value>, claim: &'static str) -> Result<Option<u64>, TokenError> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..LATEST).contains(seconds));
    let expected = "a number of seconds since 1970-01-01T00:00:00Z (not milliseconds, not a text)";
    seconds.map(|seconds| Some(seconds as u64)).ok_or(TokenError::ClaimInvalid { claim, expected })
}

fn read_scope(claims: &BTreeMap<String, Value>) -> Result<Scope, TokenError> {
    let value = claims.get("meeting").ok_or(TokenError::ClaimMissing("meeting"))?;
    let expected = "\"namespace/name\" of a meeting, or \"namespace/*\"";
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
    Ok(JoinGrant {
        identity: identity.to_owned(),
        name,
        publish: read_publish(claims, hidden)?,
        subscribe: switch(claims, "subscribe", true)?,
        publish_data: switch(claims, "publishData", true)?,
        moderator: switch(claims, "moderator", false)?,
        hidden,
        recorder,
        receive_plain: switch(claims, "receivePlain", false)?,
        once: read_once(claims, kid)?,
        key: kid.to_owned(),
        expires_at,
    })
}

fn text<'a>(claims: &'a BTreeMap<String, Value>, claim: &'static str) -> Result<Option<&'a str>, TokenError> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    value.as_str().map(Some).ok_or(TokenError::ClaimInvalid { claim, expected: "a text" })
}

fn switch(claims: &BTreeMap<String, Value>, claim: &'static str, absent: bool) -> Result<bool, TokenError> {
    let Some(value) = claims.get(claim) else { return Ok(absent) };
    value.as_bool().ok_or(TokenError::ClaimInvalid { claim, expected: "true or false" })
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

const PUBLISH: TokenError = TokenError::ClaimInvalid {
    claim: "publish",
    expected: "true, false, or a list of \"audio\", \"video\", \"share\"",
};

fn add_kind(granted: PublishGrant, kind: &Value) -> Result<PublishGrant, TokenError> {
    match kind.as_str() {
        Some("audio") => Ok(PublishGrant { audio: true, ..granted }),
        Some("video") => Ok(PublishGrant { video: true, ..granted }),
        Some("share") => Ok(PublishGrant { share: true, ..granted }),
        _ => Err(PUBLISH),
    }
}

/// The id of a token that is good for one person; another application's token of the same id is another one.
fn read_once(claims: &BTreeMap<String, Value>, kid: &str) -> Result<Option<String>, TokenError> {
    let id = text(claims, "jti")?;
    if id.is_some_and(|id| id.is_empty() || id.len() > MAX_JTI || !id.bytes().all(|byte| byte.is_ascii_graphic())) {
        let expected = "a text of 1 to 128 visible ASCII characters";
        return Err(TokenError::ClaimInvalid { claim: "jti", expected });
    }
    match (switch(claims, "once", false)?, id) {
        (false, _) => Ok(None),
        (true, Some(id)) => Ok(Some(format!("{kid}/{id}"))),
        (true, None) => Err(TokenError::OnceWithoutId),
    }
}
