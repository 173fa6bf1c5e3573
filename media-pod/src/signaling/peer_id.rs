//! Parsing of peer ids, which clients choose. Pure.

use crate::room::PeerId;

/// Longest peer id, in characters.
const MAX_PEER_ID: usize = 64;

/// Parses a peer id.
pub(crate) fn peer_id(text: &str) -> Option<PeerId> {
    let is_allowed =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '@' | ':');
    (!text.is_empty() && text.len() <= MAX_PEER_ID && text.chars().all(is_allowed)).then(|| PeerId::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_ids_are_short_and_plain() {
        for good in ["abcdefgh", "a", "Peer-1_x.y", "me@example.org"] {
            assert_eq!(peer_id(good), Some(PeerId::from(good)));
        }
        for bad in ["", "a b", "é", "a/b", "\n", &"x".repeat(65)] {
            assert_eq!(peer_id(bad), None, "{bad:?}");
        }
    }
}
