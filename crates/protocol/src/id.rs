//! Ids of 128 bits, written as 32 hexadecimal digits: random ones, and hashes. And the ids that clients choose. Pure; callers bring the
//! randomness.

/// Digits of an id.
const DIGITS: usize = 32;
/// Longest peerId, in characters.
const MAX_PEER_ID: usize = 64;

/// The id with these bits, in lower case.
pub fn format_id(bits: u128) -> String {
    format!("{bits:032x}")
}

/// Whether `text` could have been written by [`format_id`].
pub fn is_id(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether `text` is a peerId: 1 to 64 letters, digits, `-`, `_`, `.`, `@` or `:`.
pub fn is_peer_id(text: &str) -> bool {
    let is_allowed =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '@' | ':');
    (1..=MAX_PEER_ID).contains(&text.len()) && text.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_ids_are_short_and_plain() {
        for good in ["abcdefgh", "a", "Peer-1_x.y", "me@example.org", &"x".repeat(64)] {
            assert!(is_peer_id(good), "{good}");
        }
        for bad in ["", "a b", "é", "a/b", "\n", &"x".repeat(65)] {
            assert!(!is_peer_id(bad), "{bad:?}");
        }
    }

    #[test]
    fn ids_have_32_lower_case_digits() {
        for (bits, text) in
            [(0, "0".repeat(32)), (0xab << 120, format!("ab{}", "0".repeat(30))), (u128::MAX, "f".repeat(32))]
        {
            assert_eq!(format_id(bits), text);
            assert!(is_id(&text));
        }
        for wrong in ["", "abc", &"0".repeat(31), &"0".repeat(33), &"A".repeat(32), &"g".repeat(32), &"é".repeat(16)] {
            assert!(!is_id(wrong), "{wrong}");
        }
    }
}
