//! The broadcasters (senders and receivers without a WebSocket): which caller each belongs to, and when its script last called.

use std::collections::BTreeMap;
use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use convene_service::rate::{Rate, TokenBucket};

use super::answer::Refusal;
use super::interface::ids::PeerId;
use super::people::peer::Joined;

/// Calls for all broadcasters of a room. Each takes about eight to enter and to send.
const CALL_RATE: Rate = Rate { per_second: 20, burst: 200 };

/// One broadcaster.
#[derive(Debug)]
struct Broadcaster {
    /// The person who entered it, as in [`ParticipantGrant::person`].
    person: Option<String>,
    /// The address of a caller without a proven identity.
    address: Option<String>,
    /// The data from its entry, kept until it joins.
    entry: Option<Joined>,
    /// When its script last called.
    called: Duration,
}

/// The broadcasters of a room.
#[derive(Debug)]
pub(super) struct Broadcasters {
    entered: BTreeMap<PeerId, Broadcaster>,
    limit: usize,
    rate: TokenBucket,
}

impl Broadcasters {
    pub(super) fn new(limit: usize) -> Self {
        Self { entered: BTreeMap::new(), limit, rate: TokenBucket::full(CALL_RATE) }
    }

    pub(super) fn len(&self) -> usize {
        self.entered.len()
    }

    pub(super) fn check_limit(&self) -> Result<(), Refusal> {
        Refusal::too_many(self.entered.len(), self.limit, "broadcasters")
    }

    /// All calls cost the same: most notify all participants, or create something in the media worker.
    pub(super) fn check_rate(&mut self, now: Duration) -> Result<(), Refusal> {
        if self.rate.take(1, now) {
            return Ok(());
        }
        Err(Refusal(429, "the meeting receives too many calls for broadcasters".into()))
    }

    pub(super) fn add(&mut self, id: &PeerId, caller: &ParticipantGrant, entry: Joined, now: Duration) {
        let (person, address) = (caller.person(), caller.address.clone());
        self.entered.insert(id.clone(), Broadcaster { person, address, entry: Some(entry), called: now });
    }

    pub(super) fn remove(&mut self, id: &PeerId) {
        self.entered.remove(id);
    }

    pub(super) fn clear(&mut self) {
        self.entered.clear();
    }

    /// A peerId is known to all participants, so it is not a credential: a broadcaster belongs to the caller that entered it, identified by
    /// its proven identity, or else by its address.
    pub(super) fn check_caller(&self, id: &PeerId, caller: &ParticipantGrant) -> Result<(), Refusal> {
        let Some(broadcaster) = self.entered.get(id) else { return Ok(()) };
        let is_same = match &broadcaster.person {
            Some(person) => caller.person().as_ref() == Some(person),
            None => caller.address == broadcaster.address,
        };
        if is_same { Ok(()) } else { Err(Refusal::forbidden("another caller has entered this broadcaster")) }
    }

    /// Records a call for a broadcaster, which then does not count as idle even without media.
    pub(super) fn note_call(&mut self, id: &PeerId, now: Duration) -> Result<(), Refusal> {
        let no_broadcaster = || Refusal(404, "there is no such broadcaster in the meeting".into());
        self.entered.get_mut(id).ok_or_else(no_broadcaster)?.called = now;
        Ok(())
    }

    /// When the script of a broadcaster last called.
    pub(super) fn last_call(&self, id: &PeerId) -> Option<Duration> {
        self.entered.get(id).map(|broadcaster| broadcaster.called)
    }

    /// The data from the entry of a broadcaster that joins.
    pub(super) fn take_entry(&mut self, id: &PeerId) -> Result<Joined, Refusal> {
        let broadcaster = self.entered.get_mut(id).ok_or_else(Refusal::not_joined)?;
        broadcaster.entry.take().ok_or_else(|| Refusal(409, "it has joined already".into()))
    }
}
