//! Certificates: read from files that may change while they serve, or made by the pod for itself.

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

use crate::config::TlsFiles;

/// How often certificate files are looked at.
const CHECK: Duration = Duration::from_secs(30);
/// How long a certificate is good that the pod makes for itself: what browsers take at most.
const LIFETIME: Duration = Duration::from_hours(397 * 24);
/// Clocks differ.
const SKEW: Duration = Duration::from_hours(24);

/// Why there is no certificate to serve with.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {file:?}")]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The chain cannot be used.
    #[error("{file:?} holds no certificate chain in PEM: {problem}")]
    Chain {
        /// Which.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The key cannot be used.
    #[error("{file:?} holds no private key in PEM: {problem}")]
    Key {
        /// Which.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// They do not fit together.
    #[error("cannot use the certificate {cert:?} with the key {key:?}")]
    Pair {
        /// Certificate file.
        cert: PathBuf,
        /// Key file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate for {names:?}")]
    Make {
        /// For whom.
        names: Vec<String>,
        /// Why.
        source: rcgen::Error,
    },
    /// A certificate was made and cannot be used.
    #[error("cannot use the certificate that was made")]
    Made(#[source] rustls::Error),
}

/// A certificate that is served with; clones share it and its changes.
#[derive(Clone, Debug)]
pub struct Certificate {
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

    /// Whether it is another one than before.
    fn set(&self, key: CertifiedKey) -> bool {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = current.cert != key.cert;
        *current = Arc::new(key);
        is_new
    }
}

impl Certificate {
    /// Reads chain and key.
    pub fn from_files(files: TlsFiles) -> Result<Self, CertificateError> {
        let key = read(&files)?;
        Ok(Self { current: Arc::new(Current(RwLock::new(Arc::new(key)))), files: Some(files) })
    }

    /// Makes one for this machine and the names and addresses given, signed by itself.
    pub fn self_signed(announced: &[String]) -> Result<Self, CertificateError> {
        let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        names.extend(
            announced.iter().filter(|name| !["localhost", "127.0.0.1", "::1"].contains(&name.as_str())).cloned(),
        );
        let (chain, key) = make(&names).map_err(|source| CertificateError::Make { names, source })?;
        let key = CertifiedKey::from_der(vec![chain], key, &provider()).map_err(CertificateError::Made)?;
        Ok(Self { current: Arc::new(Current(RwLock::new(Arc::new(key)))), files: None })
    }

    /// Whether the pod has made it itself.
    pub fn is_self_signed(&self) -> bool {
        self.files.is_none()
    }

    /// SHA-256 of the certificate, as browsers show it.
    pub fn fingerprint(&self) -> String {
        let key = self.current.get();
        let digest = Sha256::digest(key.cert.first().map_or(&[][..], |certificate| certificate.as_ref()));
        digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// What makes TLS of a connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows the versions of TLS that are safe");
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::clone(&self.current) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Takes over what the files hold now; what cannot be used leaves the old certificate in use.
    fn reload(&self) {
        let Some(files) = &self.files else { return };
        match read(files) {
            Ok(key) => {
                if self.current.set(key) {
                    tracing::info!(cert = ?files.cert, "the certificate has changed");
                }
            }
            Err(error) => tracing::warn!(%error, "the changed certificate is not used"),
        }
    }
}

/// Looks after the certificate's files for as long as it runs.
pub async fn keep(certificate: Certificate) {
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
        return Err(bad_chain("there is none".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&bytes(key)?)
        .map_err(|error| CertificateError::Key { file: key.clone(), problem: error.to_string() })?;
    CertifiedKey::from_der(chain, private, &provider()).map_err(|source| CertificateError::Pair {
        cert: cert.clone(),
        key: key.clone(),
        source,
    })
}

fn make(names: &[String]) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
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
