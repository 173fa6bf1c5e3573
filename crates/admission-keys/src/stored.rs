//! The contents of the Secret: the current key, the next one during a rotation, and a record of the rotation.
//!
//! Pure. Routers read the current key, so its entries never move. The record is an entry of the Secret as well and contains nothing secret;
//! if it is invalid or about other keys, it is replaced.

use base64::{Engine, prelude::BASE64_STANDARD};
use convene_crds::names::{ADMISSION_KEY_ID, ADMISSION_PRIVATE_KEY};
use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::KeyFormatError,
    pair::{KeyPair, PublicKey, build_key_set},
};

/// Entry with the next private key.
const NEXT_PRIVATE_KEY: &str = "next.pem";
/// Entry with the record.
const RECORD: &str = "rotation.json";

/// The contents of the Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The key that signs.
    pub current: Option<KeyPair>,
    /// The key that will sign once all pods trust it.
    pub next: Option<KeyPair>,
    /// Record of the rotation.
    pub record: Record,
}

/// Record of the rotation: names of keys and times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Record {
    /// The key that signs.
    pub current: Option<Current>,
    /// The key that will sign next.
    pub next: Option<Next>,
    /// Keys that no longer sign and are still trusted for a while.
    pub retired: Vec<Retired>,
}

/// The current key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Current {
    /// Name of the key.
    pub kid: String,
    /// Time at which it started to sign, as far as the operator knows.
    pub since: Timestamp,
}

/// The next key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Next {
    /// Name of the key.
    pub kid: String,
    /// Time at which its public key was published in the `ConfigMap`, once known.
    pub published: Option<Timestamp>,
}

/// A retired key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retired {
    /// Its public key; the private key is deleted.
    #[serde(flatten)]
    pub key: PublicKey,
    /// Time at which it stopped signing.
    pub since: Timestamp,
}

impl Stored {
    /// Reads `secret`. An invalid current key is an error, since an administrator may have created it; other invalid entries are ignored.
    pub fn read(name: &str, secret: &Secret) -> Result<Self, KeyFormatError> {
        let bad = || KeyFormatError::BadSecret { name: name.to_owned() };
        let text = |key: &str| text(secret, key).map(|text| text.map_err(|_| bad())).transpose();
        let current = match (text(ADMISSION_PRIVATE_KEY)?, text(ADMISSION_KEY_ID)?) {
            (None, None) => None,
            (Some(private_pem), Some(kid)) => Some(KeyPair { private_pem, kid: kid.trim().to_owned() }),
            _ => return Err(bad()),
        };
        if current.as_ref().is_some_and(|pair| !pair.is_sound()) {
            return Err(bad());
        }
        let record: Record =
            text(RECORD).ok().flatten().and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
        let next = text(NEXT_PRIVATE_KEY).ok().flatten().zip(record.next.as_ref());
        let next = next.map(|(private_pem, next)| KeyPair { private_pem, kid: next.kid.clone() });
        Ok(Self { current, next: next.filter(KeyPair::is_sound), record })
    }

    /// The merge patch that writes these contents, if the Secret has not changed since `version`.
    pub fn build_patch(&self, version: Option<&str>) -> Value {
        let encode = |text: &str| BASE64_STANDARD.encode(text);
        let record = serde_json::to_string(&self.record).expect("a record has nothing that JSON could not hold");
        let current = self.current.as_ref();
        json!({
            "metadata": {"resourceVersion": version},
            "data": {
                (ADMISSION_PRIVATE_KEY): current.map(|pair| encode(&pair.private_pem)),
                (ADMISSION_KEY_ID): current.map(|pair| encode(&pair.kid)),
                (NEXT_PRIVATE_KEY): self.next.as_ref().map(|pair| encode(&pair.private_pem)),
                (RECORD): encode(&record),
            },
        })
    }

    /// The key set of the current, next and retired keys.
    pub fn build_key_set(&self) -> Result<String, KeyFormatError> {
        let pairs = self.current.iter().chain(&self.next);
        let mut keys = pairs.map(KeyPair::public).collect::<Result<Vec<_>, _>>()?;
        keys.extend(self.record.retired.iter().map(|retired| retired.key.clone()));
        Ok(build_key_set(keys))
    }

    /// The first key, or a new one after the Secret was emptied: earlier keys are no longer trusted.
    pub fn start(pair: KeyPair, now: Timestamp) -> Self {
        let current = Some(Current { kid: pair.kid.clone(), since: now });
        Self { current: Some(pair), next: None, record: Record { current, ..Record::default() } }
    }

    /// With `pair` as the next key, which is not published yet.
    #[must_use]
    pub fn with_next(mut self, pair: KeyPair) -> Self {
        self.record.next = Some(Next { kid: pair.kid.clone(), published: None });
        self.next = Some(pair);
        self
    }

    /// With the next key published since `published`.
    #[must_use]
    pub fn with_next_published(mut self, published: Option<Timestamp>) -> Self {
        if let Some(next) = &mut self.record.next {
            next.published = published;
        }
        self
    }

    /// With the next key as the current one.
    pub fn promote(mut self, now: Timestamp) -> Result<Self, KeyFormatError> {
        let Some(next) = self.next.take() else { return Ok(self) };
        if let Some(old) = &self.current {
            self.record.retired.push(Retired { key: old.public()?, since: now });
        }
        self.record.current = Some(Current { kid: next.kid.clone(), since: now });
        self.record.next = None;
        self.current = Some(next);
        Ok(self)
    }
}

fn text(secret: &Secret, key: &str) -> Option<Result<String, std::string::FromUtf8Error>> {
    let ByteString(bytes) = secret.data.as_ref()?.get(key)?;
    (!bytes.is_empty()).then(|| String::from_utf8(bytes.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_key_pair;

    fn pair(seed: u8) -> KeyPair {
        build_key_pair([seed; 32]).unwrap()
    }

    fn secret(data: &[(&str, &str)]) -> Secret {
        let data = data.iter().map(|(key, text)| ((*key).to_owned(), ByteString(text.as_bytes().to_vec()))).collect();
        Secret { data: Some(data), ..Secret::default() }
    }

    fn read(secret: &Secret) -> Stored {
        Stored::read("s", secret).unwrap()
    }

    #[test]
    fn a_secret_is_empty_valid_or_refused() {
        let pair = pair(7);
        assert_eq!(read(&Secret::default()), Stored::default());
        assert_eq!(read(&secret(&[("private.pem", ""), ("kid", "")])), Stored::default());
        let good = secret(&[("private.pem", &pair.private_pem), ("kid", &pair.kid)]);
        assert_eq!(read(&good).current, Some(pair.clone()));
        for bad in [
            secret(&[("private.pem", &pair.private_pem)]),
            secret(&[("private.pem", "x"), ("kid", "y")]),
            secret(&[("private.pem", &pair.private_pem), ("kid", " ")]),
        ] {
            let error = Stored::read("s", &bad).unwrap_err();
            assert!(matches!(error, KeyFormatError::BadSecret { .. }), "{error}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let stored = Stored::start(pair(1), now).with_next(pair(2)).promote(now).unwrap().with_next(pair(3));
        for stored in [stored.clone().with_next_published(Some(now)), stored, Stored::start(pair(1), now)] {
            let patch = stored.build_patch(Some("5"));
            assert_eq!(patch["metadata"], json!({"resourceVersion": "5"}));
            assert_eq!(read(&serde_json::from_value(patch_to_secret(patch)).unwrap()), stored);
        }
    }

    fn patch_to_secret(mut patch: Value) -> Value {
        patch["data"].as_object_mut().unwrap().retain(|_, value| !value.is_null());
        json!({"data": patch["data"]})
    }

    #[test]
    fn what_is_the_operators_own_and_broken_is_as_if_it_were_not_there() {
        let (current, next) = (pair(1), pair(2));
        let key = [("private.pem", current.private_pem.as_str()), ("kid", &current.kid)];
        let record = format!(r#"{{"next":{{"kid":"{}"}}}}"#, next.kid);
        let whole = [&key[..], &[("next.pem", &next.private_pem), ("rotation.json", &record)]].concat();
        assert_eq!(read(&secret(&whole)).next, Some(next.clone()));
        for broken in [
            [("next.pem", next.private_pem.as_str()), ("rotation.json", "no JSON")],
            [("next.pem", "no key"), ("rotation.json", &record)],
            [("next.pem", ""), ("rotation.json", &record)],
            [("next.pem", &next.private_pem), ("rotation.json", r#"{"retired":[{"kid":"a"}]}"#)],
        ] {
            let stored = read(&secret(&[&key[..], &broken].concat()));
            assert_eq!((stored.current.as_ref(), stored.next), (Some(&current), None), "{broken:?}");
        }
    }

    #[test]
    fn debug_output_and_record_show_no_private_key() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let stored = Stored::start(pair(1), now).with_next(pair(2)).promote(now).unwrap().with_next(pair(3));
        assert!(!format!("{stored:?}").contains("PRIVATE"));
        assert!(!serde_json::to_string(&stored.record).unwrap().contains("PRIVATE"));
    }
}
