//! The keys of those who are trusted: read from a file that may change while they are in use.
//!
//! It verifies nothing itself. Contents of the file never reach the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use convene_protocol::admission::{AdmissionError, KeySet};
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval};

/// How often the file is looked at. A mounted `ConfigMap` changes by a swapped link, so its contents are compared.
const CHECK: Duration = Duration::from_secs(2);

/// Why the file's keys cannot be used.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("cannot read the admission keys {file:?}")]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no key in it.
    #[error("the admission keys {file:?} cannot be used")]
    Unusable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: AdmissionError,
    },
}

impl KeysError {
    /// A short constant for metric labels and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "KeysUnreadable",
            Self::Unusable { source, .. } => source.reason(),
        }
    }
}

/// The keys that are trusted at the moment; clones share them and their changes.
#[derive(Clone, Debug)]
pub struct TrustedKeys(Arc<ArcSwap<KeySet>>);

impl TrustedKeys {
    /// These, until others are set.
    pub fn new(keys: KeySet) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(keys)))
    }

    /// Those of a file.
    pub fn from_file(file: &Path) -> Result<Self, KeysError> {
        keys_in(file, std::fs::read_to_string(file)).map(Self::new)
    }

    /// The keys now.
    pub fn get(&self) -> Arc<KeySet> {
        self.0.load_full()
    }

    /// Takes over what the file holds, for as long as this runs. What cannot be used leaves the old keys in use, and is said once.
    pub async fn follow(self, file: PathBuf) {
        let mut ticks = interval(CHECK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = None;
        loop {
            ticks.tick().await;
            let found = tokio::fs::read_to_string(&file).await;
            let text = found.as_ref().ok().cloned();
            if seen.as_ref() == Some(&text) {
                continue;
            }
            let is_first = seen.replace(text).is_none();
            self.take_over(keys_in(&file, found), is_first);
        }
    }

    fn take_over(&self, found: Result<KeySet, KeysError>, is_first: bool) {
        match found {
            Ok(keys) => {
                if !is_first {
                    tracing::info!(?keys, "the admission keys have changed");
                }
                self.0.store(Arc::new(keys));
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(reason = error.reason(), %error, cause, "the admission keys stay as they were");
            }
        }
    }
}

fn keys_in(file: &Path, found: std::io::Result<String>) -> Result<KeySet, KeysError> {
    let text = found.map_err(|source| KeysError::Read { file: file.to_owned(), source })?;
    KeySet::from_jwks(&text).map_err(|source| KeysError::Unusable { file: file.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWKS: &str = include_str!("../../crates/protocol/tests/data/admission-test-jwks.json");

    #[test]
    fn what_cannot_be_used_leaves_the_old_keys_in_use() {
        let file = Path::new("jwks.json");
        let keys = TrustedKeys::new(KeySet::from_jwks(JWKS).unwrap());
        let shown = format!("{:?}", keys.get());
        for broken in [Ok(String::new()), Ok("{}".into()), Err(std::io::Error::from(std::io::ErrorKind::NotFound))] {
            keys.take_over(keys_in(file, broken), false);
            assert_eq!(format!("{:?}", keys.get()), shown);
        }
        keys.take_over(keys_in(file, Ok(JWKS.replace("\"test\"", "\"newer\""))), false);
        assert_eq!(format!("{:?}", keys.get()), r#"{"newer"}"#);
    }

    #[test]
    fn a_file_without_keys_is_named() {
        let error = keys_in(Path::new("jwks.json"), Ok("{}".into())).unwrap_err();
        assert_eq!(error.to_string(), r#"the admission keys "jwks.json" cannot be used"#);
        assert_eq!(error.reason(), "KeySetInvalid");
        assert_eq!(TrustedKeys::from_file(Path::new("/no/such/file")).unwrap_err().reason(), "KeysUnreadable");
    }
}
