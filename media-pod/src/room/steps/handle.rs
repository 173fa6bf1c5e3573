//! Takes a command and returns its effects, in order.

use std::time::Duration;

use convene_protocol::admin::RoomSettings;
use convene_protocol::frame::CLOSE_COME_BACK;

use crate::room::closing::{LOBBY_EXPIRED, MEETING_ENDED, MEETING_MOVES, ROOM_EMPTY};
use crate::room::effects::Effects;
use crate::room::interface::command::{Command, Connect, End};
use crate::room::interface::context::Requester;
use crate::room::interface::effect::Effect;
use crate::room::people::entrance::Entrance;
use crate::room::state::{Ending, Room};

/// How often deadlines are checked while clients are connected.
const TICK: Duration = Duration::from_secs(1);

impl Room {
    /// Takes a command and returns the effects to execute, in order.
    pub fn handle(&mut self, command: Command, now: Duration) -> Vec<Effect> {
        let mut effects = Effects::at(now);
        // An unattended room is not ticked: what has expired since must not count.
        if self.is_unattended() && now.saturating_sub(self.last_tick) >= TICK {
            self.on_tick(&mut effects);
        }
        self.dispatch(command, &mut effects);
        self.settle_move(&mut effects);
        self.close_unseated_transports(&mut effects);
        self.note_emptiness(now);
        effects.into_list()
    }

    /// When the next [`Command::Tick`] is due: an unattended room has no deadline but its end.
    pub fn next_tick(&self) -> Duration {
        let regular = self.last_tick.saturating_add(TICK);
        match self.empty_since {
            Some(since) if self.is_unattended() => regular.max(since.saturating_add(self.limits.empty_timeout)),
            _ => regular,
        }
    }

    /// Whether nothing happens in the room until a client connects, or it ends.
    fn is_unattended(&self) -> bool {
        let waiting = self.lobby.len() + self.pending.len() + self.prepared.len();
        let is_awaited = self.pending.awaits_returning() || self.moving.is_some();
        self.seats.is_deserted() && waiting == 0 && !is_awaited
    }

    fn dispatch(&mut self, command: Command, effects: &mut Effects) {
        match command {
            Command::Connected(connect) => self.on_connected(connect, effects),
            Command::SignOfLife { connection } => self.on_sign_of_life(connection, effects),
            Command::CutOff { connection } => self.on_cut_off(connection, effects.now),
            Command::Disconnected { connection } => self.on_disconnected(connection, effects),
            Command::Request { connection, id, request } => {
                self.on_request(Requester::client(connection, id), request, effects);
            }
            Command::Notification { connection, request } => self.on_notification(connection, request, effects),
            Command::Broadcaster(call) => self.on_broadcaster_call(*call, effects),
            Command::Answered { connection, id, is_ok } => self.on_answered(connection, id, is_ok, effects),
            Command::MediaDone { context, outcome } => self.on_media_done(context, outcome, effects),
            Command::Media(event) => self.on_media_event(event, effects),
            Command::Tick => self.on_tick(effects),
            Command::Update { settings, returning } => self.on_update(settings, returning, effects),
            Command::Move(command) => self.on_move(command, effects),
            Command::StopPreparing => self.stop_preparing(effects),
            Command::Remove(id) => self.expel(&id, effects),
            Command::End(End::Over) => self.end(MEETING_ENDED, Ending::Over, effects),
            // The room on the other pod decides from now on, and its state is the one to keep.
            Command::End(End::Moved) => self.end(MEETING_MOVES, Ending::Elsewhere, effects),
        }
    }

    fn on_connected(&mut self, connect: Connect, effects: &mut Effects) {
        let prepares = connect.prepares;
        let (id, entrance) = Entrance::new(connect);
        if prepares { self.prepare(id, entrance, effects) } else { self.connect(id, entrance, effects) }
    }

    fn on_update(&mut self, settings: RoomSettings, returning: Option<Vec<String>>, effects: &mut Effects) {
        let before = self.state();
        self.set_settings(settings);
        let now = self.state();
        if now != before {
            self.seats.notify(&now, None, effects);
        }
        if let Some(people) = returning {
            self.on_returning(people, effects);
        }
    }

    fn on_tick(&mut self, effects: &mut Effects) {
        let now = effects.now;
        self.data.speak(&self.seats, effects);
        self.seats.forget_expired(now);
        self.moderation.forget_expired(now);
        self.settle_pending(effects);
        self.data.resume_throttled(effects);
        self.check_presence(effects);
        // While the meeting moves, viewers leave for the other pod, which is of no interest.
        if self.moving.is_none() {
            self.audience.settle(&self.seats, effects);
        }
        self.tracks.note_tick(now);
        self.tracks.settle_demand(&self.seats, effects);
        self.tracks.rebalance(&mut self.seats, effects);
        self.lobby.forget_expected(now);
        self.expire_lobby(effects);
        self.expire_prepared(effects);
        self.remove_overdue(effects);
        self.settle_renewals(effects);
        if self.empty_since.is_some_and(|since| now >= since.saturating_add(self.limits.empty_timeout)) {
            self.end(ROOM_EMPTY, Ending::Empty, effects);
        }
    }

    fn expire_lobby(&mut self, effects: &mut Effects) {
        for id in self.lobby.expired(effects.now) {
            self.leave_lobby(&id, Some(LOBBY_EXPIRED), effects);
        }
    }

    fn remove_overdue(&mut self, effects: &mut Effects) {
        for (id, close) in self.overdue(effects.now) {
            if close.0 == CLOSE_COME_BACK {
                self.seats.note_departure(&id, effects.now);
            }
            self.remove(&id, Some(close), effects);
        }
    }

    /// Broadcasters, recorders and hidden participants do not keep a room open: there must be a participant, or one waiting to be admitted.
    /// Neither do prepared connections.
    fn note_emptiness(&mut self, now: Duration) {
        let is_empty = self.lobby.len() == 0 && self.pending.len() == 0 && self.seats.is_empty();
        self.empty_since = if is_empty { self.empty_since.or(Some(now)) } else { None };
    }
}
