//! Names and titles, as one line. Characters that are invisible, or that change the direction of the text around them, are removed. Pure.
//!
//! Two names that look alike must not differ in invisible characters. Joiners stay where they are visible: within emoji, and within words of the
//! scripts that need them.

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{
    BinaryProperty, DefaultIgnorableCodePoint, Emoji, EmojiModifier, ExtendedPictographic, GeneralCategory, Script,
};
use icu_properties::{CodePointMapData, CodePointSetData};

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
/// Selects the emoji presentation of the preceding character.
const EMOJI_FORM: char = '\u{fe0f}';
/// The blank Braille pattern, which looks like a space but is classified as a symbol.
const BLANK_BRAILLE: char = '\u{2800}';

/// Scripts in which joiners change how words look.
const JOINING_SCRIPTS: [Script; 12] = [
    Script::Arabic,
    Script::Bengali,
    Script::Devanagari,
    Script::Gujarati,
    Script::Gurmukhi,
    Script::Kannada,
    Script::Malayalam,
    Script::Oriya,
    Script::Sinhala,
    Script::Syriac,
    Script::Tamil,
    Script::Telugu,
];

/// `text` as one line in composed form (NFC), with whitespace collapsed. Empty if it has no visible characters.
pub fn clean_line(text: &str) -> String {
    let letters: Vec<char> = text.chars().map(|letter| if is_space(letter) { ' ' } else { letter }).collect();
    let seen: String = (0..letters.len()).filter(|at| is_seen(&letters, *at)).map(|at| letters[at]).collect();
    let words: Vec<&str> = seen.split(' ').filter(|word| !word.is_empty()).collect();
    ComposingNormalizerBorrowed::new_nfc().normalize(&words.join(" ")).into_owned()
}

fn is_space(letter: char) -> bool {
    letter.is_whitespace() || letter == BLANK_BRAILLE
}

fn is_seen(letters: &[char], at: usize) -> bool {
    let (before, after) = (&letters[..at], &letters[at + 1..]);
    match letters[at] {
        EMOJI_FORM => before.last().is_some_and(|letter| is::<Emoji>(*letter)),
        ZERO_WIDTH_JOINER => joins_emoji(before, after) || joins_word(before, after),
        ZERO_WIDTH_NON_JOINER => joins_word(before, after),
        letter => !is_hidden(letter),
    }
}

fn joins_emoji(before: &[char], after: &[char]) -> bool {
    let before = before.strip_suffix(&[EMOJI_FORM]).unwrap_or(before).last();
    before.is_some_and(|letter| is::<ExtendedPictographic>(*letter) || is::<EmojiModifier>(*letter))
        && after.first().is_some_and(|letter| is::<ExtendedPictographic>(*letter))
}

fn joins_word(before: &[char], after: &[char]) -> bool {
    let is_of_word = |letter: &char| JOINING_SCRIPTS.contains(&script_of(*letter));
    let is_letter = |letter: &&char| !is_shared_mark(**letter);
    before.iter().rev().find(is_letter).is_some_and(is_of_word) && after.iter().find(is_letter).is_some_and(is_of_word)
}

/// A combining mark used in many scripts: it does not separate a joiner from its word.
fn is_shared_mark(letter: char) -> bool {
    script_of(letter) == Script::Inherited && category_of(letter) == GeneralCategory::NonspacingMark
}

fn script_of(letter: char) -> Script {
    CodePointMapData::<Script>::new().get(letter)
}

fn category_of(letter: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(letter)
}

/// Control, format and private-use characters, and characters without a glyph.
fn is_hidden(letter: char) -> bool {
    use GeneralCategory::{Control, Format, PrivateUse};
    matches!(category_of(letter), Control | Format | PrivateUse)
        || is::<DefaultIgnorableCodePoint>(letter)
        || is_no_character(letter)
}

/// Code points that will never be characters.
fn is_no_character(letter: char) -> bool {
    matches!(letter, '\u{fdd0}'..='\u{fdef}') || u32::from(letter) & 0xfffe == 0xfffe
}

fn is<P: BinaryProperty>(letter: char) -> bool {
    CodePointSetData::new::<P>().contains(letter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    /// The web app's tests read it too.
    const TABLE: &str = include_str!("../tests/data/names.json");

    #[derive(Deserialize)]
    struct Case {
        about: String,
        given: String,
        shown: String,
    }

    #[test]
    fn names_are_cleaned() {
        let cases: Vec<Case> = serde_json::from_str(TABLE).unwrap();
        assert!(cases.len() > 20);
        for Case { about, given, shown } in cases {
            assert_eq!(clean_line(&given), shown, "{about}: {given:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_clean_stays_as_it_is(text in "\\PC{0,20}|[\\p{Cf}\\p{Emoji}\\p{Arabic}a ]{0,20}") {
            let clean = clean_line(&text);
            prop_assert_eq!(clean_line(&clean), clean);
        }
    }
}
