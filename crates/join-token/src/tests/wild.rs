//! Property tests with arbitrary tokens.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn good_tokens() -> [String; 2] {
    [shared(json!({"name": "Ada"})), signing_key(PRIVATE.as_bytes()).sign("pair", &claims()).unwrap()]
}

proptest! {
    #[test]
    fn no_text_panics_and_none_is_valid(token in ".{0,300}") {
        prop_assert!(check(&token).is_err());
    }

    #[test]
    fn no_bytes_in_the_three_parts_panic(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>()) {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let token = [encode(&header), encode(&payload), encode(&signature)].join(".");
        prop_assert!(check(&token).is_err());
    }

    #[test]
    fn no_claims_with_a_valid_signature_panic(payload in any::<Vec<u8>>(), text in ".{0,200}") {
        let header = br#"{"alg":"HS256","kid":"shared"}"#;
        let _ = check(&sign_raw(header, &payload, SECRET));
        let _ = check(&shared(json!({"sub": text, "name": text, "meeting": text, "jti": text, "publish": [text]})));
    }

    #[test]
    fn a_valid_token_changed_anywhere_is_invalid(which in 0_usize..2, at in any::<prop::sample::Index>(), to in any::<char>()) {
        let good = &good_tokens()[which];
        let at = at.index(good.len());
        let mut changed: Vec<char> = good.chars().collect();
        prop_assume!(changed[at] != to);
        changed[at] = to;
        prop_assert!(check(&changed.into_iter().collect::<String>()).is_err());
    }

    #[test]
    fn a_valid_token_with_more_or_fewer_bytes_is_invalid(which in 0_usize..2, at in any::<prop::sample::Index>(), more in ".{1,4}") {
        let good = &good_tokens()[which];
        let at = at.index(good.len());
        let longer = format!("{}{more}{}", &good[..at], &good[at..]);
        prop_assert!(check(&longer).is_err());
        prop_assert!(check(&good[..at]).is_err());
    }

    #[test]
    fn names_that_pass_are_short_and_hold_nothing_that_controls(name in "\\PC{0,40}[\\p{Cf}\\p{Cc}]{0,5}.{0,40}") {
        if let Ok(grant) = check(&shared(json!({"name": name}))) {
            let shown = grant.participant.name.unwrap();
            prop_assert!(!shown.is_empty() && !shown.chars().any(char::is_control) && shown.trim() == shown);
            let controls = ['\u{202e}', '\u{2066}', '\u{200b}'];
            prop_assert!(!shown.contains(controls));
        }
    }
}
