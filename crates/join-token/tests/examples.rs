//! Runs the examples that create join tokens, in each language, and verifies their output like a router.
//!
//! Languages that are not installed are skipped; node and python3 are required by other tests anyway.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "for the terminal of a test run")]
#![allow(clippy::unwrap_used, reason = "a test ends where something goes wrong")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use convene_join_token::MeetingKey;
use convene_join_token::{JoinGrant, JoinKeys, SigningKey, verify};

const SECRET: &[u8] = b"a shared secret of the fixture application, with \xc3\xa9";
const PRIVATE: &[u8] = include_bytes!("../src/tests/data/ed25519-private.pem");
const NAME: &str = "Ada Lovelace, née Byron \"Ada\"";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tokens")
}

fn is_installed(program: &str) -> bool {
    let argument = if program == "go" { "version" } else { "--version" };
    Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success())
}

/// The result of verifying the token that the example prints.
fn run(program: &[&str], key: &[u8]) -> JoinGrant {
    let file = std::env::temp_dir().join(format!("convene-token-example-{}-{}", std::process::id(), program[0]));
    std::fs::write(&file, key).unwrap();
    let output = Command::new(program[0])
        .args(&program[1..])
        .args(["team-a/board", "ada", NAME])
        .current_dir(examples())
        .env("KEY_FILE", &file)
        .env("KID", "shop")
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
    let token = String::from_utf8(output.stdout).unwrap();
    let signing = SigningKey::read(key).unwrap();
    let keys = JoinKeys::default().with("shop", signing.verifying_key().clone());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let meeting = MeetingKey::parse("team-a", "board").unwrap();
    verify(token.trim(), &keys, &meeting, now).unwrap_or_else(|error| panic!("{program:?}: {error}"))
}

fn check(program: &[&str], keys: &[&[u8]]) {
    if !is_installed(program[0]) {
        eprintln!("{} is not installed: its example was not run", program[0]);
        return;
    }
    for key in keys {
        let grant = run(program, key);
        assert_eq!(
            (grant.participant.identity.as_str(), grant.participant.name.as_deref()),
            ("ada", Some(NAME)),
            "{program:?}"
        );
        assert!(!grant.participant.moderator && grant.publish.audio);
    }
}

#[test]
fn a_router_takes_what_node_makes() {
    check(&["node", "join_token.mjs"], &[SECRET, PRIVATE]);
}

#[test]
fn a_router_takes_what_python_makes() {
    check(&["python3", "join_token.py"], &[SECRET]);
}

#[test]
fn a_router_takes_what_go_makes() {
    check(&["go", "run", "join_token.go"], &[SECRET, PRIVATE]);
}
