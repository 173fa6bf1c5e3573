use super::*;
use crate::config::LogFormat;

/// A file that is removed when this is dropped.
struct File(PathBuf);

impl File {
    fn with(text: &str) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("convene-config-{}-{number}.yaml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn read(text: &str, flags: &[&str]) -> Result<Args, String> {
    let file = File::with(text);
    let config = format!("--config={}", file.0.display());
    let line: Vec<OsString> = ["pod", &config].iter().chain(flags).map(OsString::from).collect();
    settings(&line).map_err(|error| error.to_string().replace(&file.0.display().to_string(), "FILE"))
}

#[test]
fn a_file_sets_what_nothing_else_has_set() {
    let text = "dev: true\nworkers: 3\nrtc-ports: 5000-5100\nshutdown-grace: 7\nlog-format: json\n\
                announced-address: [192.0.2.1, sfu.example.org]\n";
    let args = read(text, &["--workers", "2"]).unwrap();
    assert_eq!((args.serving.dev, args.media.workers), (true, Some(2)), "a flag wins");
    assert_eq!(args.media.rtc_ports.map(|ports| ports.to_string()), Some("5000-5100".into()));
    assert_eq!(args.serving.shutdown_grace.as_secs(), 7);
    assert_eq!(args.media.announced_address, ["192.0.2.1", "sfu.example.org"]);
    assert_eq!(args.log_format, LogFormat::Json);
    assert_eq!(args.serving.max_connections, 20_000, "the default is left");
}

#[test]
fn a_file_may_be_empty_and_a_switch_may_be_off() {
    assert!(read("", &[]).is_ok());
    assert!(read("# only a remark\n", &[]).is_ok());
    assert!(!read("dev: false", &[]).unwrap().serving.dev);
    assert!(read("dev: false", &["--dev"]).unwrap().serving.dev);
}

#[test]
fn errors_name_file_and_key() {
    let cases = [
        ("worker: 2", r#""FILE": there is no setting "worker"; did you mean "workers"?"#),
        ("config: other.yaml", r#""FILE": there is no setting "config""#),
        ("help: true", r#""FILE": there is no setting "help""#),
        ("7: 7", r#""FILE": there is no setting "7""#),
        ("workers: 0", r#""FILE": workers: invalid value '0' for '--workers <COUNT>': 0 is not in 1..=256"#),
        (
            "workers: many",
            r#""FILE": workers: invalid value 'many' for '--workers <COUNT>': invalid digit found in string"#,
        ),
        ("workers: [1, 2]", r#""FILE": workers: must be a single value, not a list"#),
        ("workers:", r#""FILE": workers: must be a string, a number or a boolean"#),
        ("workers: { count: 1 }", r#""FILE": workers: must be a string, a number or a boolean"#),
        ("dev: 1", r#""FILE": dev: must be true or false"#),
        ("announced-address: [[a]]", r#""FILE": announced-address: must be a string, a number or a boolean"#),
        (
            "log-format: xml",
            r#""FILE": log-format: invalid value 'xml' for '--log-format <FORMAT>' [possible values: text, json]"#,
        ),
        ("- a\n- b", r#"the configuration file "FILE" must contain one `flag: value` per line: it is not a mapping"#),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text, &[]).unwrap_err(), expected, "{text}");
    }
    for malformed in ["a: [", "workers: 1\nworkers: 2", "\u{0}"] {
        let error = read(malformed, &[]).unwrap_err();
        assert!(error.starts_with("the configuration file \"FILE\" must contain"), "{error}");
        assert!(!error.contains('\n'), "an error is one line: {error}");
    }
}

#[test]
fn a_value_is_what_its_author_wrote() {
    assert_eq!(read("max-peers: 010", &[]).unwrap().room.max_peers, 10);
    for (text, expected) in [
        ("dev: yes", r#""FILE": dev: must be true or false"#),
        ("dev: on", r#""FILE": dev: must be true or false"#),
        ("<<: {dev: true}", r#""FILE": there is no setting "<<""#),
    ] {
        assert_eq!(read(text, &[]).unwrap_err(), expected, "{text}");
    }
    for text in ["workers: 1_0", "max-peers: !x 5"] {
        assert!(read(text, &[]).is_err(), "{text}");
    }
}

#[test]
fn an_invalid_value_in_the_file_is_an_error_even_when_a_flag_overrides_it() {
    assert!(read("workers: 0", &["--workers", "1"]).is_err());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let line = ["pod", "--config", "/no/such/file.yaml"].map(OsString::from);
    assert_eq!(
        settings(&line).unwrap_err().to_string(),
        r#"could not read the configuration file "/no/such/file.yaml""#
    );
}

#[test]
fn flags_that_belong_together_may_come_from_two_sources() {
    let args = read("tls-cert: a.pem", &["--tls-key", "b.pem"]).unwrap();
    assert_eq!(args.serving.tls_cert, Some("a.pem".into()));
    let both = read("announced-address: a\nannounced-address-file: b", &[]).unwrap_err();
    assert!(both.contains("cannot be used with"), "{both}");
}
