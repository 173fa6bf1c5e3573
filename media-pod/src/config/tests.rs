use super::*;
use crate::rooms::defaults::RoomDefaults;
use clap::Arg;

fn config(args: &[&str]) -> Result<Config, ConfigError> {
    let args = Args::try_parse_from([&["convene-media-pod"], args].concat()).unwrap();
    let addresses = vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    Config::new(&args, &Machine { cpus: 2, addresses })
}

#[test]
fn the_command_line_is_well_formed() {
    command().debug_assert();
}

#[test]
fn every_flag_has_its_variable_by_one_rule() {
    for arg in command().get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
        let flag = arg.get_long().unwrap();
        let expected = format!("CONVENE_{}", flag.to_uppercase().replace('-', "_"));
        assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(&*expected), "{flag}");
    }
}

#[test]
fn dev_needs_nothing_else() {
    let config = config(&["--dev"]).unwrap();
    assert_eq!(config.rtc_ports.to_string(), "44444-44509", "one port per worker and 64 for broadcasters");
    assert_eq!((config.workers, config.trust), (2, Trust::Anyone));
}

#[test]
fn media_is_received_where_it_is_announced() {
    let cases: [(&[&str], &str, &str); 4] = [
        // Firefox sends nothing to a loopback address; local Chromium gets UDP only from a socket bound to the address it sends to.
        (&[], "127.0.0.1 192.0.2.7 2001:db8::7", "127.0.0.1 192.0.2.7 2001:db8::7"),
        (&["--announced-address", "192.0.2.1"], "0.0.0.0", "192.0.2.1"),
        (&["--rtc-listen-ip", "127.0.0.1"], "127.0.0.1", "127.0.0.1"),
        (&["--rtc-listen-ip", "0.0.0.0"], "0.0.0.0", "127.0.0.1 192.0.2.7 2001:db8::7"),
    ];
    for (args, listened, announced) in cases {
        let config = config(&[&["--dev"], args].concat()).unwrap();
        let ips: Vec<_> = config.rtc_listen_ips.iter().map(ToString::to_string).collect();
        assert_eq!(ips.join(" "), listened, "{args:?}");
        let addresses = announced.split(' ').map(str::to_owned).collect();
        assert_eq!(config.announced, Announced::Given(addresses), "{args:?}");
    }
}

#[test]
fn announced_ports_are_given_or_read_from_a_file() {
    let ports = |args: &[&str]| config(&[&["--dev"], args].concat()).map(|config| config.announced_ports);
    assert_eq!(ports(&[]), Ok(Announced::Given(AnnouncedPorts::default())));
    let given = Announced::Given("40000/udp=31001,40000/tcp=31002".parse().unwrap());
    assert_eq!(ports(&["--announced-ports", "40000/udp=31001,40000/tcp=31002"]), Ok(given));
    assert_eq!(ports(&["--announced-ports", ""]), Ok(Announced::Given(AnnouncedPorts::default())));
    assert_eq!(ports(&["--announced-ports-file", "ports"]), Ok(Announced::File("ports".into())));
}

#[test]
fn missing_flags_are_named() {
    assert_eq!(config(&[]), Err(ConfigError::NoAnnouncedAddress));
    assert_eq!(config(&["--announced-address", "192.0.2.1"]), Err(ConfigError::NoKeys));
    let wrong = config(&["--dev", "--announced-address", "not an address"]);
    assert_eq!(wrong, Err(ConfigError::Address(AddressError { address: "not an address".into() })));
    assert_eq!(config(&["--dev", "--tls-cert", "cert.pem"]), Err(ConfigError::TlsHalf("--tls-key")));
    assert_eq!(config(&["--dev", "--tls-key", "key.pem"]), Err(ConfigError::TlsHalf("--tls-cert")));
    assert!(matches!(config(&["--dev", "--rtc-ports", "5000-5000", "--workers", "2"]), Err(ConfigError::Ports(_))));
}

#[test]
fn links_need_everything_that_they_are_made_of() {
    let flags = [
        ["--link-port", "9443"],
        ["--pipe-ports", "46000-46063"],
        ["--pod-ip", "10.0.0.7"],
        ["--pod-uid", "uid"],
        ["--admission-keys", "keys.jwks"],
    ];
    let given = |flags: &[[&'static str; 2]]| {
        let address = ["--announced-address", "192.0.2.1"];
        config(&[&address[..], &flags.concat()].concat())
    };
    let link = given(&flags).unwrap().link.unwrap();
    assert_eq!((link.listen.to_string(), link.pipe_ports.len()), ("10.0.0.7:9443".into(), 64));
    for missing in 0..flags.len() {
        let others: Vec<_> =
            flags.iter().enumerate().filter(|(index, _)| *index != missing).map(|(_, flag)| *flag).collect();
        let problem = given(&others).unwrap_err();
        let expected = ConfigError::LinkHalf(flags[missing][0]);
        assert!(problem == expected || missing == 4 && problem == ConfigError::NoKeys, "{problem}");
    }
    let anywhere = [&flags[..2], &[["--pod-ip", "::"]], &flags[3..]].concat();
    assert!(matches!(given(&anywhere), Err(ConfigError::PodIpUnspecified(_))));
    assert_eq!(given(&flags[2..]).map(|config| config.link), Ok(None), "neither port");
}

#[test]
fn fewer_ports_than_cpus_means_fewer_workers() {
    assert_eq!(config(&["--dev", "--rtc-ports", "5000-5000"]).map(|config| config.workers), Ok(1));
    assert_eq!(config(&["--dev", "--workers", "256"]).map(|config| config.rtc_ports.len()), Ok(320));
}

#[test]
fn the_demo_needs_a_standalone_pod() {
    let listen = ["--demo-listen", "0.0.0.0:4443"];
    let keys = ["--announced-address", "192.0.2.1", "--admission-keys", "keys.jwks"];
    assert_eq!(config(&[&listen[..], &keys].concat()), Err(ConfigError::DemoWithoutDev));
    assert_eq!(config(&[&listen[..], &["--dev"]].concat()).map(|config| config.demo_listen.is_some()), Ok(true));
    let same = config(&["--dev", "--listen", "0.0.0.0:4443", "--demo-listen", "0.0.0.0:4443"]);
    let address = "0.0.0.0:4443".parse().unwrap();
    assert_eq!(same, Err(ConfigError::SameAddress { first: "--listen", second: "--demo-listen", address }));
}

#[test]
fn a_standalone_pod_serves_its_own_machine_by_default() {
    let listen = |args: &[&str]| config(args).map(|config| config.listen.to_string());
    let keys = ["--announced-address", "192.0.2.1", "--admission-keys", "keys.jwks"];
    assert_eq!(listen(&["--dev"]), Ok("127.0.0.1:8080".into()));
    assert_eq!(listen(&["--dev", "--listen", "0.0.0.0:80"]), Ok("0.0.0.0:80".into()));
    assert_eq!(listen(&keys), Ok("0.0.0.0:8080".into()), "behind a router");
}

#[test]
fn metrics_have_a_separate_listener_or_none() {
    let metrics = |args: &[&str]| config(&[&["--dev"], args].concat()).map(|config| config.metrics_listen);
    let address = "127.0.0.1:8080".parse().unwrap();
    assert_eq!(metrics(&[]), Ok(None));
    assert_eq!(metrics(&["--metrics-listen", "127.0.0.1:9090"]), Ok(Some("127.0.0.1:9090".parse().unwrap())));
    assert_eq!(
        metrics(&["--metrics-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]).map(|it| it.is_some()),
        Ok(true)
    );
    let same = |first| Err(ConfigError::SameAddress { first, second: "--metrics-listen", address });
    assert_eq!(metrics(&["--metrics-listen", "127.0.0.1:8080"]), same("--listen"));
    let demo = ["--demo-listen", "127.0.0.1:8080", "--listen", "127.0.0.1:1", "--metrics-listen", "127.0.0.1:8080"];
    assert_eq!(metrics(&demo), same("--demo-listen"));
}

#[test]
fn allowed_origins_need_a_standalone_pod() {
    let origins = |args: &[&str]| config(args).map(|config| config.allowed_origins);
    let given = ["--allowed-origins", "https://app.example.org:3000,http://localhost:5173"];
    assert!(origins(&[&["--dev"], &given[..]].concat()).unwrap().lists("http://localhost:5173"));
    let keys = ["--announced-address", "192.0.2.1", "--admission-keys", "keys.jwks"];
    assert_eq!(origins(&[&keys[..], &given].concat()), Err(ConfigError::OriginsWithoutDev));
    assert!(matches!(origins(&["--dev", "--allowed-origins", "app.example.org"]), Err(ConfigError::Origin(_))));
}

#[test]
fn embedding_origins_need_a_standalone_pod() {
    let origins = |args: &[&str]| config(args).map(|config| config.embed_origins);
    let given = ["--embed-origins", "https://app.example.org"];
    assert!(origins(&[&["--dev"], &given[..]].concat()).unwrap().lists("https://app.example.org"));
    let keys = ["--announced-address", "192.0.2.1", "--admission-keys", "keys.jwks"];
    assert_eq!(origins(&[&keys[..], &given].concat()), Err(ConfigError::EmbeddersWithoutDev));
    assert!(matches!(origins(&["--dev", "--embed-origins", "app.example.org"]), Err(ConfigError::Embedder(_))));
}

#[test]
fn switches_for_tests_are_off() {
    assert!(!config(&["--dev"]).unwrap().allow_test_switches);
    assert!(config(&["--dev", "--allow-test-switches"]).unwrap().allow_test_switches);
}

#[test]
fn unknown_flags_and_wrong_values_are_refused() {
    let cases = [
        &["--nonsense"][..],
        &["--workers", "0"],
        &["--rtc-ports", "9-x"],
        &["--shutdown-grace", "1y"],
        &["--max-connections", "0"],
        &["--requests-per-second", "0"],
        &["--request-burst", "-1"],
        &["--max-message-bytes", "1000000"],
        &["--listen", "everywhere"],
        &["--announced-ports", "40000"],
        &["--plain-destinations", "everywhere"],
        &["--announced-ports", "40000/udp=1", "--announced-ports-file", "ports"],
    ];
    for args in cases {
        assert!(Args::try_parse_from([&["convene-media-pod"], args].concat()).is_err(), "{args:?}");
    }
}

#[test]
fn defaults_of_the_flags_are_those_of_the_settings() {
    let config = config(&["--dev"]).unwrap();
    assert_eq!(config.client_limits, ClientLimits::default());
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.bandwidth, MediaSettings::default());
}

#[test]
fn every_limit_can_be_set() {
    // Numbers that differ from each other and from the defaults, so that mixed-up flags are noticed.
    let flags = [
        "max-peers=2",
        "max-unjoined=3",
        "max-prepared=4",
        "max-broadcasters=5",
        "max-room-transports=6",
        "max-room-producers=7",
        "max-room-consumers=9",
        "max-room-data-producers=8",
        "chat-history=10",
        "empty-timeout=11s",
        "max-transports=12",
        "max-producers=13",
        "max-consumers=14",
        "max-data-producers=15",
        "max-consumer-replicas=17",
        "ice-grace=18s",
        "join-timeout=19s",
        "prepare-timeout=20s",
        "broadcaster-timeout=21s",
        "max-plain-consumers=22",
    ];
    let flags: Vec<_> = flags.iter().map(|flag| format!("--{flag}")).collect();
    let flags: Vec<_> = ["--dev"].into_iter().chain(flags.iter().map(String::as_str)).collect();
    let expected = Limits {
        peers: 2,
        unjoined: 3,
        prepared: 4,
        broadcasters: 5,
        transports: 6,
        producers: 7,
        consumers: 9,
        data_producers: 8,
        chat_messages: 10,
        empty_timeout: Duration::from_secs(11),
        transports_per_peer: 12,
        producers_per_peer: 13,
        consumers_per_peer: 14,
        data_producers_per_peer: 15,
        replicas: 17,
        ice_grace: Duration::from_secs(18),
        join_timeout: Duration::from_secs(19),
        prepare_timeout: Duration::from_secs(20),
        broadcaster_timeout: Duration::from_secs(21),
        plain_consumers: 22,
        ..Limits::default()
    };
    assert_eq!(config(&flags).map(|config| config.limits), Ok(expected));
    let rooms = |flags: &[&str]| config(&[&["--dev"], flags].concat()).map(|config| config.rooms);
    assert_eq!((rooms(&[]), rooms(&["--max-rooms", "4"])), (Ok(RoomDefaults::default().max_rooms), Ok(4)));
}

#[test]
fn networks_for_plain_rtp_can_be_allowed() {
    let open = |flags: &[&str], address: &str| {
        let config = config(&[&["--dev"], flags].concat()).unwrap();
        config.limits.plain_destinations.permit(address.parse().unwrap())
    };
    let flags = ["--plain-destinations", "10.1.0.0/16,fd00::/8"];
    for address in ["10.1.2.3", "fd12::1", "1.1.1.1"] {
        assert!(open(&flags, address), "{address}");
    }
    assert!(!open(&flags, "10.2.0.1") && !open(&[], "10.1.2.3"));
}

#[test]
fn bitrates_can_be_set_and_must_be_in_order() {
    let flags = [
        "--dev",
        "--initial-outgoing-bitrate=2M",
        "--min-outgoing-bitrate=100k",
        "--max-outgoing-bitrate=4M",
        "--max-incoming-bitrate=1500k",
        "--ice-consent-timeout=30s",
        "--consumers-per-worker=50",
        "--sample-interval=5s",
    ];
    let expected = MediaSettings {
        initial_outgoing_bitrate: 2_000_000,
        min_outgoing_bitrate: Some(100_000),
        max_outgoing_bitrate: Some(4_000_000),
        max_incoming_bitrate: Some(1_500_000),
        ice_consent_timeout: 30,
        consumers_per_worker: 50,
        sample_interval: Duration::from_secs(5),
    };
    assert_eq!(config(&flags).map(|config| config.bandwidth), Ok(expected));
    let upside_down = config(&["--dev", "--min-outgoing-bitrate=2M", "--max-outgoing-bitrate=1M"]);
    assert_eq!(upside_down, Err(ConfigError::Bitrates { min: 2_000_000, max: 1_000_000 }));
}

/// Every flag, as documentation shows it.
fn table_of_flags() -> String {
    let command = command();
    let flags = command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()));
    let mut groups: Vec<(&str, String)> = Vec::new();
    for arg in flags {
        let heading = arg.get_help_heading().unwrap_or("General");
        match groups.iter_mut().find(|(name, _)| *name == heading) {
            Some((_, rows)) => rows.push_str(&row(arg)),
            None => groups.push((heading, row(arg))),
        }
    }
    let table = |(heading, rows)| format!("### {heading}\n\n| flag | default | |\n| --- | --- | --- |\n{rows}");
    groups.into_iter().map(table).collect::<Vec<_>>().join("\n")
}

fn row(arg: &Arg) -> String {
    let takes_value = arg.get_action().takes_values();
    let value = arg.get_value_names().filter(|_| takes_value).map(|names| format!(" {}", names[0]));
    let default = arg.get_default_values().first().filter(|_| takes_value);
    let default = default.map(|value| format!("`{}`", value.to_string_lossy())).unwrap_or_default();
    let meaning = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let meaning = meaning.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let (flag, value, stop) =
        (arg.get_long().unwrap(), value.unwrap_or_default(), if meaning.ends_with('.') { "" } else { "." });
    format!("| `--{flag}{value}` | {default} | {meaning}{stop} |\n")
}

#[test]
fn the_documentation_has_every_flag() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/media-pod.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("<!-- flags -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /flags -->").unwrap();
    let expected = format!("{before}<!-- flags -->\n\n{}\n<!-- /flags -->{after}", table_of_flags());
    if std::env::var_os("CONVENE_UPDATE_DOCS").is_some() {
        std::fs::write(path, expected).unwrap();
    } else {
        assert!(
            page == expected,
            "docs/media-pod.md is out of date: CONVENE_UPDATE_DOCS=1 cargo test -p convene-media-pod"
        );
    }
}
