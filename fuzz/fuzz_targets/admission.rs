//! Any bytes as a token, and any as a key set: with a line end in them, what is before it is the key set.
#![no_main]

use std::sync::LazyLock;

use convene_protocol::admission::{AdmissionError, KeySet};
use libfuzzer_sys::fuzz_target;

const NOW: u64 = 1_800_000_000;
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let jwks = include_str!("../../crates/protocol/tests/data/admission-test-jwks.json");
    KeySet::from_jwks(jwks).expect("the test's key set is one")
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.split_once('\n') {
        None => verify(&KEYS, text),
        Some((jwks, token)) => match KeySet::from_jwks(jwks) {
            Ok(keys) => verify(&keys, token),
            Err(error) => assert_eq!(error, AdmissionError::KeySet),
        },
    }
});

fn verify(keys: &KeySet, token: &str) {
    let admission = keys.verify_admission(token, NOW);
    let admin = keys.verify_admin(token, NOW);
    assert!(admission.is_err() || admin.is_err(), "a token is valid for one purpose");
    for error in [admission.err(), admin.err()].into_iter().flatten() {
        assert!(!matches!(error, AdmissionError::SigningKey | AdmissionError::KeySet), "{error}");
    }
}
