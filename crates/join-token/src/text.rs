//! Identities and display names in tokens: identities with invisible characters are refused, names are sanitized.
//!
//! Two identities must not differ only in invisible characters, and a name must not change the direction of the text around it. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_protocol::text::clean_line;
use thiserror::Error;

/// Maximum number of characters of an identity or name.
pub(crate) const MAX_TEXT_CHARS: usize = 200;

/// Reasons an identity or name is invalid.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TextProblem {
    /// It has no visible characters.
    #[error("it is empty")]
    Empty,
    /// It is too long.
    #[error("it has more than {MAX_TEXT_CHARS} characters")]
    TooLong,
    /// It contains control characters, line breaks, or characters that are invisible or change the text direction.
    #[error("it contains invisible or control characters")]
    Unseen,
    /// It starts or ends with whitespace.
    #[error("it starts or ends with whitespace")]
    Edges,
}

/// Checks that `text` is a valid identity.
pub(super) fn check_identity(text: &str) -> Result<(), TextProblem> {
    check_length(text)?;
    if text.chars().any(|letter| is_unseen(letter) || is_joiner(letter)) {
        return Err(TextProblem::Unseen);
    }
    if text.trim() == text { Ok(()) } else { Err(TextProblem::Edges) }
}

/// Sanitizes a display name: removes invisible characters and collapses whitespace.
pub(super) fn clean_name(text: &str) -> Result<String, TextProblem> {
    check_length(text)?;
    let clean = clean_line(text);
    if clean.is_empty() { Err(TextProblem::Empty) } else { Ok(clean) }
}

fn check_length(text: &str) -> Result<(), TextProblem> {
    match text.chars().take(MAX_TEXT_CHARS + 1).count() {
        0 => Err(TextProblem::Empty),
        1..=MAX_TEXT_CHARS => Ok(()),
        _ => Err(TextProblem::TooLong),
    }
}

/// Joiners are needed in some scripts and in emoji.
fn is_joiner(letter: char) -> bool {
    matches!(letter, '\u{200c}' | '\u{200d}')
}

/// Control characters, and format characters that hide, reorder or tag.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_plain_or_refused() {
        for good in ["ada", "user:42", "Ada Lovelace", "ädä@example.org", "名前", "x", &"é".repeat(200)] {
            assert_eq!(check_identity(good), Ok(()), "{good:?}");
        }
        let cases = [
            ("", TextProblem::Empty),
            (&"a".repeat(201), TextProblem::TooLong),
            ("a\0", TextProblem::Unseen),
            ("a\nb", TextProblem::Unseen),
            ("a\u{7f}", TextProblem::Unseen),
            ("a\u{85}", TextProblem::Unseen),
            ("ad\u{200b}a", TextProblem::Unseen),
            ("ad\u{200d}a", TextProblem::Unseen),
            ("\u{202e}ada", TextProblem::Unseen),
            ("ada\u{2066}", TextProblem::Unseen),
            ("ada\u{feff}", TextProblem::Unseen),
            ("ada\u{e0041}", TextProblem::Unseen),
            (" ada", TextProblem::Edges),
            ("ada\u{a0}", TextProblem::Edges),
            ("ada\u{3000}", TextProblem::Edges),
        ];
        for (bad, problem) in cases {
            assert_eq!(check_identity(bad), Err(problem), "{bad:?}");
        }
    }

    #[test]
    fn names_are_cleaned() {
        let cases = [
            ("Ada", "Ada"),
            ("  Ada \t\n Lovelace ", "Ada Lovelace"),
            ("\u{202e}Ada\u{202c}", "Ada"),
            ("A\u{200b}d\u{7}a", "Ada"),
            ("👩\u{200d}💻", "👩\u{200d}💻"),
            ("Ada\u{2028}Lovelace", "Ada Lovelace"),
        ];
        for (given, shown) in cases {
            assert_eq!(clean_name(given).as_deref(), Ok(shown), "{given:?}");
        }
        for nothing in ["", " ", "\u{200b}", "\u{202e}\u{202c}", "\u{200d}", "\u{3164}"] {
            assert_eq!(clean_name(nothing), Err(TextProblem::Empty), "{nothing:?}");
        }
        assert_eq!(clean_name(&"x".repeat(201)), Err(TextProblem::TooLong));
    }
}
