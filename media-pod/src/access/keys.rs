//! Public keys of trusted token issuers, reloaded when their file changes.
//!
//! Routers have theirs from a Secret that they watch, so only the media pod follows a file. It verifies no token itself. The contents of the file never appear in the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use convene_protocol::admission::{AdmissionError, KeySet};
use convene_service::files::FileChanges;
use thiserror::Error;

/// How often the file is read.
const POLL: Duration = Duration::from_secs(2);

/// The keys could not be loaded.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The file is not readable.
    #[error("could not read the admission keys {file:?}")]
    Read {
        /// The file.
        file: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The file contains no valid key set.
    #[error("could not load the admission keys {file:?}")]
    Unusable {
        /// The file.
        file: PathBuf,
        /// Cause.
        source: AdmissionError,
    },
}

impl KeysError {
    /// A short constant for metric labels and logs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "KeysUnreadable",
            Self::Unusable { source, .. } => source.reason(),
        }
    }
}

/// The currently trusted keys; clones share them and their changes.
#[derive(Clone, Debug)]
pub struct TrustedKeys(Arc<ArcSwap<KeySet>>);

impl TrustedKeys {
    /// A fixed set of keys.
    pub fn new(keys: KeySet) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(keys)))
    }

    /// Loads keys from a file.
    pub fn from_file(file: &Path) -> Result<Self, KeysError> {
        keys_in(file, std::fs::read_to_string(file)).map(Self::new)
    }

    /// The current keys.
    pub(crate) fn get(&self) -> Arc<KeySet> {
        self.0.load_full()
    }

    /// Reloads the keys whenever the file changes; never returns. If the file is invalid, the old keys remain in use, which is logged once.
    pub async fn follow(self, file: PathBuf) {
        let mut changes = FileChanges::new(vec![file.clone()], POLL);
        let mut is_first = true;
        loop {
            let found = changes.next().await.map(|contents| contents.concat());
            let text = found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            self.apply(keys_in(&file, text), is_first);
            is_first = false;
        }
    }

    fn apply(&self, found: Result<KeySet, KeysError>, is_first: bool) {
        match found {
            Ok(keys) => {
                if !is_first {
                    tracing::info!(?keys, "reloaded the admission keys");
                }
                self.0.store(Arc::new(keys));
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(reason = error.reason(), %error, cause, "could not reload the admission keys; the old ones remain in use");
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

    const JWKS: &str = include_str!("../../../crates/protocol/tests/data/admission-test-jwks.json");

    #[test]
    fn an_invalid_file_leaves_the_old_keys_in_use() {
        let file = Path::new("jwks.json");
        let keys = TrustedKeys::new(KeySet::from_jwks(JWKS).unwrap());
        let shown = format!("{:?}", keys.get());
        for broken in [Ok(String::new()), Ok("{}".into()), Err(std::io::Error::from(std::io::ErrorKind::NotFound))] {
            keys.apply(keys_in(file, broken), false);
            assert_eq!(format!("{:?}", keys.get()), shown);
        }
        keys.apply(keys_in(file, Ok(JWKS.replace("\"test\"", "\"newer\""))), false);
        assert_eq!(format!("{:?}", keys.get()), r#"{"newer"}"#);
    }

    #[test]
    fn a_file_without_keys_is_named() {
        let error = keys_in(Path::new("jwks.json"), Ok("{}".into())).unwrap_err();
        assert_eq!(error.to_string(), r#"could not load the admission keys "jwks.json""#);
        assert_eq!(error.reason(), "KeySetInvalid");
        assert_eq!(TrustedKeys::from_file(Path::new("/no/such/file")).unwrap_err().reason(), "KeysUnreadable");
    }
}
