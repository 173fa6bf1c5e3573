//! Self-signed certificates, created at the start. They are never stored.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use convene_service::http::tls::Certificate;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;

/// Validity of a self-signed certificate: the longest that browsers accept.
const LIFETIME: Duration = Duration::from_hours(397 * 24);
/// Tolerance for clocks that differ.
const SKEW: Duration = Duration::from_hours(24);

/// A self-signed certificate could not be created.
#[derive(Debug, Error)]
pub enum SelfSignedError {
    /// It could not be created.
    #[error("could not create a certificate for {names:?}")]
    Create {
        /// Names and addresses in it.
        names: Vec<String>,
        /// Cause.
        source: rcgen::Error,
    },
    /// It was created and is not usable.
    #[error("could not use the self-signed certificate")]
    Unusable(#[source] rustls::Error),
}

/// Creates a certificate for these names and addresses.
pub(super) fn create(names: Vec<String>) -> Result<Certificate, SelfSignedError> {
    let (chain, key) = generate(&names).map_err(|source| SelfSignedError::Create { names, source })?;
    Certificate::fixed(vec![chain], key).map_err(SelfSignedError::Unusable)
}

fn generate(names: &[String]) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
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
