//! What somebody may do in a room, by their grant and what the meeting allows, and telling it. It changes no rights.

use convene_protocol::admission::PublishGrant;
use convene_protocol::message::{
    MediaKind, PeerChanged, PeerSends, Permissions, PublishSource, RoomState, ServerNotification, Source,
};

use super::ids::PeerId;
use super::peer::Peer;
use super::verdict::Refusal;
use super::{Effects, Room};

/// Which right a stream needs: what it is counts, beside what it is called.
pub(super) fn needed_for(kind: MediaKind, source: Source) -> PublishSource {
    match (source, kind) {
        (Source::Screensharing, _) => PublishSource::Share,
        (_, MediaKind::Audio) => PublishSource::Audio,
        (_, MediaKind::Video) => PublishSource::Video,
    }
}

pub(super) fn has(publish: PublishGrant, source: PublishSource) -> bool {
    match source {
        PublishSource::Audio => publish.audio,
        PublishSource::Video => publish.video,
        PublishSource::Share => publish.share,
    }
}

impl Room {
    /// What somebody may send, all things considered.
    pub(super) fn publishes(&self, peer: &Peer) -> PublishGrant {
        let PublishGrant { audio, video, share } = peer.grant.publish;
        let is_seen = !peer.grant.hidden;
        PublishGrant {
            audio: is_seen && audio,
            video: is_seen && video,
            share: is_seen && share && self.terms.has_screen_share,
        }
    }

    pub(super) fn check_publish(&self, peer: &Peer, source: PublishSource) -> Result<(), Refusal> {
        if has(self.publishes(peer), source) {
            return Ok(());
        }
        let reason = match source {
            _ if peer.grant.hidden => "you are hidden: nobody can be sent anything of yours",
            PublishSource::Share if !self.terms.has_screen_share => "screens are not shared in this meeting",
            PublishSource::Audio => "you may not send sound",
            PublishSource::Video => "you may not send pictures",
            PublishSource::Share => "you may not share a screen",
        };
        Err(Refusal(403, reason.into()))
    }

    pub(super) fn permissions(&self, peer: &Peer) -> Permissions {
        let grant = &peer.grant;
        Permissions {
            moderator: grant.moderator,
            publish: self.publishes(peer),
            publish_data: grant.publish_data && !grant.hidden,
            subscribe: grant.subscribe,
            hidden: grant.hidden,
            chat: self.terms.has_chat,
            screen_share: self.terms.has_screen_share,
            identity: grant.identity.clone(),
            name: grant.name.clone(),
        }
    }

    /// Tells somebody what they may do. Scripts of broadcasters hear nothing but answers.
    pub(super) fn tell_permissions(&self, id: &PeerId, effects: &mut Effects) {
        if let Some(peer) = self.peers.get(id).filter(|peer| !peer.is_broadcaster) {
            let told = Box::new(self.permissions(peer));
            effects.tell(peer.connection, ServerNotification::Permissions(told));
        }
    }

    /// Tells everybody what has changed of somebody.
    pub(super) fn tell_changed(&self, id: &PeerId, effects: &mut Effects) {
        let Some(peer) = self.peers.get(id).filter(|peer| peer.is_seen()) else { return };
        let told = PeerChanged {
            peer_id: id.0.clone(),
            moderator: peer.grant.moderator,
            guest: peer.grant.identity.is_none(),
            publish: self.publishes(peer),
            connected: !peer.presence.is_lost,
        };
        self.tell_joined(&ServerNotification::PeerChanged(told), None, effects);
    }

    /// Tells the others what somebody sends, after that has changed.
    pub(super) fn tell_sends(&mut self, id: &PeerId, effects: &mut Effects) {
        let Some(peer) = self.peers.get_mut(id).filter(|peer| peer.is_seen()) else { return };
        let sends = peer.sends();
        if std::mem::replace(&mut peer.sends_told, sends) != sends {
            let told = PeerSends { peer_id: id.0.clone(), sends };
            self.tell_joined(&ServerNotification::PeerSends(told), Some(id), effects);
        }
    }

    /// What the room goes by.
    pub(super) fn state(&self) -> ServerNotification {
        let (locked, lobby) = (self.is_locked(), self.has_lobby);
        ServerNotification::RoomState(RoomState { title: self.terms.title.clone(), locked, lobby })
    }

    /// By the meeting or by a moderator.
    pub(super) fn is_locked(&self) -> bool {
        self.terms.is_locked || self.is_locked_by_moderator
    }
}

pub(super) fn check_data(peer: &Peer) -> Result<(), Refusal> {
    match (peer.grant.hidden, peer.grant.publish_data) {
        (true, _) => Err(Refusal(403, "you are hidden: nobody can be told anything of yours".into())),
        (_, false) => Err(Refusal(403, "you may not write to the others".into())),
        _ => Ok(()),
    }
}

pub(super) fn check_subscribe(peer: &Peer) -> Result<(), Refusal> {
    if peer.grant.subscribe { Ok(()) } else { Err(Refusal(403, "you may not receive what others send".into())) }
}
