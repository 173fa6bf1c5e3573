//! Participants as the others see them: joining, names, raised hands, reactions, and notifications about their permissions.

use convene_protocol::message::{
    DisplayNameChanged, HandRaised, Join, JoinAnswer, PeerChanged, PeerInfo, PeerReaction, Reaction, ServerNotification,
};
use serde_json::{Value, json};

use crate::room::answer::{Decided, Decision, Refusal};
use crate::room::closing::DECIDED_MEANWHILE;
use crate::room::effects::Effects;
use crate::room::interface::context::Requester;
use crate::room::interface::effect::Fact;
use crate::room::interface::ids::PeerId;
use crate::room::people::peer::{Joined, Peer};
use crate::room::people::permissions::{permissions_of, publish_of};
use crate::room::people::presence::Presence;
use crate::room::state::Room;

impl Room {
    /// Answers, notifies the others of the newcomer, then offers it their streams: clients rely on this order.
    pub(super) fn join(&mut self, id: &PeerId, requester: Requester, join: Join, effects: &mut Effects) -> Decided {
        self.check_decisions(id, effects)?;
        let since = self.check_join(id)?.since;
        effects.note(Fact::Joined(effects.now.saturating_sub(since)));
        let display_name = join.display_name.trim().to_owned();
        let rtp_capabilities = join.rtp_capabilities.map(|capabilities| self.known_capabilities.share(capabilities));
        let joined = Joined { display_name, device: join.device, rtp_capabilities };
        let answer = json!(JoinAnswer { peers: self.others(id) });
        self.introduce(id, joined, requester, answer, effects);
        if let Some(peer) = self.seats.get_mut(id) {
            peer.presence = Presence::of_newcomer(effects.now);
            if peer.is_viewer() && peer.hand_raised {
                self.audience.set_hand(id, true);
            }
        }
        self.notify_newcomer(id, effects);
        self.offer_everything(id, effects);
        Ok(Decision::Answered)
    }

    /// A client may wait with its seat for minutes before it joins. What moderators have decided meanwhile applies to it as if it connected now.
    fn check_decisions(&mut self, id: &PeerId, effects: &mut Effects) -> Result<(), Refusal> {
        let newcomer = self.seats.get(id).filter(|peer| !peer.belongs());
        let is_kept_out =
            |peer: &Peer| self.moderation.is_banned(id, &peer.grant) || self.moderation.has_to_wait(id, &peer.grant);
        if !newcomer.is_some_and(is_kept_out) {
            return Ok(());
        }
        self.remove(id, Some(DECIDED_MEANWHILE), effects);
        Err(Refusal::forbidden("a moderator has changed who may join"))
    }

    fn check_join(&self, id: &PeerId) -> Result<&Peer, Refusal> {
        let peer = self.seats.get(id).ok_or_else(Refusal::not_joined)?;
        if peer.joined.is_some() {
            return Err(Refusal(409, "you have joined already".into()));
        }
        if self.is_locked() && !peer.belongs() && !peer.grant.moderator {
            return Err(Refusal::forbidden("the meeting is locked"));
        }
        if self.seats.is_full() && peer.takes_seat() {
            return Err(Refusal::forbidden("the meeting is full"));
        }
        Ok(peer)
    }

    /// Answers a participant that joins, and notifies the others of it.
    pub(super) fn introduce(
        &mut self,
        id: &PeerId,
        mut joined: Joined,
        requester: Requester,
        answer: Value,
        effects: &mut Effects,
    ) {
        let Some(peer) = self.seats.get_mut(id) else { return };
        if let Some(name) = &peer.grant.name {
            joined.display_name.clone_from(name);
        }
        peer.joined = Some(joined);
        effects.succeed(requester, answer);
        self.notify_new(id, effects);
    }

    /// Notifies the others of a participant that they see from now on.
    pub(super) fn notify_new(&self, id: &PeerId, effects: &mut Effects) {
        if let Some(info) = self.seats.get(id).and_then(|peer| self.info(id, peer)) {
            self.seats.notify(&ServerNotification::NewPeer(Box::new(info.into())), Some(id), effects);
        }
    }

    /// The state of the room, its own hand if that is still raised, the number of viewers, and what only moderators learn.
    fn notify_newcomer(&self, id: &PeerId, effects: &mut Effects) {
        let Some(peer) = self.seats.get(id) else { return };
        effects.notify(peer.connection, self.state());
        if peer.hand_raised {
            let own = HandRaised { peer_id: id.0.clone(), raised: true };
            effects.notify(peer.connection, ServerNotification::HandRaised(own));
        }
        if self.audience.is_known() {
            effects.notify(peer.connection, self.audience.viewers());
        }
        self.notify_moderator(id, effects);
    }

    /// Notifies a participant, if it moderates, of the lobby and of the hands of viewers.
    pub(super) fn notify_moderator(&self, id: &PeerId, effects: &mut Effects) {
        let Some(peer) = self.seats.get(id).filter(|peer| peer.moderates()) else { return };
        effects.notify(peer.connection, self.lobby.peers());
        if self.audience.has_hands() {
            effects.notify(peer.connection, self.audience.hands(&self.seats));
        }
    }

    /// Offers a receiver its share of the streams, and all data channels.
    pub(super) fn offer_everything(&mut self, id: &PeerId, effects: &mut Effects) {
        self.tracks.offer_all_to(id, &mut self.seats, effects);
        self.data.offer_all_to(id, &self.seats, &self.tracks, effects);
    }

    /// All participants that the others see, except one.
    pub(super) fn others(&self, id: &PeerId) -> Vec<PeerInfo> {
        let others = self.seats.iter().filter(|(other, _)| *other != id);
        others.filter_map(|(other, peer)| self.info(other, peer)).collect()
    }

    /// A participant as the others see it, if it is visible to them.
    pub(super) fn info(&self, id: &PeerId, peer: &Peer) -> Option<PeerInfo> {
        let joined = peer.joined.as_ref().filter(|_| peer.is_seen())?;
        Some(PeerInfo {
            peer_id: id.0.clone(),
            id: id.0.clone(),
            display_name: joined.display_name.clone(),
            device: joined.device.clone(),
            remote_address: String::new(),
            moderator: peer.grant.moderator,
            guest: peer.grant.identity.is_none(),
            recorder: peer.grant.recorder,
            hand_raised: peer.hand_raised,
            publish: publish_of(&peer.grant, &self.settings),
            // One that creates other transports is about to send the same again.
            sends: if peer.renewing.is_some() { self.tracks.announced(id) } else { self.tracks.sends(id) },
            connected: !peer.presence.is_lost(),
        })
    }

    /// Notifies a participant of its permissions. Broadcasters get no notifications.
    pub(super) fn notify_permissions(&self, id: &PeerId, effects: &mut Effects) {
        if let Some(peer) = self.seats.get(id).filter(|peer| !peer.is_broadcaster) {
            let permissions = permissions_of(&peer.grant, &self.settings);
            effects.notify(peer.connection, ServerNotification::Permissions(Box::new(permissions)));
        }
    }

    /// Notifies everyone about a participant whose permissions or presence have changed.
    pub(super) fn notify_changed(&self, id: &PeerId, effects: &mut Effects) {
        let Some(peer) = self.seats.get(id).filter(|peer| peer.is_seen() && !self.has_moved(id)) else { return };
        let notification = PeerChanged {
            peer_id: id.0.clone(),
            moderator: peer.grant.moderator,
            guest: peer.grant.identity.is_none(),
            publish: publish_of(&peer.grant, &self.settings),
            connected: !peer.presence.is_lost(),
        };
        self.seats.notify(&ServerNotification::PeerChanged(notification), None, effects);
    }

    pub(super) fn rename(&mut self, id: &PeerId, name: &str, effects: &mut Effects) -> Decided {
        let peer = self.seats.get_mut(id).ok_or_else(Refusal::not_joined)?;
        let joined = peer.joined.as_mut().ok_or_else(Refusal::not_joined)?;
        if peer.grant.name.is_some() {
            return Err(Refusal::forbidden("your name was given to you and cannot be changed"));
        }
        let display_name = name.trim().to_owned();
        let old_display_name = std::mem::replace(&mut joined.display_name, display_name.clone());
        self.audience.note_name(id);
        if peer.is_seen() {
            let notification = DisplayNameChanged { peer_id: id.0.clone(), display_name, old_display_name };
            self.seats.notify(&ServerNotification::PeerDisplayNameChanged(notification), Some(id), effects);
        }
        Ok(Decision::done())
    }

    pub(super) fn raise_hand(&mut self, id: &PeerId, is_raised: bool, effects: &mut Effects) -> Decided {
        self.check_known(id)?;
        self.set_hand(id, is_raised, effects);
        Ok(Decision::done())
    }

    /// Raises or lowers a hand, and notifies everyone if that changes anything; only moderators learn of a viewer's hand.
    pub(super) fn set_hand(&mut self, id: &PeerId, is_raised: bool, effects: &mut Effects) {
        let Some(peer) = self.seats.get_mut(id) else { return };
        if std::mem::replace(&mut peer.hand_raised, is_raised) == is_raised {
            return;
        }
        let notification = ServerNotification::HandRaised(HandRaised { peer_id: id.0.clone(), raised: is_raised });
        if peer.is_viewer() {
            self.audience.set_hand(id, is_raised);
            effects.notify(peer.connection, notification);
        } else {
            self.seats.notify(&notification, None, effects);
        }
    }

    /// A viewer has become a participant whom the others see.
    pub(super) fn enter_stage(&mut self, id: &PeerId, effects: &mut Effects) {
        if let Some(peer) = self.seats.get_mut(id).filter(|peer| !peer.presence.is_cut()) {
            peer.presence = Presence::of_newcomer(effects.now);
        }
        self.tracks.note_announced(id);
        self.notify_new(id, effects);
        self.data.offer_all_to(id, &self.seats, &self.tracks, effects);
    }

    pub(super) fn react(&mut self, id: &PeerId, reaction: Reaction, effects: &mut Effects) -> Decided {
        let peer = self.check_known(id)?;
        peer.react(effects.now)?;
        let is_viewer = peer.is_viewer();
        let peer_id = (!is_viewer).then(|| id.0.clone());
        if self.audience.passes_reaction(is_viewer, effects.now) {
            let notification = PeerReaction { peer_id, reaction };
            self.seats.notify(&ServerNotification::Reaction(notification), Some(id), effects);
        }
        Ok(Decision::done())
    }

    fn check_known(&mut self, id: &PeerId) -> Result<&mut Peer, Refusal> {
        let peer = self.seats.joined_mut(id)?;
        if peer.grant.hidden {
            return Err(Refusal::forbidden("you are hidden and the others cannot see this"));
        }
        Ok(peer)
    }
}
