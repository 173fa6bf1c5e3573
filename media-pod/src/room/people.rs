//! The people in a room: seats, connections that are not admitted yet, the lobby, and what each may do.

pub(super) mod capabilities;
pub(super) mod departed;
pub(super) mod entrance;
pub(super) mod held;
pub(super) mod lobby;
pub(super) mod offers;
pub(super) mod ownership;
pub(super) mod peer;
pub(super) mod pending;
pub(super) mod permissions;
pub(super) mod prepared;
pub(super) mod presence;
pub(super) mod seats;
