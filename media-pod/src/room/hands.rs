//! Raised hands and reactions: small signs that everybody sees. Nothing of them is kept but whose hand is up.

use std::time::Duration;

use convene_protocol::message::{HandRaised, PeerReaction, Reaction, ServerNotification};
use serde_json::json;

use super::ids::PeerId;
use super::peer::Peer;
use super::verdict::{Judged, Refusal, Verdict};
use super::{Effects, Room};

/// Time between two reactions of the same person: each is told to everybody.
const REACTION_INTERVAL: Duration = Duration::from_millis(200);

impl Room {
    pub(super) fn raise_hand(&mut self, id: &PeerId, is_raised: bool, effects: &mut Effects) -> Judged {
        self.check_seen(id)?;
        self.set_hand(id, is_raised, effects);
        Ok(Verdict::Answer(json!({})))
    }

    /// Tells everybody, if it was not so before.
    pub(super) fn set_hand(&mut self, id: &PeerId, is_raised: bool, effects: &mut Effects) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        if std::mem::replace(&mut peer.hand_raised, is_raised) != is_raised {
            let told = HandRaised { peer_id: id.0.clone(), raised: is_raised };
            self.tell_joined(&ServerNotification::HandRaised(told), None, effects);
        }
    }

    pub(super) fn react(&mut self, id: &PeerId, reaction: Reaction, now: Duration, effects: &mut Effects) -> Judged {
        let peer = self.check_seen(id)?;
        if peer.reacted.is_some_and(|reacted| now.saturating_sub(reacted) < REACTION_INTERVAL) {
            return Err(Refusal(429, "too many reactions: wait a moment".into()));
        }
        peer.reacted = Some(now);
        let told = PeerReaction { peer_id: id.0.clone(), reaction };
        self.tell_joined(&ServerNotification::Reaction(told), Some(id), effects);
        Ok(Verdict::Answer(json!({})))
    }

    fn check_seen(&mut self, id: &PeerId) -> Result<&mut Peer, Refusal> {
        let peer = self.peers.get_mut(id).filter(|peer| peer.joined.is_some()).ok_or_else(Refusal::not_joined)?;
        if peer.is_seen() { Ok(peer) } else { Err(Refusal(403, "you are hidden: nobody can see this".into())) }
    }
}
