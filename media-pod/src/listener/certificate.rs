//! TLS certificates: read from files that are reloaded when they change, or self-signed. Private keys never appear in logs or errors.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, crypto::ring};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;

/// How often certificate files are checked.
const CHECK: Duration = Duration::from_secs(30);
/// Validity of a self-signed certificate: the longest that browsers accept.
const LIFETIME: Duration = Duration::from_hours(397 * 24);
/// Tolerance for clocks that differ.
const SKEW: Duration = Duration::from_hours(24);

/// Files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The chain, PEM.
    pub(crate) cert: PathBuf,
    /// The private key, PEM.
    pub(crate) key: PathBuf,
}

/// A certificate could not be loaded or created.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file is not readable.
    #[error("could not read {file:?}")]
    Read {
        /// The file.
        file: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The chain is invalid.
    #[error("{file:?} contains no valid certificate chain in PEM: {problem}")]
    Chain {
        /// The file.
        file: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The key is invalid.
    #[error("{file:?} contains no valid private key in PEM: {problem}")]
    Key {
        /// The file.
        file: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The key does not match the certificate.
    #[error("could not use the certificate {cert:?} with the key {key:?}")]
    Pair {
        /// Certificate file.
        cert: PathBuf,
        /// Key file.
        key: PathBuf,
        /// Cause.
        source: rustls::Error,
    },
    /// A self-signed certificate could not be created.
    #[error("could not create a certificate for {names:?}")]
    Create {
        /// Names and addresses in it.
        names: Vec<String>,
        /// Cause.
        source: rcgen::Error,
    },
    /// A self-signed certificate was created and is not usable.
    #[error("could not use the self-signed certificate")]
    SelfSigned(#[source] rustls::Error),
}

/// A certificate for TLS listeners; clones share it and its reloads.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    current: Arc<Current>,
    files: Option<TlsFiles>,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

impl Current {
    fn get(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the certificate; returns whether it differed.
    fn set(&self, key: CertifiedKey) -> bool {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = current.cert != key.cert;
        *current = Arc::new(key);
        is_new
    }
}

impl Certificate {
    /// Loads chain and key from files.
    pub(crate) fn from_files(files: TlsFiles) -> Result<Self, CertificateError> {
        let key = read(&files)?;
        Ok(Self { current: Arc::new(Current(RwLock::new(Arc::new(key)))), files: Some(files) })
    }

    /// Creates a self-signed certificate for this machine and the given names and addresses.
    pub(crate) fn self_signed(announced: &[String]) -> Result<Self, CertificateError> {
        let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        names.extend(
            announced.iter().filter(|name| !["localhost", "127.0.0.1", "::1"].contains(&name.as_str())).cloned(),
        );
        let (chain, key) = create(&names).map_err(|source| CertificateError::Create { names, source })?;
        let key = CertifiedKey::from_der(vec![chain], key, &provider()).map_err(CertificateError::SelfSigned)?;
        Ok(Self { current: Arc::new(Current(RwLock::new(Arc::new(key)))), files: None })
    }

    /// Whether it was created by this process.
    pub(crate) fn is_self_signed(&self) -> bool {
        self.files.is_none()
    }

    /// SHA-256 fingerprint, as browsers show it.
    pub(crate) fn fingerprint(&self) -> String {
        let key = self.current.get();
        let digest = Sha256::digest(key.cert.first().map_or(&[][..], |certificate| certificate.as_ref()));
        digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// The TLS acceptor for connections.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows the versions of TLS that are safe");
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::clone(&self.current) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Reloads the files; if they are invalid, the old certificate remains in use.
    fn reload(&self) {
        let Some(files) = &self.files else { return };
        match read(files) {
            Ok(key) => {
                if self.current.set(key) {
                    tracing::info!(cert = ?files.cert, "reloaded the certificate");
                }
            }
            Err(error) => tracing::warn!(%error, "could not reload the certificate; the old one remains in use"),
        }
    }
}

/// Reloads the certificate when its files change. Never returns while it has files.
pub(crate) async fn follow(certificate: Certificate) {
    let mut ticks = interval(CHECK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while certificate.files.is_some() {
        ticks.tick().await;
        let certificate = certificate.clone();
        let _ = tokio::task::spawn_blocking(move || certificate.reload()).await;
    }
}

fn provider() -> CryptoProvider {
    ring::default_provider()
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, CertificateError> {
    let TlsFiles { cert, key } = files;
    let bytes =
        |file: &PathBuf| std::fs::read(file).map_err(|source| CertificateError::Read { file: file.clone(), source });
    let chain = CertificateDer::pem_slice_iter(&bytes(cert)?).collect::<Result<Vec<_>, _>>();
    let bad_chain = |problem| CertificateError::Chain { file: cert.clone(), problem };
    let chain = chain.map_err(|error| bad_chain(error.to_string()))?;
    if chain.is_empty() {
        return Err(bad_chain("it is empty".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&bytes(key)?)
        .map_err(|error| CertificateError::Key { file: key.clone(), problem: error.to_string() })?;
    CertifiedKey::from_der(chain, private, &provider()).map_err(|source| CertificateError::Pair {
        cert: cert.clone(),
        key: key.clone(),
        source,
    })
}

fn create(names: &[String]) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Convene media pod");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(SKEW);
    params.not_after = epoch + now + LIFETIME.saturating_sub(SKEW);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into()))
}

#[cfg(test)]
mod tests;
