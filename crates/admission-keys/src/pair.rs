//! Key pairs as text, public keys and key sets.
//!
//! Pure: the caller provides the randomness. The private key is in no `Debug` output.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use convene_protocol::admission::AdmissionError;
use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::KeyFormatError;

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

/// The public key of a key pair.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PublicKey {
    /// Name of the key.
    pub kid: String,
    /// The key, as in the `x` member of a JWK.
    pub x: String,
}

impl KeyPair {
    /// The public key.
    pub fn public(&self) -> Result<PublicKey, KeyFormatError> {
        let unusable = |_| KeyFormatError::Unusable(AdmissionError::SigningKey);
        let key = SigningKey::from_pkcs8_pem(&self.private_pem).map_err(unusable)?;
        let x = BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        Ok(PublicKey { kid: self.kid.clone(), x })
    }

    /// Whether the key pair has a name and a valid private key.
    pub(crate) fn is_sound(&self) -> bool {
        !self.kid.is_empty() && self.public().is_ok()
    }
}

/// Creates a key pair from 32 random bytes.
pub fn build_key_pair(seed: [u8; 32]) -> Result<KeyPair, KeyFormatError> {
    let key = SigningKey::from_bytes(&seed);
    let private_pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyFormatError::Encode)?.to_string();
    // A part of the public key is long enough to be unique.
    let kid = BASE64_URL_SAFE_NO_PAD.encode(&key.verifying_key().as_bytes()[..9]);
    Ok(KeyPair { private_pem, kid })
}

/// The JSON Web Key Set with the public key of `pair`.
pub fn build_jwks(pair: &KeyPair) -> Result<String, KeyFormatError> {
    Ok(build_key_set(vec![pair.public()?]))
}

/// The JSON Web Key Set of `keys`, independent of their order.
pub(crate) fn build_key_set(mut keys: Vec<PublicKey>) -> String {
    keys.sort();
    keys.dedup();
    let jwk = |key: &PublicKey| json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.kid, "x": key.x});
    json!({ "keys": keys.iter().map(jwk).collect::<Vec<_>>() }).to_string()
}

/// Whether the key set `jwks` contains `key`.
pub fn holds_key(jwks: &str, key: &PublicKey) -> bool {
    let Ok(set) = serde_json::from_str::<Value>(jwks) else { return false };
    let mut keys = set["keys"].as_array().into_iter().flatten();
    keys.any(|jwk| jwk["kid"] == key.kid && jwk["x"] == key.x)
}

#[cfg(test)]
#[cfg(feature = "verify")]
mod tests {
    use convene_protocol::admission::{KeySet, Signer};

    use super::*;

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
    fn a_key_set_is_the_same_text_in_any_order_and_knows_its_keys() {
        let [one, two, three] = [1, 2, 3].map(|seed| build_key_pair([seed; 32]).unwrap().public().unwrap());
        let set = build_key_set(vec![one.clone(), two.clone()]);
        assert_eq!(set, build_key_set(vec![two.clone(), one.clone(), two.clone()]));
        assert!(holds_key(&set, &one) && holds_key(&set, &two) && !holds_key(&set, &three));
        assert!(!holds_key(&set, &PublicKey { kid: one.kid, x: two.x }));
        assert!(!holds_key("{}", &three) && !holds_key("no JSON", &three));
    }

    #[test]
    fn debug_output_shows_no_key() {
        let pair = build_key_pair([7; 32]).unwrap();
        assert!(!format!("{pair:?}").contains("PRIVATE"));
    }
}
