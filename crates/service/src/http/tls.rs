//! Certificates of TLS listeners, read from files that are reloaded when they change. Private keys never appear in logs or errors.

use std::error::Error as _;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, crypto::ring};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use crate::files::FileChanges;

/// How often certificate files are checked.
const CHECK: Duration = Duration::from_secs(30);

/// Files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, PEM.
    pub cert: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
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
}

/// A certificate for TLS listeners; clones share it and its reloads.
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
    pub fn from_files(files: TlsFiles) -> Result<Self, CertificateError> {
        let key = read(&files)?;
        Ok(Self { current: Arc::new(Current(RwLock::new(Arc::new(key)))), files: Some(files) })
    }

    /// A certificate that is not in files and stays the same.
    pub fn fixed(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, rustls::Error> {
        let key = CertifiedKey::from_der(chain, key, &provider())?;
        Ok(Self { current: Arc::new(Current(RwLock::new(Arc::new(key)))), files: None })
    }

    /// The certificate itself, without the rest of its chain.
    pub fn leaf(&self) -> Option<CertificateDer<'static>> {
        self.current.get().cert.first().cloned()
    }

    /// The TLS acceptor for connections of these protocols (ALPN), preferred ones first.
    pub(crate) fn acceptor(&self, protocols: &[&[u8]]) -> TlsAcceptor {
        let config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows the versions of TLS that are safe");
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::clone(&self.current) as _);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    /// Reads the files; if they are invalid, the old certificate remains in use.
    pub fn reload(&self) {
        if let Some(files) = &self.files {
            self.replace(files, read(files));
        }
    }

    /// Reloads the certificate when its files change. Never returns while it has files.
    pub async fn follow(self) {
        let Some(files) = &self.files else { return };
        let mut changes = FileChanges::new(vec![files.cert.clone(), files.key.clone()], CHECK);
        loop {
            // Read again with the error that names the file.
            let _ = changes.next().await;
            self.reload();
        }
    }

    fn replace(&self, files: &TlsFiles, found: Result<CertifiedKey, CertificateError>) {
        match found {
            Ok(key) => {
                if self.current.set(key) {
                    tracing::info!(cert = ?files.cert, "reloaded the certificate");
                }
            }
            Err(error) => {
                let cause = error.source().map(ToString::to_string);
                tracing::warn!(%error, cause, "could not reload the certificate; the old one remains in use");
            }
        }
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

#[cfg(test)]
pub(crate) mod tests;
