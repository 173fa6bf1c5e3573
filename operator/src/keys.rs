//! The admission key: made once, kept in a Secret, its public half in a `ConfigMap` for the media pods.
//!
//! The chart makes both objects without data; here they are filled. Whoever comes second finds the key and uses it: the write carries the
//! resource version that was read, so two operators cannot each write a key of their own. The key is in no log and no error.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use convene_crds::names::{ADMISSION_KEY_ID, ADMISSION_KEYS_FILE, ADMISSION_PRIVATE_KEY};
use convene_protocol::admission::{AdmissionError, Signer};
use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding},
};
use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Secret},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;
use thiserror::Error;

/// What can go wrong with the admission key.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The API server did not give the Secret.
    #[error("could not read Secret {name:?}")]
    ReadSecret {
        /// Name of the Secret.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The API server did not take the new key.
    #[error("could not write a new key to Secret {name:?}")]
    WriteSecret {
        /// Name of the Secret.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// What the Secret holds is no key.
    #[error(
        "Secret {name:?} holds no Ed25519 key in PKCS#8 PEM under \"private.pem\" with its id under \"kid\": empty it to have a new one made"
    )]
    BadSecret {
        /// Name of the Secret.
        name: String,
    },
    /// The API server did not give the `ConfigMap`.
    #[error("could not read ConfigMap {name:?}")]
    ReadConfigMap {
        /// Name of the `ConfigMap`.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The API server did not take the public key.
    #[error("could not write the public key to ConfigMap {name:?}")]
    WriteConfigMap {
        /// Name of the `ConfigMap`.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The key cannot sign.
    #[error("the admission key cannot be used")]
    Unusable(#[source] AdmissionError),
    /// The key could not be written as text.
    #[error("a new key could not be written as text")]
    Encode,
}

impl KeysError {
    /// Constant for logs and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::ReadSecret { .. } => "SecretNotRead",
            Self::WriteSecret { .. } => "SecretNotWritten",
            Self::BadSecret { .. } => "SecretInvalid",
            Self::ReadConfigMap { .. } => "ConfigMapNotRead",
            Self::WriteConfigMap { .. } => "ConfigMapNotWritten",
            Self::Unusable(_) | Self::Encode => "KeyUnusable",
        }
    }
}

/// A key pair as text.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// Private key, PKCS#8 PEM.
    pub private_pem: String,
    /// Name of the key.
    pub kid: String,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KeyPair").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A key pair from 32 random bytes.
pub fn build_key_pair(seed: [u8; 32]) -> Result<KeyPair, KeysError> {
    let key = SigningKey::from_bytes(&seed);
    let private_pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeysError::Encode)?.to_string();
    // Part of the public key is as unlikely to come twice as the key.
    let kid = BASE64_URL_SAFE_NO_PAD.encode(&key.verifying_key().as_bytes()[..9]);
    Ok(KeyPair { private_pem, kid })
}

/// The JSON Web Key Set with the public half of `pair`.
pub fn build_jwks(pair: &KeyPair) -> Result<String, KeysError> {
    let unusable = |_| KeysError::Unusable(AdmissionError::SigningKey);
    let key = SigningKey::from_pkcs8_pem(&pair.private_pem).map_err(unusable)?;
    let public = BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": pair.kid, "x": public});
    Ok(json!({ "keys": [jwk] }).to_string())
}

/// Reads the key, or makes it if there is none, and sees to it that the `ConfigMap` holds its public half.
pub async fn ensure_keys(
    client: &Client,
    namespace: &str,
    secret: &str,
    config_map: &str,
) -> Result<Signer, KeysError> {
    let pair = ensure_secret(&Api::namespaced(client.clone(), namespace), secret).await?;
    ensure_config_map(&Api::namespaced(client.clone(), namespace), config_map, &pair).await?;
    Signer::from_pem(&pair.private_pem, &pair.kid).map_err(KeysError::Unusable)
}

async fn ensure_secret(api: &Api<Secret>, name: &str) -> Result<KeyPair, KeysError> {
    loop {
        let read_error = |source| KeysError::ReadSecret { name: name.to_owned(), source: Box::new(source) };
        let secret = api.get(name).await.map_err(read_error)?;
        if let Some(pair) = read_pair(name, &secret)? {
            return Ok(pair);
        }
        let pair = build_key_pair(rand::random())?;
        let patch = json!({
            "metadata": {"resourceVersion": secret.metadata.resource_version},
            "stringData": {(ADMISSION_PRIVATE_KEY): pair.private_pem, (ADMISSION_KEY_ID): pair.kid},
        });
        match api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => {
                tracing::info!(secret = name, kid = pair.kid, "made a new admission key");
                return Ok(pair);
            }
            // Somebody was faster: theirs is read.
            Err(kube::Error::Api(answer)) if answer.is_conflict() => {}
            Err(source) => return Err(KeysError::WriteSecret { name: name.to_owned(), source: Box::new(source) }),
        }
    }
}

/// `None` if there is no key yet.
fn read_pair(name: &str, secret: &Secret) -> Result<Option<KeyPair>, KeysError> {
    let bad = || KeysError::BadSecret { name: name.to_owned() };
    let empty = BTreeMap::new();
    let data: &BTreeMap<String, ByteString> = secret.data.as_ref().unwrap_or(&empty);
    let text = |key: &str| {
        data.get(key)
            .filter(|bytes| !bytes.0.is_empty())
            .map(|bytes| String::from_utf8(bytes.0.clone()).map_err(|_| bad()))
            .transpose()
    };
    match (text(ADMISSION_PRIVATE_KEY)?, text(ADMISSION_KEY_ID)?) {
        (None, None) => Ok(None),
        (Some(private_pem), Some(kid)) => {
            SigningKey::from_pkcs8_pem(&private_pem).map_err(|_| bad())?;
            Ok(Some(KeyPair { private_pem, kid: kid.trim().to_owned() }))
        }
        _ => Err(bad()),
    }
}

async fn ensure_config_map(api: &Api<ConfigMap>, name: &str, pair: &KeyPair) -> Result<(), KeysError> {
    let wanted = build_jwks(pair)?;
    let read_error = |source| KeysError::ReadConfigMap { name: name.to_owned(), source: Box::new(source) };
    let found = api.get(name).await.map_err(read_error)?;
    if found.data.as_ref().and_then(|data| data.get(ADMISSION_KEYS_FILE)) == Some(&wanted) {
        return Ok(());
    }
    let patch = json!({"data": {(ADMISSION_KEYS_FILE): wanted}});
    let written = api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await;
    written.map_err(|source| KeysError::WriteConfigMap { name: name.to_owned(), source: Box::new(source) })?;
    tracing::info!(config_map = name, kid = pair.kid, "published the public admission key");
    Ok(())
}

#[cfg(test)]
mod tests {
    use convene_protocol::admission::KeySet;

    use super::*;

    fn secret(data: &[(&str, &str)]) -> Secret {
        let data = data.iter().map(|(key, text)| ((*key).to_owned(), ByteString(text.as_bytes().to_vec()))).collect();
        Secret { data: Some(data), ..Secret::default() }
    }

    #[test]
    fn pods_trust_what_the_key_signs() {
        let pair = build_key_pair([7; 32]).unwrap();
        let signer = Signer::from_pem(&pair.private_pem, &pair.kid).unwrap();
        let keys = KeySet::from_jwks(&build_jwks(&pair).unwrap()).unwrap();
        assert_eq!(keys.verify_admin(&signer.admin(1_800_000_000).unwrap(), 1_800_000_000), Ok(()));
        let other = build_key_pair([8; 32]).unwrap();
        assert_ne!(pair.kid, other.kid);
        let stranger = Signer::from_pem(&other.private_pem, &pair.kid).unwrap().admin(1_800_000_000).unwrap();
        assert!(keys.verify_admin(&stranger, 1_800_000_000).is_err());
    }

    #[test]
    fn a_secret_is_empty_good_or_refused() {
        let pair = build_key_pair([7; 32]).unwrap();
        assert_eq!(read_pair("s", &Secret::default()).unwrap(), None);
        assert_eq!(read_pair("s", &secret(&[("private.pem", ""), ("kid", "")])).unwrap(), None);
        let good = secret(&[("private.pem", &pair.private_pem), ("kid", &pair.kid)]);
        assert_eq!(read_pair("s", &good).unwrap(), Some(pair.clone()));
        for bad in [secret(&[("private.pem", &pair.private_pem)]), secret(&[("private.pem", "x"), ("kid", "y")])] {
            let error = read_pair("s", &bad).unwrap_err();
            assert!(matches!(error, KeysError::BadSecret { .. }), "{error}");
        }
    }

    #[test]
    fn debug_output_shows_no_key() {
        let pair = build_key_pair([7; 32]).unwrap();
        assert!(!format!("{pair:?}").contains("PRIVATE"));
    }
}
