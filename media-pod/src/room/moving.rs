//! A room whose meeting moves to another pod: which of its clients know, which have moved, and what is due next. Pure; it sends nothing and
//! decides about no request but by [`is_allowed`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use convene_protocol::admin::{MovePhase, MoveReport};
use convene_protocol::message::ClientRequest;

use super::interface::ids::PeerId;
use super::interface::moves::MoveRefusal;

/// Clients that move at the same time, because each is sent everything twice meanwhile: this many, or if that is more a share of all.
const GROUP: usize = 10;
/// The share: one in this many.
const GROUP_SHARE: usize = 20;
/// A client that takes longer no longer delays the others.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long clients have to close their connections once they are over.
const OVER_TIME: Duration = Duration::from_secs(2);

/// A move, as the room that its meeting leaves sees it.
#[derive(Debug)]
pub(crate) struct Moving {
    id: String,
    phase: Phase,
    /// The clients that have moved or were closed for it: the others do not learn that they have left.
    moved: BTreeSet<PeerId>,
    /// By peerId.
    tickets: BTreeMap<String, String>,
}

#[derive(Debug)]
enum Phase {
    Frozen { until: Duration },
    Leaving(Leaving),
    Over { until: Duration },
}

#[derive(Debug)]
struct Leaving {
    deadline: Duration,
    /// From then on clients are notified whatever the others do.
    all_at: Duration,
    /// Clients that move at the same time.
    group: usize,
    /// The clients that do not know yet.
    unaware: VecDeque<PeerId>,
    /// Those that know, with the time since which they do.
    aware: BTreeMap<PeerId, Duration>,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// The operator has not come back: the room accepts changes again.
    Resume,
    /// Notify these clients.
    Notify(Vec<PeerId>),
    /// All have moved, or the deadline has passed. These clients were never notified.
    Over(Vec<PeerId>),
    /// The room ends.
    End,
}

impl Moving {
    /// A room that refuses changes, and waits for the operator until then.
    pub(crate) fn frozen(id: String, until: Duration) -> Self {
        Self { id, phase: Phase::Frozen { until }, moved: BTreeSet::new(), tickets: BTreeMap::new() }
    }

    /// Whether the clients are moving, or have moved.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(self.phase, Phase::Frozen { .. })
    }

    /// Waits longer for the operator, which has repeated its request.
    pub(crate) fn freeze_again(&mut self, id: &str, until: Duration) -> Result<(), MoveRefusal> {
        self.check(id)?;
        let Phase::Frozen { until: known } = &mut self.phase else { return Err(MoveRefusal::Leaving) };
        *known = until;
        Ok(())
    }

    /// Whether the move can still be canceled.
    pub(crate) fn check_cancel(&self, id: &str) -> Result<(), MoveRefusal> {
        self.check(id)?;
        if self.has_begun() { Err(MoveRefusal::Leaving) } else { Ok(()) }
    }

    pub(crate) fn check(&self, id: &str) -> Result<(), MoveRefusal> {
        if self.id == id { Ok(()) } else { Err(MoveRefusal::OtherMove) }
    }

    /// The clients in `unaware` are to move within `time`.
    pub(crate) fn begin(
        &mut self,
        unaware: VecDeque<PeerId>,
        tickets: BTreeMap<String, String>,
        time: Duration,
        now: Duration,
    ) {
        let (deadline, all_at) = (now.saturating_add(time), now.saturating_add(time / 2));
        let group = GROUP.max(unaware.len() / GROUP_SHARE);
        self.phase = Phase::Leaving(Leaving { deadline, all_at, group, unaware, aware: BTreeMap::new() });
        self.tickets = tickets;
    }

    /// The ticket of a client; once.
    pub(crate) fn take_ticket(&mut self, id: &PeerId) -> Option<String> {
        self.tickets.remove(&id.0)
    }

    /// The seconds until the deadline, rounded up.
    pub(crate) fn seconds_left(&self, now: Duration) -> u64 {
        match &self.phase {
            Phase::Leaving(leaving) => {
                let left = leaving.deadline.saturating_sub(now);
                left.as_secs() + u64::from(left.subsec_nanos() > 0)
            }
            Phase::Frozen { .. } | Phase::Over { .. } => 0,
        }
    }

    /// A client reports that it has moved; false if it was never asked to.
    pub(crate) fn note_moved(&mut self, id: &PeerId) -> bool {
        let was_asked = match &mut self.phase {
            Phase::Frozen { .. } => false,
            Phase::Leaving(leaving) => leaving.aware.remove(id).is_some() || self.moved.contains(id),
            Phase::Over { .. } => true,
        };
        if was_asked {
            self.moved.insert(id.clone());
        }
        was_asked
    }

    /// A client is closed for the move.
    pub(crate) fn note_closed(&mut self, id: &PeerId) {
        self.forget(id);
        self.moved.insert(id.clone());
    }

    /// A client has left the room.
    pub(crate) fn forget(&mut self, id: &PeerId) {
        if let Phase::Leaving(leaving) = &mut self.phase {
            leaving.unaware.retain(|other| other != id);
            leaving.aware.remove(id);
        }
    }

    /// Whether a client has moved or was closed for the move.
    pub(crate) fn has_moved(&self, id: &PeerId) -> bool {
        self.moved.contains(id)
    }

    /// What is due now, and the state after it. `is_empty`: no client is left in the room.
    pub(crate) fn due(&mut self, is_empty: bool, now: Duration) -> Due {
        match &mut self.phase {
            Phase::Frozen { until } if now >= *until => Due::Resume,
            Phase::Over { until } if is_empty || now >= *until => Due::End,
            Phase::Frozen { .. } | Phase::Over { .. } => Due::Nothing,
            Phase::Leaving(leaving) if leaving.is_over(now) => {
                let unaware = leaving.unaware.drain(..).collect();
                self.phase = Phase::Over { until: now.saturating_add(OVER_TIME) };
                Due::Over(unaware)
            }
            Phase::Leaving(leaving) => leaving.next(now),
        }
    }

    /// As the operator sees it.
    pub(crate) fn report(&self) -> MoveReport {
        let (phase, left) = match &self.phase {
            Phase::Frozen { .. } => (MovePhase::Frozen, 0),
            Phase::Leaving(leaving) => (MovePhase::Leaving, leaving.unaware.len() + leaving.aware.len()),
            Phase::Over { .. } => (MovePhase::Over, 0),
        };
        MoveReport { id: self.id.clone(), phase, left: u32::try_from(left).unwrap_or(u32::MAX) }
    }
}

impl Leaving {
    fn is_over(&self, now: Duration) -> bool {
        now >= self.deadline || self.unaware.is_empty() && self.aware.is_empty()
    }

    fn next(&mut self, now: Duration) -> Due {
        let busy = self.aware.values().filter(|since| now.saturating_sub(**since) < PATIENCE).count();
        let count = if now >= self.all_at { self.unaware.len() } else { self.group.saturating_sub(busy) };
        let next: Vec<_> = self.unaware.drain(..count.min(self.unaware.len())).collect();
        self.aware.extend(next.iter().map(|id| (id.clone(), now)));
        if next.is_empty() { Due::Nothing } else { Due::Notify(next) }
    }
}

/// Whether a client may send a request while its meeting moves: what only concerns the media that it already has, and questions. What
/// changes the room is refused, because the other pod would not know.
pub(crate) fn is_allowed(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::GetRtcStatsUrl(_)
        | ClientRequest::GetRouterRtpCapabilities(_)
        | ClientRequest::ConnectWebRtcTransport(_)
        | ClientRequest::RestartIce(_)
        | ClientRequest::CloseProducer(_)
        | ClientRequest::PauseProducer(_)
        | ClientRequest::ResumeProducer(_)
        | ClientRequest::PauseConsumer(_)
        | ClientRequest::ResumeConsumer(_)
        | ClientRequest::RequestConsumerKeyFrame(_)
        | ClientRequest::SetConsumerPreferredLayers(_)
        | ClientRequest::SetConsumerPriority(_)
        | ClientRequest::SetWatchedPeers(_)
        | ClientRequest::GetTransportStats(_)
        | ClientRequest::GetProducerStats(_)
        | ClientRequest::GetConsumerStats(_)
        | ClientRequest::GetDataProducerStats(_)
        | ClientRequest::GetDataConsumerStats(_)
        | ClientRequest::GetChatHistory(_)
        | ClientRequest::Moved(_)
        | ClientRequest::ApplyNetworkThrottle(_)
        | ClientRequest::ResetNetworkThrottle(_)
        | ClientRequest::StopNetworkThrottle(_) => true,
        ClientRequest::CreateWebRtcTransport(_)
        | ClientRequest::Join(_)
        | ClientRequest::Produce(_)
        | ClientRequest::ProduceData(_)
        | ClientRequest::ChangeDisplayName(_)
        | ClientRequest::SendChatMessage(_)
        | ClientRequest::RaiseHand(_)
        | ClientRequest::SendReaction(_)
        | ClientRequest::Knock(_)
        | ClientRequest::AdmitPeer(_)
        | ClientRequest::RefusePeer(_)
        | ClientRequest::AdmitAll(_)
        | ClientRequest::SetRoomLock(_)
        | ClientRequest::SetRoomLobby(_)
        | ClientRequest::MuteParticipant(_)
        | ClientRequest::AskToUnmute(_)
        | ClientRequest::RemoveParticipant(_)
        | ClientRequest::SetPermissions(_)
        | ClientRequest::SetModerator(_)
        | ClientRequest::LowerHand(_)
        | ClientRequest::EndMeeting(_) => false,
    }
}

#[cfg(test)]
mod tests;
