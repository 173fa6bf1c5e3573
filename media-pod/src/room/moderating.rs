//! What moderators ask: each request is judged here by who asks, and then done. Nobody else changes what is another's.

use std::time::Duration;

use convene_protocol::frame::CLOSE_FINAL;
use convene_protocol::message::{
    ClientRequest, MutedByModerator, NoData, PublishSource, ServerNotification, SetPermissions,
};
use serde_json::json;

use super::command::Asker;
use super::effect::{Fact, Operation};
use super::ids::{DataProducerId, PeerId, ProducerId};
use super::keepsake::Ending;
use super::memory::Change;
use super::peer::{Peer, Voice};
use super::rights::{has, needed_for};
use super::seats::Close;
use super::verdict::{Judged, Refusal, Verdict};
use super::{Effects, Room};

const REFUSED: Close = (CLOSE_FINAL, "refused by a moderator");
pub(super) const REMOVED: Close = (CLOSE_FINAL, "removed by a moderator");
const ENDED: Close = (CLOSE_FINAL, "the meeting was ended by a moderator");

/// All that can be muted.
const SOURCES: [PublishSource; 3] = [PublishSource::Audio, PublishSource::Video, PublishSource::Share];

/// What moderators alone may ask.
pub(super) fn is_for_moderators(request: &ClientRequest) -> bool {
    matches!(
        request,
        ClientRequest::AdmitPeer(_)
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
            | ClientRequest::EndMeeting(_)
    )
}

impl Room {
    /// Judges and does one of [`is_for_moderators`].
    pub(super) fn moderate(
        &mut self,
        asker: Asker,
        request: ClientRequest,
        now: Duration,
        effects: &mut Effects,
    ) -> Judged {
        let moderator = self.moderator(asker)?;
        let action = request.name();
        let verdict = self.act(asker, &moderator, request, now, effects)?;
        effects.note(Fact::Moderated(action));
        Ok(verdict)
    }

    fn moderator(&mut self, asker: Asker) -> Result<PeerId, Refusal> {
        let known = self.peer_of(asker.peer).filter(|(_, peer)| peer.moderates());
        let (id, peer) = known.ok_or_else(|| Refusal(403, "only a moderator may do this".into()))?;
        if peer.joined.is_some() { Ok(id.clone()) } else { Err(Refusal::not_joined()) }
    }

    fn act(
        &mut self,
        asker: Asker,
        moderator: &PeerId,
        request: ClientRequest,
        now: Duration,
        effects: &mut Effects,
    ) -> Judged {
        match request {
            ClientRequest::AdmitPeer(of) => {
                self.admit(&PeerId(of.peer_id), now, effects)?;
                self.tell_lobby(effects);
            }
            ClientRequest::RefusePeer(of) => {
                if !self.leave_lobby(&PeerId(of.peer_id), Some(REFUSED), effects) {
                    return Err(Refusal::not_waiting());
                }
            }
            ClientRequest::AdmitAll(_) => {
                self.admit_all(now, effects);
                self.tell_lobby(effects);
            }
            ClientRequest::SetRoomLock(lock) => self.set_lock(lock.locked, effects),
            ClientRequest::SetRoomLobby(lobby) => self.set_lobby(lobby.enabled, effects),
            ClientRequest::MuteParticipant(mute) => {
                let muted = match mute.peer_id {
                    Some(id) => vec![self.somebody(&id)?],
                    None => self.those_who_do_not_moderate(),
                };
                for id in muted {
                    self.mute(&id, mute.source, moderator, effects);
                }
            }
            ClientRequest::AskToUnmute(of) => {
                let connection = self.peers.get(&self.somebody(&of.peer_id)?).map(|peer| peer.connection);
                if let Some(connection) = connection {
                    effects.tell(connection, ServerNotification::UnmuteRequested(NoData {}));
                }
            }
            ClientRequest::RemoveParticipant(of) => self.remove_for_good(&of.peer_id, moderator, now, effects)?,
            ClientRequest::SetPermissions(change) => self.set_permissions(&change, moderator, effects)?,
            ClientRequest::SetModerator(change) => {
                self.set_moderator(&change.peer_id, change.moderator, effects)?;
            }
            ClientRequest::LowerHand(of) => {
                let id = self.somebody(&of.peer_id)?;
                self.set_hand(&id, false, effects);
            }
            ClientRequest::EndMeeting(_) => {
                effects.succeed(asker, json!({}));
                self.remove_all(ENDED, Ending::Over, effects);
                return Ok(Verdict::Answered);
            }
            // Judged before; none of it is a moderator's alone.
            _ => return Err(Refusal(500, "not a request of a moderator".into())),
        }
        Ok(Verdict::Answer(json!({})))
    }

    /// Somebody who is seen to be in the meeting.
    fn somebody(&self, id: &str) -> Result<PeerId, Refusal> {
        let found = self.peers.get_key_value(&PeerId::from(id)).filter(|(_, peer)| peer.is_seen());
        found.map(|(id, _)| id.clone()).ok_or_else(|| {
            let shown: String = id.chars().take(40).collect();
            Refusal(404, format!("nobody with the peerId {shown:?} is in the meeting"))
        })
    }

    fn those_who_do_not_moderate(&self) -> Vec<PeerId> {
        let others = self.peers.iter().filter(|(_, peer)| peer.joined.is_some() && !peer.moderates());
        others.map(|(id, _)| id.clone()).collect()
    }

    fn set_lock(&mut self, is_locked: bool, effects: &mut Effects) {
        let before = self.is_locked();
        self.is_locked_by_moderator = is_locked;
        if self.is_locked() != before {
            self.tell_joined(&self.state(), None, effects);
        }
    }

    /// Who waits already goes on waiting when it is switched off: a moderator decides.
    fn set_lobby(&mut self, is_enabled: bool, effects: &mut Effects) {
        if std::mem::replace(&mut self.has_lobby, is_enabled) != is_enabled {
            self.tell_joined(&self.state(), None, effects);
        }
    }

    /// Pauses sound and pictures, which their owner may resume; a screen is closed.
    fn mute(&mut self, id: &PeerId, source: PublishSource, moderator: &PeerId, effects: &mut Effects) {
        let of_source: Vec<_> = self.producers_of(id, |needed| needed == source);
        let mut is_changed = false;
        for producer in of_source {
            is_changed |= if source == PublishSource::Share {
                self.drop_producer(id, &producer, effects)
            } else {
                self.pause(id, &producer, true, effects) == Some(true)
            };
        }
        if is_changed {
            self.tell_muted(id, source, moderator, effects);
        }
    }

    fn producers_of(&self, id: &PeerId, is_meant: impl Fn(PublishSource) -> bool) -> Vec<ProducerId> {
        let all = self.peers.get(id).into_iter().flat_map(|peer| &peer.producers);
        all.filter(|(_, state)| is_meant(needed_for(state.kind, state.source))).map(|(id, _)| id.clone()).collect()
    }

    /// Nobody learns of a moderator who is hidden.
    fn tell_muted(&self, id: &PeerId, source: PublishSource, moderator: &PeerId, effects: &mut Effects) {
        let Some(peer) = self.peers.get(id) else { return };
        let is_seen = self.peers.get(moderator).is_some_and(Peer::is_seen);
        let told = MutedByModerator { source, peer_id: is_seen.then(|| moderator.0.clone()) };
        effects.tell(peer.connection, ServerNotification::MutedByModerator(told));
    }

    /// The participant, and every other connection that is provably theirs.
    fn remove_for_good(
        &mut self,
        id: &str,
        moderator: &PeerId,
        now: Duration,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let id = self.somebody(id)?;
        if id == *moderator {
            return Err(Refusal(409, "nobody can remove themselves: just leave".into()));
        }
        let Some(peer) = self.peers.get(&id) else { return Ok(()) };
        let person = peer.person.clone();
        if person.is_some() && self.peers.get(moderator).is_some_and(|moderator| moderator.person == person) {
            // Another tab of the moderator's own: closing it is all that is meant.
            self.remove(&id, effects, Some(REMOVED));
            return Ok(());
        }
        self.memory.ban(&id, &peer.grant, now);
        self.forget_traces_of(&id, person.as_ref());
        let is_same = |other: &Option<String>| other.is_some() && *other == person;
        let same = self.peers.iter().filter(|(other, peer)| **other == id || is_same(&peer.person));
        let same: Vec<PeerId> = same.map(|(id, _)| id.clone()).filter(|other| other != moderator).collect();
        for id in same {
            self.remove(&id, effects, Some(REMOVED));
        }
        let waiting = self.lobby.iter().filter(|(_, waiting)| is_same(&waiting.entrance.person));
        let waiting: Vec<PeerId> = waiting.map(|(id, _)| id.clone()).collect();
        for id in waiting {
            self.leave_lobby(&id, Some(REMOVED), effects);
        }
        Ok(())
    }

    fn set_permissions(
        &mut self,
        asked: &SetPermissions,
        moderator: &PeerId,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let id = self.somebody(&asked.peer_id)?;
        let publish = asked.publish.unwrap_or_default();
        self.change(&id, Change { publish, publish_data: asked.publish_data, moderator: None }, effects)?;
        self.close_what_is_forbidden(&id, moderator, effects);
        Ok(())
    }

    fn set_moderator(&mut self, id: &str, is_moderator: bool, effects: &mut Effects) -> Result<(), Refusal> {
        let id = self.somebody(id)?;
        let is_another = |(other, peer): (&PeerId, &Peer)| *other != id && peer.joined.is_some() && peer.moderates();
        if !is_moderator && !self.peers.iter().any(is_another) {
            return Err(Refusal(409, "somebody has to moderate: name another moderator first".into()));
        }
        self.change(&id, Change { moderator: Some(is_moderator), ..Change::default() }, effects)?;
        if let Some(peer) = self.peers.get(&id).filter(|peer| peer.moderates()) {
            effects.tell(peer.connection, self.lobby_peers());
        }
        Ok(())
    }

    /// Changes somebody's rights, for as long as the room lasts, and tells of it.
    fn change(&mut self, id: &PeerId, change: Change, effects: &mut Effects) -> Result<(), Refusal> {
        let Some(peer) = self.peers.get_mut(id) else { return Ok(()) };
        self.memory.note_change(id, &peer.grant, change)?;
        let before = peer.grant.clone();
        change.apply(&mut peer.grant);
        if peer.grant != before {
            self.tell_permissions(id, effects);
            self.tell_changed(id, effects);
        }
        Ok(())
    }

    fn close_what_is_forbidden(&mut self, id: &PeerId, moderator: &PeerId, effects: &mut Effects) {
        let Some(peer) = self.peers.get(id) else { return };
        let (publish, may_write) = (self.publishes(peer), peer.grant.publish_data);
        for source in SOURCES.into_iter().filter(|source| !has(publish, *source)) {
            let forbidden = self.producers_of(id, |needed| needed == source);
            let is_some = !forbidden.is_empty();
            for producer in forbidden {
                self.drop_producer(id, &producer, effects);
            }
            if is_some {
                self.tell_muted(id, source, moderator, effects);
            }
        }
        if !may_write {
            self.close_data_producers_of(id, effects);
        }
    }

    fn close_data_producers_of(&mut self, id: &PeerId, effects: &mut Effects) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        peer.voice = Voice::None;
        let closed: Vec<DataProducerId> = std::mem::take(&mut peer.data_producers).into_keys().collect();
        for producer in closed {
            self.close_data_consumers_of(&producer, effects);
            effects.run(Operation::CloseDataProducer(producer));
        }
    }
}
