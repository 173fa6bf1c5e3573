//! Requests of moderators. The caller has checked that the sender is a moderator.

use convene_protocol::message::{
    Knock, MuteParticipant, MutedByModerator, NoData, PublishSource, ServerNotification, SetModerator, SetPermissions,
};
use serde_json::json;

use crate::room::answer::{Decided, Decision, Refusal};
use crate::room::closing::{DENIED, ENDED_BY_MODERATOR, REMOVED};
use crate::room::effects::Effects;
use crate::room::interface::context::Requester;
use crate::room::interface::ids::{PeerId, ProducerId};
use crate::room::moderation::Change;
use crate::room::people::peer::Peer;
use crate::room::people::permissions::{check_data, has, publish_of};
use crate::room::state::{Ending, Room};

/// Everything that can be muted.
const SOURCES: [PublishSource; 3] = [PublishSource::Audio, PublishSource::Video, PublishSource::Share];

/// The lobby and the lock.
impl Room {
    /// Records the name of a client in the lobby.
    pub(super) fn knock(&mut self, id: &PeerId, knock: &Knock, effects: &mut Effects) -> Decided {
        if self.lobby.knock(id, knock)? {
            self.notify_lobby(effects);
        }
        Ok(Decision::done())
    }

    pub(super) fn admit_peer(&mut self, id: String, effects: &mut Effects) -> Decided {
        self.admit(&PeerId(id), effects)?;
        self.notify_lobby(effects);
        Ok(Decision::done())
    }

    pub(super) fn admit_all(&mut self, effects: &mut Effects) -> Decision {
        for id in self.lobby.ids_by_age() {
            // All of them are in the lobby, so none is refused.
            let _ = self.admit(&id, effects);
        }
        self.notify_lobby(effects);
        Decision::done()
    }

    pub(super) fn deny_peer(&mut self, id: String, effects: &mut Effects) -> Decided {
        let was_waiting = self.leave_lobby(&PeerId(id), Some(DENIED), effects);
        if was_waiting { Ok(Decision::done()) } else { Err(Refusal::not_waiting()) }
    }

    pub(super) fn set_lock(&mut self, is_locked: bool, effects: &mut Effects) -> Decision {
        let before = self.is_locked();
        self.moderation.set_locked(is_locked);
        if self.is_locked() != before {
            self.seats.notify(&self.state(), None, effects);
        }
        Decision::done()
    }

    /// Clients that are already waiting continue to wait when the lobby is turned off: a moderator decides about them.
    pub(super) fn set_lobby(&mut self, has_lobby: bool, effects: &mut Effects) -> Decision {
        if self.moderation.set_lobby(has_lobby) {
            self.seats.notify(&self.state(), None, effects);
        }
        Decision::done()
    }
}

/// Participants and their permissions.
impl Room {
    pub(super) fn mute_participants(
        &mut self,
        moderator: &PeerId,
        mute: &MuteParticipant,
        effects: &mut Effects,
    ) -> Decided {
        let muted = match &mute.peer_id {
            Some(id) => vec![self.known(id)?],
            None => self.non_moderators(),
        };
        for id in muted {
            self.mute(&id, mute.source, moderator, effects);
        }
        Ok(Decision::done())
    }

    fn non_moderators(&self) -> Vec<PeerId> {
        self.seats.ids_where(|_, peer| peer.joined.is_some() && !peer.moderates())
    }

    /// Pauses audio or video, which the participant may resume; a screen is closed.
    fn mute(&mut self, id: &PeerId, source: PublishSource, moderator: &PeerId, effects: &mut Effects) {
        if let Some(connection) = self.seats.connection_of(id) {
            self.tracks.mute_coming(connection, source, moderator);
        }
        // What was sent is lost with its transports, and about to be sent again: its client mutes it.
        let mut is_changed = self.seats.get(id).is_some_and(|peer| peer.renewing.is_some());
        for producer in self.tracks.producers_for(id, source) {
            is_changed |= self.silence(id, &producer, source, effects);
        }
        if is_changed {
            self.notify_muted(id, source, moderator, effects);
        }
    }

    /// Mutes a producer that a moderator muted while it was on its way.
    pub(super) fn mute_arrived(
        &mut self,
        id: &PeerId,
        producer: &ProducerId,
        source: PublishSource,
        moderator: &PeerId,
        effects: &mut Effects,
    ) {
        if self.silence(id, producer, source, effects) {
            self.notify_muted(id, source, moderator, effects);
        }
    }

    /// Returns whether that changed anything.
    fn silence(&mut self, id: &PeerId, producer: &ProducerId, source: PublishSource, effects: &mut Effects) -> bool {
        if source == PublishSource::Share {
            self.tracks.close_producer(id, producer, &mut self.seats, effects)
        } else {
            self.tracks.set_paused(id, producer, true, &self.seats, effects) == Some(true)
        }
    }

    /// Participants must not learn of a hidden moderator.
    fn notify_muted(&self, id: &PeerId, source: PublishSource, moderator: &PeerId, effects: &mut Effects) {
        let Some(connection) = self.seats.connection_of(id) else { return };
        let is_seen = self.seats.get(moderator).is_some_and(Peer::is_seen);
        let notification = MutedByModerator { source, peer_id: is_seen.then(|| moderator.0.clone()) };
        effects.notify(connection, ServerNotification::MutedByModerator(notification));
    }

    pub(super) fn ask_to_unmute(&mut self, id: &str, effects: &mut Effects) -> Decided {
        let (_, peer) = self.seats.known(id)?;
        if peer.is_viewer() {
            return Err(Refusal(409, "a viewer cannot send audio: bring the viewer on stage first".into()));
        }
        effects.notify(peer.connection, ServerNotification::UnmuteRequested(NoData {}));
        Ok(Decision::done())
    }

    pub(super) fn lower_hand(&mut self, id: &str, effects: &mut Effects) -> Decided {
        let id = self.known(id)?;
        self.set_hand(&id, false, effects);
        Ok(Decision::done())
    }

    fn known(&self, id: &str) -> Result<PeerId, Refusal> {
        self.seats.known(id).map(|(id, _)| id.clone())
    }

    /// Removes a participant permanently, with all connections that provably belong to the same person.
    pub(super) fn remove_participant(&mut self, id: &str, moderator: &PeerId, effects: &mut Effects) -> Decided {
        let (id, peer) = self.seats.known(id)?;
        let (id, person) = (id.clone(), peer.person.clone());
        if id == *moderator {
            return Err(Refusal(409, "you cannot remove yourself: leave instead".into()));
        }
        if person.is_some() && self.seats.get(moderator).is_some_and(|moderator| moderator.person == person) {
            // Another tab of the same moderator: only that tab is closed.
            self.remove(&id, Some(REMOVED), effects);
            return Ok(Decision::done());
        }
        self.moderation.ban(&id, &peer.grant, effects.now);
        self.seats.forget_departed(&id, person.as_deref());
        self.remove_person(&id, person.as_deref(), moderator, effects);
        Ok(Decision::done())
    }

    fn remove_person(&mut self, id: &PeerId, person: Option<&str>, moderator: &PeerId, effects: &mut Effects) {
        let is_same = |peer: &Peer| person.is_some() && peer.person.as_deref() == person;
        for id in self.seats.ids_where(|other, peer| other != moderator && (other == id || is_same(peer))) {
            self.remove(&id, Some(REMOVED), effects);
        }
        self.close_prepared_of(id, person, REMOVED, effects);
        for id in person.map(|person| self.lobby.ids_of_person(person)).unwrap_or_default() {
            self.leave_lobby(&id, Some(REMOVED), effects);
        }
    }

    pub(super) fn set_permissions(
        &mut self,
        request: &SetPermissions,
        moderator_id: &PeerId,
        effects: &mut Effects,
    ) -> Decided {
        let (id, peer) = self.seats.known(&request.peer_id)?;
        let becomes_viewer = request.viewer == Some(true);
        if becomes_viewer {
            check_viewer(id, peer, (moderator_id, self.seats.get(moderator_id)))?;
        }
        let publish = request.publish.unwrap_or_default();
        // A viewer is never a moderator.
        let moderator = becomes_viewer.then_some(false);
        let change = Change { publish, publish_data: request.publish_data, moderator, viewer: request.viewer };
        self.change(&id.clone(), change, moderator_id, effects)?;
        Ok(Decision::done())
    }

    pub(super) fn set_moderator(
        &mut self,
        request: &SetModerator,
        moderator_id: &PeerId,
        effects: &mut Effects,
    ) -> Decided {
        let (id, is_moderator) = (&request.peer_id, request.moderator);
        let id = self.known(id)?;
        let is_other_moderator =
            |(other, peer): (&PeerId, &Peer)| *other != id && peer.joined.is_some() && peer.moderates();
        if !is_moderator && !self.seats.iter().any(is_other_moderator) {
            return Err(Refusal(409, "the meeting needs a moderator: name another one first".into()));
        }
        let viewer = is_moderator.then_some(false);
        let change = Change { moderator: Some(is_moderator), viewer, ..Change::default() };
        self.change(&id, change, moderator_id, effects)?;
        self.notify_moderator(&id, effects);
        Ok(Decision::done())
    }

    /// Changes the permissions of a participant for the rest of the meeting, notifies everyone, and closes what it may no longer send.
    fn change(
        &mut self,
        id: &PeerId,
        change: Change,
        moderator: &PeerId,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let Some(peer) = self.seats.get_mut(id) else { return Ok(()) };
        let (before, was_viewer) = (peer.grant.clone(), peer.is_viewer());
        self.moderation.note_change(id, &before, change)?;
        if change.viewer.is_some_and(|is_viewer| is_viewer != was_viewer) {
            self.set_hand(id, false, effects);
        }
        if let Some(peer) = self.seats.get_mut(id) {
            change.apply(&mut peer.grant);
            let after = (peer.is_viewer(), peer.grant != before);
            self.note_changed(id, was_viewer, after, effects);
            self.close_forbidden(id, moderator, effects);
        }
        if !was_viewer && self.seats.get(id).is_some_and(Peer::is_viewer) {
            self.notify_gone(id, true, effects);
        }
        Ok(())
    }

    /// Notifies a participant whose permissions may have changed, and the others, unless they no longer see it.
    fn note_changed(
        &mut self,
        id: &PeerId,
        was_viewer: bool,
        (is_viewer, is_changed): (bool, bool),
        effects: &mut Effects,
    ) {
        if is_changed {
            self.notify_permissions(id, effects);
        }
        match (was_viewer, is_viewer) {
            (true, false) => self.enter_stage(id, effects),
            (false, false) if is_changed => self.notify_changed(id, effects),
            _ => {}
        }
    }

    /// Closes the streams that a participant may no longer send.
    fn close_forbidden(&mut self, id: &PeerId, moderator: &PeerId, effects: &mut Effects) {
        let Some(peer) = self.seats.get(id) else { return };
        let (publish, may_send_data) = (publish_of(&peer.grant, &self.settings), check_data(&peer.grant).is_ok());
        for source in SOURCES.into_iter().filter(|source| !has(publish, *source)) {
            let forbidden = self.tracks.producers_for(id, source);
            for producer in &forbidden {
                self.tracks.close_producer(id, producer, &mut self.seats, effects);
            }
            if !forbidden.is_empty() {
                self.notify_muted(id, source, moderator, effects);
            }
        }
        if !may_send_data {
            self.data.close_producers_of(id, &mut self.seats, effects);
        }
    }

    /// The answer comes first, because the moderator's connection is closed with the others.
    pub(super) fn end_meeting(&mut self, requester: Requester, effects: &mut Effects) -> Decision {
        effects.succeed(requester, json!({}));
        self.end(ENDED_BY_MODERATOR, Ending::Over, effects);
        Decision::Answered
    }
}

/// Whether a moderator may make a participant a viewer. What is decided about a participant applies to all connections of the same person.
fn check_viewer(id: &PeerId, peer: &Peer, moderator: (&PeerId, Option<&Peer>)) -> Result<(), Refusal> {
    let person = moderator.1.and_then(|moderator| moderator.person.as_deref());
    if id == moderator.0 || person.is_some() && person == peer.person.as_deref() {
        return Err(Refusal(
            409,
            "you cannot make yourself a viewer: leave, or name another moderator who does it".into(),
        ));
    }
    if peer.grant.recorder || peer.is_broadcaster {
        return Err(Refusal(
            409,
            "a recorder or broadcaster cannot be a viewer: all participants have to see it".into(),
        ));
    }
    Ok(())
}
