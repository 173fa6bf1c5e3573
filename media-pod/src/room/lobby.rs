//! The lobby: who waits to be let in. They have no seat, and nothing of the media plane, until a moderator admits them.

use std::time::Duration;

use convene_protocol::admission::ParticipantGrant;
use convene_protocol::frame::CLOSE_FINAL;
use convene_protocol::message::{ClientRequest, Knock, Lobby, LobbyPeer, LobbyPeers, LobbyState, ServerNotification};
use serde_json::json;

use super::command::Asker;
use super::effect::Fact;
use super::ids::{ConnectionId, PeerId};
use super::peer::Arrival;
use super::seats::{Close, Entrance};
use super::verdict::{Judged, Refusal, Verdict, conclude};
use super::{Effects, Room};

/// How often somebody may say who they are: moderators are told each time.
const MOST_KNOCKS: u8 = 10;
/// Requests of one who waits that are answered only when they are in.
const MOST_HELD: usize = 4;

/// Somebody who waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) entrance: Entrance,
    since: Duration,
    /// As it has knocked.
    name: Option<String>,
    knocks: u8,
    /// Clients that know nothing of a lobby ask for this first, and wait for the answer.
    held: Vec<(u64, ClientRequest)>,
}

impl Waiting {
    fn described(&self, id: &PeerId) -> LobbyPeer {
        let name = self.entrance.grant.name.as_ref().or(self.name.as_ref());
        LobbyPeer { peer_id: id.0.clone(), display_name: name.cloned().unwrap_or_default() }
    }
}

impl Room {
    /// Whether a newcomer waits for a moderator. Moderators let themselves in, whom nobody is told of nobody can admit, and who was admitted
    /// once need not wait again. A guest who may be one that was removed waits whatever the token says.
    pub(super) fn has_to_wait(&self, id: &PeerId, grant: &ParticipantGrant) -> bool {
        let is_meant = (grant.lobby || self.has_lobby) && !grant.moderator || self.memory.is_suspect(grant);
        is_meant && !grant.hidden && !self.memory.is_admitted(id, grant)
    }

    pub(super) fn wait(&mut self, id: PeerId, entrance: Entrance, now: Duration, effects: &mut Effects) {
        let connection = entrance.connection;
        if self.lobby.len() >= self.limits.lobby {
            effects.note(Fact::LimitReached("lobby"));
            effects.close(connection, CLOSE_FINAL, "the lobby is full");
            return;
        }
        effects.tell(connection, ServerNotification::Lobby(Lobby { state: LobbyState::Waiting }));
        self.lobby.insert(id, Waiting { entrance, since: now, name: None, knocks: 0, held: Vec::new() });
        self.tell_lobby(effects);
    }

    pub(super) fn waiting_on(&self, connection: ConnectionId) -> Option<PeerId> {
        let found = self.lobby.iter().find(|(_, waiting)| waiting.entrance.connection == connection);
        found.map(|(id, _)| id.clone())
    }

    /// What somebody asks who waits.
    pub(super) fn of_waiting(
        &mut self,
        id: &PeerId,
        asker: Asker,
        request: ClientRequest,
        effects: &mut Effects,
    ) -> Judged {
        match request {
            ClientRequest::Knock(knock) => self.knock(id, &knock, effects),
            ClientRequest::GetRouterRtpCapabilities(_) | ClientRequest::GetRtcStatsUrl(_) => {
                self.hold(id, asker, request)
            }
            _ => Err(Refusal(403, "a moderator has to let you in first".into())),
        }
    }

    fn knock(&mut self, id: &PeerId, knock: &Knock, effects: &mut Effects) -> Judged {
        let waiting = self.lobby.get_mut(id).ok_or_else(Refusal::not_waiting)?;
        Refusal::too_many(waiting.knocks.into(), MOST_KNOCKS.into(), "knocks")?;
        waiting.knocks += 1;
        let name = Some(knock.display_name.trim().to_owned());
        if waiting.name != name {
            waiting.name = name;
            self.tell_lobby(effects);
        }
        Ok(Verdict::Answer(json!({})))
    }

    fn hold(&mut self, id: &PeerId, asker: Asker, request: ClientRequest) -> Judged {
        let waiting = self.lobby.get_mut(id).ok_or_else(Refusal::not_waiting)?;
        Refusal::too_many(waiting.held.len(), MOST_HELD, "requests of one who waits")?;
        waiting.held.push((asker.id, request));
        Ok(Verdict::Answered)
    }

    /// Lets somebody in, who then goes on as if just connected.
    pub(super) fn admit(&mut self, id: &PeerId, now: Duration, effects: &mut Effects) -> Result<(), Refusal> {
        let Waiting { entrance, held, .. } = self.lobby.remove(id).ok_or_else(Refusal::not_waiting)?;
        let connection = entrance.connection;
        self.memory.note_admitted(id, &entrance.grant);
        effects.tell(connection, ServerNotification::Lobby(Lobby { state: LobbyState::Admitted }));
        // Admitted by hand, it belongs to the meeting: no lock is for it, and it need not wait again.
        self.seat(id, entrance, Arrival::Back, now, effects);
        for (request_id, request) in held {
            let asker = Asker::client(connection, request_id);
            let judged = self.judge(asker, request, now, effects);
            conclude(asker, judged, effects);
        }
        Ok(())
    }

    pub(super) fn admit_all(&mut self, now: Duration, effects: &mut Effects) {
        let mut all: Vec<_> = self.lobby.iter().map(|(id, waiting)| (waiting.since, id.clone())).collect();
        all.sort();
        for (_, id) in all {
            // They are the keys of the lobby, so none is missing.
            let _ = self.admit(&id, now, effects);
        }
    }

    /// Somebody waits no more; true when they did.
    pub(super) fn leave_lobby(&mut self, id: &PeerId, close: Option<Close>, effects: &mut Effects) -> bool {
        let Some(waiting) = self.lobby.remove(id) else { return false };
        if let Some((code, reason)) = close {
            effects.close(waiting.entrance.connection, code, reason);
        }
        self.tell_lobby(effects);
        true
    }

    pub(super) fn empty_lobby(&mut self, close: Close, effects: &mut Effects) {
        for waiting in std::mem::take(&mut self.lobby).into_values() {
            effects.close(waiting.entrance.connection, close.0, close.1);
        }
    }

    pub(super) fn send_home_who_waits_too_long(&mut self, now: Duration, effects: &mut Effects) {
        let limit = self.limits.lobby_timeout;
        let is_over = |waiting: &Waiting| now.saturating_sub(waiting.since) >= limit;
        let over: Vec<_> =
            self.lobby.iter().filter(|(_, waiting)| is_over(waiting)).map(|(id, _)| id.clone()).collect();
        for id in over {
            self.leave_lobby(&id, Some((CLOSE_FINAL, "nobody has let you in")), effects);
        }
    }

    /// Everybody who waits, who waits longest first.
    pub(super) fn lobby_peers(&self) -> ServerNotification {
        let mut all: Vec<_> = self.lobby.iter().collect();
        all.sort_by_key(|(_, waiting)| (waiting.since, waiting.entrance.connection));
        let peers = all.into_iter().map(|(id, waiting)| waiting.described(id)).collect();
        ServerNotification::LobbyPeers(LobbyPeers { peers })
    }

    pub(super) fn tell_lobby(&self, effects: &mut Effects) {
        for peer in self.peers.values().filter(|peer| peer.joined.is_some() && peer.moderates()) {
            effects.tell(peer.connection, self.lobby_peers());
        }
    }
}
