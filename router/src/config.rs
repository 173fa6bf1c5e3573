//! The command line of the router, validated once at start-up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use convene_join_token::is_label;
use convene_service::log::LogFormat;
use thiserror::Error;

use crate::edge::policy::{EdgeArgs, EdgeConfig, EdgeConfigError};
use crate::join::config::{JoinArgs, JoinConfig, JoinConfigError};
use crate::state::SignalSettings;
use crate::web::{WebFiles, WebFilesError};

/// Time after which a silent pod is considered dead. Pods send a ping at least every minute.
const POD_SILENCE: Duration = Duration::from_secs(150);
const RETRY_PAUSE: Duration = Duration::from_millis(500);
const STOP_SPREAD: Duration = Duration::from_secs(3);
/// Most load balancers cut longer requests, and most clients give up.
const MAX_HOLD: Duration = Duration::from_mins(10);

/// Arguments of the router; each can be set by an environment variable instead.
#[derive(Clone, Debug, Args)]
pub struct RouterArgs {
    /// Address for plain HTTP: web app, API, signaling and probes
    #[arg(long, env = "CONVENE_LISTEN", value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub(crate) listen: SocketAddr,

    /// Address for Prometheus metrics and probes over plain HTTP. Do not expose it outside the cluster
    #[arg(long, env = "CONVENE_METRICS_LISTEN", value_name = "ADDRESS", default_value = "0.0.0.0:9090")]
    pub(crate) metrics_listen: SocketAddr,

    /// Address for HTTPS; used if --tls-cert and --tls-key are set
    #[arg(long, env = "CONVENE_TLS_LISTEN", value_name = "ADDRESS", default_value = "0.0.0.0:8443")]
    pub(crate) tls_listen: SocketAddr,

    /// File with the TLS certificate chain (PEM); reloaded when it changes
    #[arg(long, env = "CONVENE_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// File with the TLS private key (PEM); reloaded when it changes
    #[arg(long, env = "CONVENE_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Directory of the built web app
    #[arg(long, env = "CONVENE_WEB_DIR", value_name = "FOLDER", default_value = "/usr/share/convene/web")]
    pub(crate) web_dir: PathBuf,

    /// Namespace that Convene is installed in, with its media pods and the admission key
    #[arg(long, env = "POD_NAMESPACE")]
    pub(crate) namespace: String,

    /// Secret in that namespace with the key that signs admissions to media pods (`private.pem`, `kid`)
    #[arg(long, env = "CONVENE_ADMISSION_KEY_SECRET", value_name = "NAME", default_value = "convene-admission-key")]
    pub(crate) admission_key_secret: String,

    /// Join tokens and TURN servers
    #[command(flatten)]
    pub(crate) join: JoinArgs,

    /// Time that a join waits for a ready media pod of its meeting (for example 60s, 2m)
    #[arg(long, env = "CONVENE_HOLD_TIMEOUT", value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    pub(crate) hold_timeout: Duration,

    /// Maximum number of waiting joins; clients beyond it are asked to retry
    #[arg(long, env = "CONVENE_MAX_HELD", value_name = "COUNT", default_value_t = 20_000)]
    pub(crate) max_held: u32,

    /// Maximum number of open signaling sockets, including waiting joins
    #[arg(long, env = "CONVENE_MAX_SOCKETS", value_name = "COUNT", default_value_t = 50_000)]
    pub(crate) max_sockets: u32,

    /// Limits, origins, proxies and the demo listener
    #[command(flatten)]
    pub(crate) edge: EdgeArgs,

    /// Log format; the environment variable `RUST_LOG` sets the log level (default: info)
    #[arg(long, env = "CONVENE_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

/// The HTTPS listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsConfig {
    /// Address to listen on.
    pub(crate) listen: SocketAddr,
    /// Certificate chain.
    pub(crate) cert: PathBuf,
    /// Private key.
    pub(crate) key: PathBuf,
}

/// Validated arguments.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address for plain HTTP.
    pub(crate) listen: SocketAddr,
    /// Address for metrics.
    pub(crate) metrics_listen: SocketAddr,
    /// The HTTPS listener, if enabled.
    pub(crate) tls: Option<TlsConfig>,
    /// The web app.
    pub(crate) web: WebFiles,
    /// Namespace of the release.
    pub(crate) namespace: String,
    /// Name of the Secret with the admission key.
    pub(crate) admission_key_secret: String,
    /// Join tokens and TURN servers.
    pub(crate) join: JoinConfig,
    /// Signaling.
    pub(crate) signal: SignalSettings,
    /// Limits, origins, proxies and the demo listener.
    pub(crate) edge: EdgeConfig,
}

/// Invalid arguments.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Only one of certificate and key is set.
    #[error("--tls-cert and --tls-key must be used together (missing: {0})")]
    TlsHalf(&'static str),
    /// Two listeners have the same address.
    #[error("{0} and {1} are both {2}: use different ports")]
    SameAddress(&'static str, &'static str, SocketAddr),
    /// An invalid namespace.
    #[error("--namespace {0:?} is not a valid namespace name")]
    Namespace(String),
    /// An invalid Secret name.
    #[error("--admission-key-secret {0:?} is not a valid Secret name")]
    Secret(String),
    /// The hold timeout is out of range.
    #[error("--hold-timeout must be between 1s and 600s")]
    HoldTimeout,
    /// A limit of zero, which would refuse every client.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// Invalid arguments about join tokens or TURN servers.
    #[error(transparent)]
    Join(JoinConfigError),
    /// The web app could not be read.
    #[error(transparent)]
    Web(WebFilesError),
    /// Invalid limits, origins, proxies or demo listener.
    #[error(transparent)]
    Edge(EdgeConfigError),
}

impl RouterArgs {
    /// Validates all arguments and reads the page of the web app.
    pub fn check(self) -> Result<Config, ConfigError> {
        let tls = self.tls()?;
        self.check_names()?;
        let signal = self.signal()?;
        let edge = self.edge.check().map_err(ConfigError::Edge)?;
        self.check_addresses(tls.as_ref(), &edge)?;
        let web = WebFiles::load(&self.web_dir).map_err(ConfigError::Web)?;
        let Self { listen, metrics_listen, namespace, admission_key_secret, join, .. } = self;
        let join = join.check().map_err(ConfigError::Join)?;
        Ok(Config { listen, metrics_listen, tls, web, namespace, admission_key_secret, join, signal, edge })
    }

    fn tls(&self) -> Result<Option<TlsConfig>, ConfigError> {
        match (self.tls_cert.clone(), self.tls_key.clone()) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(ConfigError::TlsHalf("--tls-key")),
            (None, Some(_)) => Err(ConfigError::TlsHalf("--tls-cert")),
            (Some(cert), Some(key)) => Ok(Some(TlsConfig { listen: self.tls_listen, cert, key })),
        }
    }

    fn check_addresses(&self, tls: Option<&TlsConfig>, edge: &EdgeConfig) -> Result<(), ConfigError> {
        let tls = tls.map(|tls| ("--tls-listen", tls.listen));
        let demo = edge.demo.as_ref().map(|demo| ("--demo-listen", demo.listen));
        let always = [("--listen", self.listen), ("--metrics-listen", self.metrics_listen)];
        let mut used: Vec<(&'static str, SocketAddr)> = Vec::new();
        for (flag, address) in always.into_iter().chain(tls).chain(demo).filter(|(_, address)| address.port() != 0) {
            if let Some((other, _)) = used.iter().find(|(_, taken)| *taken == address) {
                return Err(ConfigError::SameAddress(other, flag, address));
            }
            used.push((flag, address));
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), ConfigError> {
        if !is_label(&self.namespace) {
            return Err(ConfigError::Namespace(self.namespace.clone()));
        }
        if !self.admission_key_secret.split('.').all(is_label) {
            return Err(ConfigError::Secret(self.admission_key_secret.clone()));
        }
        Ok(())
    }

    fn signal(&self) -> Result<SignalSettings, ConfigError> {
        if !(Duration::from_secs(1)..=MAX_HOLD).contains(&self.hold_timeout) {
            return Err(ConfigError::HoldTimeout);
        }
        Ok(SignalSettings {
            hold_timeout: self.hold_timeout,
            retry_pause: RETRY_PAUSE,
            silence: POD_SILENCE,
            stop_spread: STOP_SPREAD,
            max_held: at_least_one("--max-held", self.max_held)?,
            max_sockets: at_least_one("--max-sockets", self.max_sockets)?,
        })
    }
}

fn at_least_one(flag: &'static str, count: u32) -> Result<usize, ConfigError> {
    if count == 0 { Err(ConfigError::Zero(flag)) } else { Ok(count as usize) }
}

/// `500ms`, `60s`, `2m`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u32 = number.parse().map_err(|_| "expected a number and a unit, for example 60s".to_owned())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number.into())),
        "s" => Ok(Duration::from_secs(number.into())),
        "m" => Ok(Duration::from_secs(u64::from(number) * 60)),
        _ => Err("the unit must be ms, s or m, for example 60s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::fixtures::web_folder;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        router: RouterArgs,
    }

    fn check(arguments: &[&str]) -> Result<Config, String> {
        let folder = web_folder();
        let web_dir = format!("--web-dir={}", folder.path().display());
        let defaults = ["--namespace=convene-system", &web_dir];
        let is_given =
            |flag: &str| arguments.iter().any(|argument| argument.split('=').next() == flag.split('=').next());
        let line = ["router"]
            .into_iter()
            .chain(defaults.into_iter().filter(|flag| !is_given(flag)))
            .chain(arguments.iter().copied());
        let args = Arguments::try_parse_from(line).map_err(|error| error.to_string())?;
        args.router.check().map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_valid() {
        let config = check(&[]).unwrap();
        assert_eq!(config.tls, None);
        assert_eq!(config.metrics_listen.to_string(), "0.0.0.0:9090");
        assert_eq!(config.signal.hold_timeout, Duration::from_mins(1));
        assert!(config.signal.silence > Duration::from_secs(90), "above protoo's ping");
    }

    #[test]
    fn tls_needs_certificate_and_key() {
        let tls = check(&["--tls-cert=/tls/tls.crt", "--tls-key=/tls/tls.key", "--tls-listen=[::]:443"])
            .unwrap()
            .tls
            .unwrap();
        assert_eq!(tls.listen.to_string(), "[::]:443");
    }

    #[test]
    fn every_mistake_has_a_message_that_names_the_flag() {
        let cases = [
            (vec!["--tls-cert=/tls/tls.crt"], "missing: --tls-key"),
            (vec!["--tls-key=/tls/tls.key"], "missing: --tls-cert"),
            (vec!["--tls-cert=a", "--tls-key=b", "--tls-listen=0.0.0.0:8080"], "--listen and --tls-listen are both"),
            (vec!["--metrics-listen=0.0.0.0:8080"], "--listen and --metrics-listen are both"),
            (vec!["--demo-listen=0.0.0.0:9090"], "--metrics-listen and --demo-listen are both"),
            (vec!["--metrics-listen=9090"], "--metrics-listen"),
            (vec!["--namespace=Team"], "--namespace"),
            (vec!["--admission-key-secret=a/b"], "--admission-key-secret"),
            (vec!["--hold-timeout=0s"], "--hold-timeout must be"),
            (vec!["--hold-timeout=11m"], "--hold-timeout must be"),
            (vec!["--hold-timeout=5"], "unit must be ms, s or m"),
            (vec!["--hold-timeout=soon"], "for example 60s"),
            (vec!["--max-held=0"], "--max-held must be at least 1"),
            (vec!["--max-sockets=0"], "--max-sockets must be at least 1"),
            (vec!["--listen=here"], "--listen"),
            (vec!["--web-dir=/nowhere"], "--web-dir must name"),
            (vec!["--unknown"], "--unknown"),
        ];
        for (arguments, expected) in cases {
            let message = check(&arguments).unwrap_err();
            assert!(message.contains(expected), "{arguments:?}: {message}");
        }
    }
}
