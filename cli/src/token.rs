//! `convene token create` and `convene token inspect`.

use std::io::Read;
use std::time::Duration;

use clap::{ArgAction, Args, Subcommand, ValueEnum};
use convene_protocol::admission::PublishGrant;
use convene_protocol::id::format_id;
use jiff::Timestamp;
use serde_json::Value;

use super::output::{CliError, Output, ascii};
use super::source::{self, KeyArgs, choose_signing};
use convene_join_token::MeetingKey;
use convene_join_token::{
    Algorithm, JoinKeys, MAX_TOKEN_BYTES, Participant, Scope, SigningKey, TokenRequest, Unverified, create_token,
    read_secret, read_unverified, verify,
};
use convene_service::arguments::parse_duration;
use convene_service::clock::unix_now;

/// Upper limit of `--max-token-lifetime` of routers.
const LONGEST_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// Commands about join tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Prints a join token for a meeting
    ///
    /// Example:
    ///   convene token create --meeting team-a/board --identity ada --name "Ada Lovelace" \
    ///     --ttl 1h --secret convene-join-keys -n convene-system
    #[command(verbatim_doc_comment)]
    Create(Box<CreateArgs>),
    /// Prints the claims of a token and whether a router would accept it
    ///
    /// The signature is never printed; specify a key (--secret or --key-file) to verify it. The token is
    /// read from standard input by default, because an argument would stay in your shell history.
    /// Exit code 3 means that routers would refuse the token.
    #[command(verbatim_doc_comment)]
    Inspect(Box<InspectArgs>),
}

/// What a participant may publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Microphone
    Audio,
    /// Camera
    Video,
    /// Screen
    Share,
    /// Nothing
    None,
}

/// Signing algorithm of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlgorithmArg {
    /// HMAC with SHA-256
    #[value(name = "HS256")]
    Hs256,
    /// Ed25519
    #[value(name = "EdDSA")]
    EdDsa,
}

/// Arguments of `convene token create`.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Meeting, as namespace/name, or namespace/* for all meetings of a namespace
    #[arg(long, value_name = "MEETING", value_parser = parse_scope)]
    pub(crate) meeting: Scope,

    /// Identity of the participant in your application; 1 to 200 characters
    #[arg(long)]
    pub(crate) identity: String,

    /// Display name; if unset, the participant chooses one
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Lifetime of the token, such as 15m or 8h; at most --max-ttl
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub(crate) ttl: Duration,

    /// Maximum lifetime that the router accepts (its --max-token-lifetime); at most 30d
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    pub(crate) max_ttl: Duration,

    /// What the participant may publish; everything if unset
    #[arg(long, value_name = "KIND", value_enum, value_delimiter = ',')]
    pub(crate) publish: Vec<Kind>,

    /// The participant is a moderator: may admit, mute, remove and end the meeting
    #[arg(long)]
    pub(crate) moderator: bool,

    /// The participant cannot receive audio and video
    #[arg(long = "no-subscribe", action = ArgAction::SetFalse)]
    pub(crate) subscribe: bool,

    /// The participant cannot send chat messages and data
    #[arg(long = "no-publish-data", action = ArgAction::SetFalse)]
    pub(crate) publish_data: bool,

    /// The participant is invisible to others; cannot publish or be a recorder
    #[arg(long)]
    pub(crate) hidden: bool,

    /// The participant is a recorder, visible to all; the meeting needs features.recording
    #[arg(long)]
    pub(crate) recorder: bool,

    /// Whether the participant is a viewer, who only receives until a moderator brings them on stage; as the meeting says if unset
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) viewer: Option<bool>,

    /// The participant may receive plain RTP at an address of their choice
    #[arg(long)]
    pub(crate) receive_plain: bool,

    /// Valid for one participant only: the first to use it
    #[arg(long)]
    pub(crate) once: bool,

    /// The signing key
    #[command(flatten)]
    pub(crate) key: KeyArgs,

    /// Fail if the key is for another algorithm
    #[arg(long, value_enum)]
    pub(crate) algorithm: Option<AlgorithmArg>,
}

/// Arguments of `convene token inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The token; "-" or unset: standard input
    pub(crate) token: Option<String>,

    /// Meeting to check the token for, as namespace/name; if unset, the meeting of the token
    #[arg(long, value_name = "MEETING", value_parser = parse_meeting)]
    pub(crate) meeting: Option<MeetingKey>,

    /// Maximum lifetime that the router accepts (its --max-token-lifetime)
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    pub(crate) max_ttl: Duration,

    /// The signing key
    #[command(flatten)]
    pub(crate) key: KeyArgs,
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| "use namespace/name, or namespace/* for all meetings of a namespace".to_owned())
}

fn parse_meeting(text: &str) -> Result<MeetingKey, String> {
    let (namespace, name) = text.split_once('/').ok_or("use namespace/name")?;
    MeetingKey::parse(namespace, name).map_err(|error| error.to_string())
}

/// Runs a command.
pub(crate) async fn run(command: TokenCommand) -> Result<Output, CliError> {
    match command {
        TokenCommand::Create(args) => {
            let entries = args.key.read().await?;
            let (kid, key) = choose_signing(&entries, args.key.kid.as_deref())?;
            create(&args, &kid, &key, unix_now(), || format_id(rand::random()))
        }
        TokenCommand::Inspect(args) => {
            let token = read_token(args.token.as_deref())?;
            let keys = if args.key.is_given() { Some(verifying_keys(&args).await?) } else { None };
            inspect(&token, keys.as_ref(), args.meeting.as_ref(), unix_now())
        }
    }
}

/// Creates a token.
pub(crate) fn create(
    args: &CreateArgs,
    kid: &str,
    key: &SigningKey,
    now: u64,
    new_id: impl FnOnce() -> String,
) -> Result<Output, CliError> {
    check_lifetimes(args)?;
    check_algorithm(args.algorithm, key.algorithm())?;
    let request = TokenRequest {
        scope: args.meeting.clone(),
        participant: participant(args, new_id),
        publish: publish(&args.publish)?,
        lifetime: args.ttl.as_secs(),
        max_lifetime: args.max_ttl.as_secs(),
    };
    let token = create_token(&request, key, kid, now).map_err(CliError::Create)?;
    let notes = vec![format!(
        "valid until {}; anyone with this token can join as {:?}",
        time(now + request.lifetime),
        args.identity
    )];
    Ok(Output { text: format!("{token}\n"), notes, verdict: None })
}

fn participant(args: &CreateArgs, new_id: impl FnOnce() -> String) -> Participant {
    Participant {
        identity: args.identity.clone(),
        name: args.name.clone(),
        subscribe: args.subscribe,
        publish_data: args.publish_data,
        moderator: args.moderator,
        hidden: args.hidden,
        recorder: args.recorder,
        viewer: args.viewer,
        receive_plain: args.receive_plain,
        once: args.once.then(new_id),
    }
}

fn check_lifetimes(args: &CreateArgs) -> Result<(), CliError> {
    if args.max_ttl > LONGEST_LIFETIME {
        return Err(CliError::Usage(
            "--max-ttl must be at most 30d: a token with a longer lifetime is a password".to_owned(),
        ));
    }
    if args.ttl.is_zero() || args.ttl > args.max_ttl {
        return Err(CliError::Usage(
            "--ttl must be at least 1s and at most --max-ttl (default 24h): routers refuse tokens with a longer lifetime".to_owned(),
        ));
    }
    Ok(())
}

fn check_algorithm(wanted: Option<AlgorithmArg>, found: Algorithm) -> Result<(), CliError> {
    let wanted = wanted.map(|wanted| match wanted {
        AlgorithmArg::Hs256 => Algorithm::Hs256,
        AlgorithmArg::EdDsa => Algorithm::EdDsa,
    });
    match wanted {
        Some(wanted) if wanted != found => Err(CliError::Usage(format!(
            "the key is for {}, not {}: each key supports one algorithm",
            found.as_str(),
            wanted.as_str()
        ))),
        _ => Ok(()),
    }
}

fn publish(kinds: &[Kind]) -> Result<Option<PublishGrant>, CliError> {
    if kinds.contains(&Kind::None) && kinds.len() > 1 {
        return Err(CliError::Usage("--publish none cannot be combined with other kinds".to_owned()));
    }
    let has = |kind| kinds.contains(&kind);
    let granted = PublishGrant { audio: has(Kind::Audio), video: has(Kind::Video), share: has(Kind::Share) };
    Ok((!kinds.is_empty()).then_some(granted))
}

fn read_token(given: Option<&str>) -> Result<String, CliError> {
    if let Some(token) = given.filter(|token| *token != "-") {
        return Ok(token.to_owned());
    }
    let mut token = String::new();
    let limit = u64::try_from(MAX_TOKEN_BYTES).unwrap_or(u64::MAX) + 1024;
    std::io::stdin().take(limit).read_to_string(&mut token).map_err(CliError::Input)?;
    Ok(token.trim().to_owned())
}

async fn verifying_keys(args: &InspectArgs) -> Result<JoinKeys, CliError> {
    let entries = args.key.read().await?;
    let (mut found, _) = read_secret(source::values(&entries));
    // A private key can verify as well.
    let private = entries.iter().filter_map(|(kid, value)| Some((kid, SigningKey::read(&value.0).ok()?)));
    found.extend(private.map(|(kid, key)| (kid.clone(), key.verifying_key().clone())).collect::<Vec<_>>());
    let mut keys = JoinKeys::new(args.max_ttl.as_secs());
    keys.add(&found);
    Ok(keys)
}

/// Prints the claims, and verifies the token if `keys` are given.
pub(crate) fn inspect(
    token: &str,
    keys: Option<&JoinKeys>,
    meeting: Option<&MeetingKey>,
    now: u64,
) -> Result<Output, CliError> {
    let read = read_unverified(token).map_err(CliError::Token)?;
    let mut text = format!("algorithm  {}\nkid        {}\n", read.algorithm.as_str(), read.kid);
    text.extend(read.claims.iter().map(|(name, value)| format!("{name:<10} {}\n", explain(name, value, now))));
    let Some(keys) = keys else {
        let note = "the signature was not checked: specify a key with --secret or --key-file".to_owned();
        return Ok(Output { text, notes: vec![note], verdict: None });
    };
    let verdict = match meeting.cloned().or_else(|| named_meeting(&read)) {
        Some(meeting) => verify(token, keys, &meeting, now).err(),
        None => Some(convene_join_token::TokenError::ClaimMissing("meeting")),
    };
    if verdict.is_none() {
        text.push_str("verdict    good\n");
    }
    Ok(Output { text, notes: Vec::new(), verdict: verdict.map(CliError::Token) })
}

fn named_meeting(read: &Unverified) -> Option<MeetingKey> {
    match Scope::parse(read.claims.get("meeting")?.as_str()?)? {
        Scope::Meeting(meeting) => Some(meeting),
        Scope::Namespace(namespace) => MeetingKey::parse(&namespace, "any").ok(),
    }
}

/// The value as JSON, which shows invisible characters; timestamps also as dates.
fn explain(name: &str, value: &Value, now: u64) -> String {
    let shown = ascii(&value.to_string());
    match (name, value.as_u64()) {
        ("exp" | "nbf" | "iat", Some(seconds)) => {
            let distance = seconds.abs_diff(now);
            let when = if seconds > now { format!("in {distance} s") } else { format!("{distance} s ago") };
            format!("{shown} ({}, {when})", time(seconds))
        }
        _ => shown,
    }
}

fn time(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| "a time out of range".to_owned(), |time| time.to_string())
}
