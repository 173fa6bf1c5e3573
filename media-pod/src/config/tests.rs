use super::*;

fn config(args: &[&str]) -> Result<Config, ConfigError> {
    let args = Args::try_parse_from([&["convene-media-pod"], args].concat()).unwrap();
    Config::new(&args, 2)
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
    assert_eq!((config.workers, config.trust), (2, Trust::Everybody));
    assert_eq!(config.announced, Announced::Given(vec!["127.0.0.1".into()]));
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(config(&[]), Err(ConfigError::NoAnnouncedAddress));
    assert_eq!(config(&["--announced-address", "192.0.2.1"]), Err(ConfigError::NoKeys));
    let wrong = config(&["--dev", "--announced-address", "not an address"]);
    assert_eq!(wrong, Err(ConfigError::Address { address: "not an address".into() }));
    assert_eq!(config(&["--dev", "--tls-cert", "cert.pem"]), Err(ConfigError::TlsHalf("--tls-key")));
    assert_eq!(config(&["--dev", "--tls-key", "key.pem"]), Err(ConfigError::TlsHalf("--tls-cert")));
    assert!(matches!(config(&["--dev", "--rtc-ports", "5000-5000", "--workers", "2"]), Err(ConfigError::Ports(_))));
}

#[test]
fn fewer_ports_than_cpus_means_fewer_workers() {
    assert_eq!(config(&["--dev", "--rtc-ports", "5000-5000"]).map(|config| config.workers), Ok(1));
    assert_eq!(config(&["--dev", "--workers", "256"]).map(|config| config.rtc_ports.len()), Ok(320));
}

#[test]
fn the_demo_is_served_to_everybody_or_not_at_all() {
    let listen = ["--demo-listen", "0.0.0.0:4443"];
    let keys = ["--announced-address", "192.0.2.1", "--admission-keys", "keys.jwks"];
    assert_eq!(config(&[&listen[..], &keys].concat()), Err(ConfigError::DemoWithoutDev));
    assert_eq!(config(&[&listen[..], &["--dev"]].concat()).map(|config| config.demo_listen.is_some()), Ok(true));
    let same = config(&["--dev", "--listen", "0.0.0.0:4443", "--demo-listen", "0.0.0.0:4443"]);
    assert_eq!(same, Err(ConfigError::SameAddress("0.0.0.0:4443".parse().unwrap())));
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
    ];
    for args in cases {
        assert!(Args::try_parse_from([&["convene-media-pod"], args].concat()).is_err(), "{args:?}");
    }
}

#[test]
fn defaults_of_the_flags_are_those_of_the_settings() {
    assert_eq!(config(&["--dev"]).map(|config| config.client_limits), Ok(ClientLimits::default()));
}
