//! Any bytes as the claims of a token whose signature is right: what a router could say, whatever its version.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use convene_protocol::admission::{AdmissionError, CLOCK_SKEW_SECONDS, KeySet, POD_AUDIENCE};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NOW: u64 = 1_800_000_000;
const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT","kid":"test"}"#;
static KEYS: LazyLock<(EncodingKey, KeySet)> = LazyLock::new(|| {
    let pem = include_bytes!("../../crates/protocol/tests/data/admission-test-key.pem");
    let jwks = include_str!("../../crates/protocol/tests/data/admission-test-jwks.json");
    let signing = EncodingKey::from_ed_pem(pem).expect("the test's key is one");
    (signing, KeySet::from_jwks(jwks).expect("the test's key set is one"))
});

fuzz_target!(|claims: &[u8]| {
    let (signing, keys) = &*KEYS;
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims));
    let signature = crypto::sign(signed.as_bytes(), signing, Algorithm::EdDSA).expect("Ed25519 signs anything");
    let token = format!("{signed}.{signature}");
    let admin = keys.verify_admin(&token, NOW);
    match keys.verify_admission(&token, NOW) {
        Ok(_) => {
            assert!(admin.is_err(), "a token is valid for one purpose");
            let claims: Value = serde_json::from_slice(claims).expect("accepted claims are JSON");
            assert_eq!(claims["aud"], POD_AUDIENCE);
            assert!(claims["participant"]["hidden"] != true || claims["participant"]["recorder"] != true);
            assert!(claims["exp"].as_u64().is_some_and(|end| end.saturating_add(CLOCK_SKEW_SECONDS) > NOW));
        }
        Err(error) => {
            use AdmissionError::{Expired, HiddenRecords, Invalid, Malformed};
            assert!(matches!(error, Expired | HiddenRecords | Invalid | Malformed), "{error}");
        }
    }
});
