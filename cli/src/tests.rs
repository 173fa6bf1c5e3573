//! The command line, without a cluster and without a process.

use clap::{CommandFactory, Parser};
use k8s_openapi::ByteString;

use super::key::KeyCommand;
use super::source::choose_signing;
use super::token::{TokenCommand, create, inspect};
use super::*;
use convene_join_token::{JoinKeys, SigningKey, read_secret};

const NOW: u64 = 1_800_000_000;
const SECRET: &[u8] = b"a shared secret of the fixture application";
const PRIVATE: &str = include_str!("../../crates/join-token/src/tests/data/ed25519-private.pem");
const PUBLIC: &str = include_str!("../../crates/join-token/src/tests/data/ed25519-public.pem");

fn parse(line: &[&str]) -> Result<Command, String> {
    Cli::try_parse_from([&["convene"], line].concat()).map(|cli| cli.command).map_err(|error| error.to_string())
}

fn make(more: &[&str], key: &[u8]) -> Result<String, String> {
    let line =
        [&["token", "create", "--meeting", "team-a/board", "--identity", "ada", "--key-file=f", "--kid=k"], more];
    let Command::Token(TokenCommand::Create(args)) = parse(&line.concat())? else { panic!("not create") };
    let key = SigningKey::read(key).map_err(|error| error.to_string())?;
    let output = create(&args, "k", &key, NOW, || "id-1".into()).map_err(|error| error.to_string())?;
    Ok(output.text.trim().to_owned())
}

fn keys() -> JoinKeys {
    let key = SigningKey::read(SECRET).unwrap();
    JoinKeys::default().with("k", key.verifying_key().clone())
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
    let help = Cli::command().render_long_help().to_string();
    assert!(help.contains("kubectl convene") && help.contains("docs/access.md"), "{help}");
}

#[test]
fn a_made_token_says_what_the_flags_say_and_its_explanation_hides_the_signature() {
    let flags = ["--name", "Ada L.", "--moderator", "--publish=audio,video", "--no-subscribe", "--once", "--ttl=2h"];
    let token = make(&flags, SECRET).unwrap();
    let output = inspect(&token, Some(&keys()), None, NOW + 60).unwrap();
    assert!(output.verdict.is_none());
    for line in [
        "algorithm  HS256",
        "kid        k",
        "sub        \"ada\"",
        "name       \"Ada L.\"",
        "publish    [\"audio\",\"video\"]",
        "moderator  true",
        "subscribe  false",
        "jti        \"id-1\"",
        "exp        1800007200 (2027-01-15T10:00:00Z, in 7140 s)",
        "verdict    good",
    ] {
        assert!(output.text.lines().any(|found| found == line), "{line} is missing in\n{}", output.text);
    }
    assert!(!output.text.contains(token.rsplit('.').next().unwrap()));
}

#[test]
fn both_algorithms_are_made_and_a_key_serves_one() {
    let token = make(&["--algorithm=EdDSA"], PRIVATE.as_bytes()).unwrap();
    assert!(inspect(&token, None, None, NOW).unwrap().text.starts_with("algorithm  EdDSA\n"));
    assert!(make(&["--algorithm=HS256"], PRIVATE.as_bytes()).unwrap_err().contains("the key is for EdDSA"));
    assert!(make(&["--algorithm=EdDSA"], SECRET).unwrap_err().contains("the key is for HS256"));
}

#[test]
fn what_a_router_would_refuse_is_not_made() {
    let cases: [(&[&str], &str); 11] = [
        (&["--ttl=25h"], "--ttl must be"),
        (&["--ttl=0s"], "--ttl must be"),
        (&["--ttl=31d", "--max-ttl=31d"], "at most 30d"),
        (&["--ttl=100y"], "the unit must be"),
        (&["--identity", ""], "cannot be used multiple times"),
        (&["--publish=audio,none"], "cannot be combined with other kinds"),
        (&["--hidden", "--publish=audio"], "cannot publish"),
        (&["--hidden", "--recorder"], "a \"recorder\" must be visible to all participants"),
        (&["--viewer", "--moderator"], "a \"viewer\" cannot be"),
        (&["--name", "\u{202e}"], "is not a valid display name"),
        (&["--publish=screen"], "possible values"),
    ];
    for (flags, words) in cases {
        let message = make(flags, SECRET).unwrap_err();
        assert!(message.contains(words), "{flags:?}: {message}");
    }
    assert!(make(&["--ttl=29d", "--max-ttl=30d"], SECRET).is_ok());
    assert!(make(&[], PUBLIC.as_bytes()).unwrap_err().contains("private key"));
    assert!(make(&[], b"short").unwrap_err().contains("32 random bytes"));
    for meeting in ["board", "Team/x", "*/*", "a/b/c"] {
        let line = ["token", "create", "--identity=a", "--meeting", meeting, "--key-file=f", "--kid=k"];
        assert!(parse(&line).unwrap_err().contains("namespace/name"), "{meeting}");
    }
}

#[test]
fn a_wrong_token_is_explained_all_the_same() {
    let token = make(&[], SECRET).unwrap();
    let late = inspect(&token, Some(&keys()), None, NOW + 7200).unwrap();
    assert!(late.text.contains("sub        \"ada\"") && !late.text.contains("verdict"));
    let verdict = late.verdict.unwrap();
    assert_eq!((verdict.reason(), verdict.exit_code()), ("TokenExpired", 3));
    let elsewhere = convene_join_token::MeetingKey::parse("team-a", "retro").unwrap();
    let verdict = inspect(&token, Some(&keys()), Some(&elsewhere), NOW).unwrap().verdict.unwrap();
    assert_eq!(verdict.reason(), "TokenForOtherMeeting");
    assert_eq!(inspect("nonsense", None, None, NOW).unwrap_err().reason(), "TokenMalformed");
    let unchecked = inspect(&token, None, None, NOW).unwrap();
    assert!(unchecked.notes[0].contains("the signature was not checked") && unchecked.verdict.is_none());
}

fn secret(entries: &[(&str, &[u8])]) -> std::collections::BTreeMap<String, ByteString> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), ByteString(value.to_vec()))).collect()
}

#[test]
fn of_several_keys_one_must_be_named() {
    let one = secret(&[("a", SECRET), ("a.namespaces", b"team-a"), ("p", PUBLIC.as_bytes())]);
    assert_eq!(choose_signing(&one, None).unwrap().0, "a", "a public key cannot sign");
    let two = secret(&[("a", SECRET), ("b", PRIVATE.as_bytes())]);
    assert!(choose_signing(&two, None).unwrap_err().to_string().contains("--kid: a, b"));
    assert_eq!(choose_signing(&two, Some("b")).unwrap().0, "b");
    assert!(choose_signing(&two, Some("c")).unwrap_err().to_string().contains("has no key \"c\""));
    assert!(choose_signing(&two, Some("../c")).unwrap_err().to_string().contains("is not a valid key name"));
    let none = secret(&[("p", PUBLIC.as_bytes())]);
    assert!(choose_signing(&none, None).unwrap_err().to_string().contains("private key"));
}

fn key_manifests(more: &[&str]) -> Result<(Output, Option<String>), String> {
    let Command::Key(KeyCommand::Create(args)) = parse(&[&["key", "create"], more].concat())? else {
        panic!("not key")
    };
    super::key::create(&args, [7; 32]).map_err(|error| error.to_string())
}

/// The entries of the Secrets in a manifest, as read by a router.
fn entries(manifest: &str) -> std::collections::BTreeMap<String, ByteString> {
    use base64::Engine;
    let lines = manifest.lines().filter_map(|line| line.strip_prefix("  \"")?.split_once("\": "));
    lines
        .map(|(name, value)| (name.to_owned(), ByteString(base64::prelude::BASE64_STANDARD.decode(value).unwrap())))
        .collect()
}

#[test]
fn a_made_key_is_one_that_routers_take() {
    let (shared, _) =
        key_manifests(&["keys", "--kid=shop", "-n", "convene-system", "--only-for=team-a,team-b"]).unwrap();
    assert!(
        shared.text.starts_with("apiVersion: v1\nkind: Secret\nmetadata:\n  name: keys\n  namespace: convene-system\n")
    );
    let (found, problems) = read_secret(source::values(&entries(&shared.text)));
    assert!(problems.is_empty() && found["shop"].is_valid_for("team-b") && !found["shop"].is_valid_for("team-c"));
    assert!(!shared.notes.join(" ").contains("BwcHBwcH"), "the key itself is in the manifest alone");

    let (pair, none) = key_manifests(&["--ed25519", "--kid=shop"]).unwrap();
    assert!(none.is_none());
    let documents: Vec<_> = pair.text.split("---\napi").collect();
    assert_eq!(documents.len(), 2);
    let (public, private) = (entries(documents[0]), entries(documents[1]));
    let (found, _) = read_secret(source::values(&public));
    let key = SigningKey::read(&private["shop"].0).unwrap();
    assert_eq!(&found["shop"], key.verifying_key());
    assert!(documents[1].contains("name: convene-join-keys-private"));

    let (alone, written) = key_manifests(&["--ed25519", "--private-key-file=f"]).unwrap();
    assert!(!alone.text.contains("-private") && written.unwrap().contains("BEGIN PRIVATE KEY"));
}

#[test]
fn a_key_that_could_not_be_used_is_not_made() {
    for (flags, words) in [
        (&["Keys"][..], "a valid Secret name"),
        (&["--kid=a/b"], "valid Secret entry name"),
        (&["--kid=a.namespaces"], "valid Secret entry name"),
        (&["--only-for=Team"], "valid namespace name"),
        (&["-n", "a\nb"], "valid namespace name"),
        (&["--private-key-file=f"], "--ed25519"),
    ] {
        let message = key_manifests(flags).unwrap_err();
        assert!(message.contains(words), "{flags:?}: {message}");
    }
}
