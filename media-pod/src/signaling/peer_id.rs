//! Parsing of peer ids, which clients choose. Pure.

use convene_protocol::id::is_peer_id;

use crate::room::PeerId;

/// Parses a peer id.
pub(crate) fn peer_id(text: &str) -> Option<PeerId> {
    is_peer_id(text).then(|| PeerId::from(text))
}
