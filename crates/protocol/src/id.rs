//! Ids of 128 bits, written as 32 hexadecimal digits: random ones, and hashes. Pure; callers bring the randomness.

/// Digits of an id.
const DIGITS: usize = 32;

/// The id with these bits, in lower case.
pub fn format_id(bits: u128) -> String {
    format!("{bits:032x}")
}

/// Whether `text` could have been written by [`format_id`].
pub fn is_id(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

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
