//! How the meeting moves to another pod, and arrives from one. While it moves the room forwards media, admits no client and refuses changes: the
//! other pod would not learn of them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use convene_protocol::admin::{BACKUP_MOVE, MoveReport};
use convene_protocol::admission::ParticipantGrant;
use convene_protocol::handover::{RoomMemory, SnapshotClient};
use convene_protocol::message::{Moving as MovingNotice, NoData, ServerNotification};

use crate::room::answer::{Decided, Decision, Refusal};
use crate::room::closing::MEETING_MOVES;
use crate::room::effects::Effects;
use crate::room::interface::effect::Fact;
use crate::room::interface::ids::{ConnectionId, PeerId};
use crate::room::interface::moves::{Handover, MoveAnswer, MoveCommand, MoveRefusal};
use crate::room::memory::Snapshot;
use crate::room::moving::{Due, Moving};
use crate::room::people::peer::Peer;
use crate::room::state::{Ending, Room};

/// The requests of the operator.
impl Room {
    pub(super) fn on_move(&mut self, command: MoveCommand, effects: &mut Effects) {
        let answer = match command {
            MoveCommand::Handover { id, hold } => self.freeze(id, hold, effects),
            MoveCommand::Cancel { id } => self.cancel_move(&id, effects),
            MoveCommand::Leave { id, tickets, time } => self.leave(&id, tickets, time, effects),
            MoveCommand::Restore { id, memory, returning } => self.arrive(id, *memory, returning, effects),
            MoveCommand::Backup if self.pending.awaits_backup() => Err(MoveRefusal::AwaitsBackup),
            MoveCommand::Backup => Ok(MoveAnswer::Backup(Box::new(self.essential_memory()))),
        };
        effects.answer_move(answer);
    }

    fn freeze(&mut self, id: String, hold: Duration, effects: &mut Effects) -> Result<MoveAnswer, MoveRefusal> {
        if self.pending.awaits_backup() {
            return Err(MoveRefusal::AwaitsBackup);
        }
        let until = effects.now.saturating_add(hold);
        if let Some(moving) = &mut self.moving {
            moving.freeze_again(&id, until)?;
        } else {
            self.moving = Some(Moving::frozen(id, until));
            effects.note(Fact::Move("Frozen"));
        }
        let (clients, memory) = (self.clients_that_move(), self.memory());
        Ok(MoveAnswer::Handover(Box::new(Handover { clients, memory })))
    }

    /// The clients in the room and in its lobby that understand `moving`.
    fn clients_that_move(&self) -> Vec<SnapshotClient> {
        let joined = self.seats.iter().filter(|(_, peer)| peer.joined.is_some() && peer.moves);
        let joined = joined.map(|(id, peer)| (id, &*peer.granted));
        let client =
            |(id, grant): (&PeerId, &ParticipantGrant)| SnapshotClient { peer_id: id.0.clone(), grant: grant.clone() };
        joined.chain(self.lobby.grants_that_move()).map(client).collect()
    }

    fn cancel_move(&mut self, id: &str, effects: &mut Effects) -> Result<MoveAnswer, MoveRefusal> {
        if let Some(moving) = &self.moving {
            moving.check_cancel(id)?;
            self.moving = None;
            effects.note(Fact::Move("Canceled"));
        }
        Ok(MoveAnswer::Done)
    }

    fn leave(
        &mut self,
        id: &str,
        tickets: BTreeMap<String, String>,
        time: Duration,
        effects: &mut Effects,
    ) -> Result<MoveAnswer, MoveRefusal> {
        let moving = self.moving.as_mut().ok_or(MoveRefusal::NotMoving)?;
        moving.check(id)?;
        if !moving.has_begun() {
            let can_move = |_: &PeerId, peer: &Peer| !time.is_zero() && peer.moves && peer.joined.is_some();
            let unaware: VecDeque<_> = self.seats.ids_where(can_move).into();
            let others = self.seats.ids_where(|id, peer| !can_move(id, peer));
            moving.begin(unaware, tickets, time, effects.now);
            self.close_for_move(&others, effects);
            self.close_unseated(effects);
        }
        Ok(MoveAnswer::Done)
    }

    /// A room that clients have entered keeps what it knows. Until then a repetition counts: the old room may have changed in between. Clients
    /// that wait for a backup have not entered.
    fn arrive(
        &mut self,
        id: String,
        memory: RoomMemory,
        returning: Duration,
        effects: &mut Effects,
    ) -> Result<MoveAnswer, MoveRefusal> {
        let is_repeated = self.restored.as_ref() == Some(&id);
        let knows_nothing = self.pending.awaits_backup();
        let has_people = self.seats.has_clients() || self.lobby.len() + self.pending.len() > 0;
        let has_people = has_people && !knows_nothing;
        // A backup is older than the state of a room that has one.
        let is_outdated = id == BACKUP_MOVE && self.restored.is_some() && !knows_nothing;
        if is_outdated || is_repeated && has_people {
            return Ok(MoveAnswer::Done);
        }
        match (is_repeated, has_people) {
            (false, _) if self.moving.is_some() => return Err(MoveRefusal::OtherMove),
            (_, true) => return Err(MoveRefusal::HasPeople),
            (_, false) => self.restore(Snapshot::arrived(id, memory, returning), effects.now),
        }
        self.on_backup(effects);
        if !is_repeated {
            effects.note(Fact::Move("Restored"));
        }
        Ok(MoveAnswer::Done)
    }
}

/// The clients.
impl Room {
    /// A client reports that it receives everything from the other pod.
    pub(super) fn note_moved(&mut self, id: &PeerId, effects: &mut Effects) -> Decided {
        let was_known = self.moving.as_ref().is_some_and(|moving| moving.has_moved(id));
        if !self.moving.as_mut().is_some_and(|moving| moving.note_moved(id)) {
            return Err(Refusal(409, "the meeting is not moving".into()));
        }
        if !was_known {
            effects.note(Fact::ClientMove("Moved"));
        }
        Ok(Decision::done())
    }

    /// Whether a client has moved or was closed for the move: the others do not notice that it is gone.
    pub(super) fn has_moved(&self, id: &PeerId) -> bool {
        self.moving.as_ref().is_some_and(|moving| moving.has_moved(id))
    }

    /// Does what is due. Called after each command.
    pub(super) fn settle_move(&mut self, effects: &mut Effects) {
        while let Some(moving) = &mut self.moving {
            let is_empty = !self.seats.has_clients();
            match moving.due(is_empty, effects.now) {
                Due::Nothing => return,
                Due::Resume => {
                    self.moving = None;
                    effects.note(Fact::Move("Expired"));
                }
                Due::Notify(ids) => ids.iter().for_each(|id| self.notify_moving(id, effects)),
                Due::Over(unaware) => self.notify_over(&unaware, effects),
                Due::End => self.end(MEETING_MOVES, Ending::Elsewhere, effects),
            }
        }
    }

    fn notify_moving(&mut self, id: &PeerId, effects: &mut Effects) {
        let (Some(connection), Some(moving)) = (self.seats.connection_of(id), &mut self.moving) else { return };
        let (ticket, deadline_seconds) = (moving.take_ticket(id), moving.seconds_left(effects.now));
        effects.notify(connection, ServerNotification::Moving(MovingNotice { ticket, deadline_seconds }));
    }

    /// The connections that are left are over. Those that never moved are counted.
    fn notify_over(&mut self, unaware: &[PeerId], effects: &mut Effects) {
        self.close_for_move(unaware, effects);
        let left: Vec<_> = self.seats.iter().map(|(id, peer)| (id.clone(), peer.connection)).collect();
        let late = left.iter().filter(|(id, _)| !self.has_moved(id)).count() + unaware.len();
        effects.note(Fact::Move(if late == 0 { "Left" } else { "Late" }));
        for (id, connection) in left {
            if !self.has_moved(&id) {
                effects.note(Fact::ClientMove("Late"));
            }
            effects.notify(connection, ServerNotification::Over(NoData {}));
        }
    }

    /// Closes clients that cannot move while they are connected.
    fn close_for_move(&mut self, ids: &[PeerId], effects: &mut Effects) {
        for id in ids {
            let Some((connection, moves)) = self.seats.get(id).map(|peer| (peer.connection, peer.moves)) else {
                continue;
            };
            let Some(moving) = &mut self.moving else { return };
            let ticket = moving.take_ticket(id);
            moving.note_closed(id);
            notify_close(connection, moves, ticket, effects);
            effects.note(Fact::ClientMove("Closed"));
            self.remove(id, Some(MEETING_MOVES), effects);
        }
    }

    /// Closes connections without a seat: they have nothing to lose.
    fn close_unseated(&mut self, effects: &mut Effects) {
        let waiting: Vec<_> = self.lobby.connections_that_move().collect();
        for (id, connection) in waiting {
            let ticket = self.moving.as_mut().and_then(|moving| moving.take_ticket(&id));
            notify_close(connection, true, ticket, effects);
        }
        self.lobby.close_all(MEETING_MOVES, effects);
        self.pending.close_all(MEETING_MOVES, effects);
        self.close_all_prepared(MEETING_MOVES, effects);
    }

    /// The state of the move for the operator.
    pub fn move_report(&self) -> Option<MoveReport> {
        self.moving.as_ref().map(Moving::report)
    }

    /// The move with which the room's state has come to this pod.
    pub fn restored(&self) -> Option<&str> {
        self.restored.as_deref()
    }
}

/// A ticket is too long for the reason of a close, so it is sent before.
fn notify_close(connection: ConnectionId, moves: bool, ticket: Option<String>, effects: &mut Effects) {
    if moves {
        let notice = MovingNotice { ticket, deadline_seconds: 0 };
        effects.notify(connection, ServerNotification::Moving(notice));
    }
}
