//! The binary `convene`: creates a key and a token, and inspects the token.

#![allow(clippy::unwrap_used, reason = "a test ends where something goes wrong")]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("convene-binary-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn convene(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_convene"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input may exit before the write.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Runs it with this standard output.
fn convene_into(arguments: &[&str], output: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_convene"));
    command.args(arguments).stdin(Stdio::null()).stdout(output).stderr(Stdio::piped());
    command.spawn().unwrap().wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure_and_a_full_disk_is_one() {
    let folder = Folder::new("outputs");
    let create = |file: &str, output: Stdio| {
        convene_into(&["key", "create", "--ed25519", "--private-key-file", &folder.file(file)], output)
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let closed = create("closed.pem", writer.into());
    assert!(closed.status.success() && !text(&closed.stderr).contains("panicked"), "{}", text(&closed.stderr));
    let full = create("full.pem", std::fs::File::options().write(true).open("/dev/full").unwrap().into());
    assert_eq!(full.status.code(), Some(1));
    let said = text(&full.stderr);
    assert!(
        said.starts_with("convene: could not write to standard output: ") && said.contains("(OutputNotWritten)"),
        "{said}"
    );
}

#[test]
fn a_key_pair_makes_tokens_that_are_explained() {
    let folder = Folder::new("pair");
    let private = folder.file("private.pem");
    let made = convene(&["key", "create", "--ed25519", "--kid=shop", "--private-key-file", &private], "");
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(text(&made.stdout).contains("kind: Secret") && !text(&made.stdout).contains("PRIVATE"));
    assert_eq!(std::fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
    let again = convene(&["key", "create", "--ed25519", "--private-key-file", &private], "");
    assert_eq!(again.status.code(), Some(1), "a key that is there is not overwritten");

    let key = ["--key-file", &private, "--kid=shop"];
    let create = [&["token", "create", "--meeting=team-a/board", "--identity=ada", "--ttl=15m"][..], &key].concat();
    let created = convene(&create, "");
    assert!(created.status.success() && text(&created.stderr).contains("valid until"), "{}", text(&created.stderr));
    let token = text(&created.stdout);
    assert_eq!(token.lines().count(), 1, "nothing but the token, for $(...)");

    let inspected = convene(&[&["token", "inspect"][..], &key].concat(), &token);
    assert!(inspected.status.success(), "{}", text(&inspected.stderr));
    assert!(
        text(&inspected.stdout).contains("sub        \"ada\"") && text(&inspected.stdout).contains("verdict    good")
    );
    let elsewhere = convene(&[&["token", "inspect", "--meeting=team-a/retro"][..], &key].concat(), &token);
    assert_eq!(elsewhere.status.code(), Some(3));
    assert!(
        text(&elsewhere.stderr).contains("for another meeting (TokenForOtherMeeting)"),
        "{}",
        text(&elsewhere.stderr)
    );
    let signature = token.trim().rsplit('.').next().unwrap();
    for output in [&inspected, &elsewhere] {
        assert!(!text(&output.stdout).contains(signature) && !text(&output.stderr).contains(signature));
    }
}

#[test]
fn mistakes_end_with_a_message_and_a_code() {
    let folder = Folder::new("mistakes");
    let absent = folder.file("absent");
    let create = ["token", "create", "--meeting=a/b", "--identity=ada"];
    let cases: [(&[&str], i32, &str); 7] = [
        (&[], 2, "Usage: convene"),
        (&["token"], 2, "inspect"),
        (&["token", "inspect", "garbage"], 3, "TokenMalformed"),
        (&create, 2, "a key is required"),
        (&["bench", "wss://meet.example.com/signal/load"], 2, "a join token is needed"),
        (&["bench", "ws://127.0.0.1:1/signal/load"], 1, "could not connect to 127.0.0.1:1"),
        (&[&create[..], &["--kid=k", "--key-file", &absent]].concat(), 1, "could not read"),
    ];
    for (arguments, code, words) in cases {
        let output = convene(arguments, "");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    }
    assert!(text(&convene(&["--version"], "").stdout).starts_with("convene "));
    assert!(text(&convene(&["--help"], "").stdout).contains("kubectl convene"));
}

/// A join route that refuses with these words, which are JSON.
fn refusing_server(detail: &'static str) -> String {
    use std::io::Read;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4000]);
            let body = format!(r#"{{"reason":"Refused","detail":"{detail}"}}"#);
            let head = format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    format!("http://{address}/team-a/load")
}

#[test]
fn what_a_server_says_cannot_control_the_terminal() {
    let output = convene(&["bench", &refusing_server("\\u001b[2J\\u202egood"), "--step-limit=10s"], "");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("\\u{1b}[2J\\u{202e}good") && !said.contains(['\u{1b}', '\u{202e}']), "{said}");
}
