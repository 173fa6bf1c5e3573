//! The decisions of moderators in the form in which they travel to another pod.

use std::time::Duration;

use convene_protocol::handover::{RememberedPerson, SnapshotChange, SnapshotInvitation, SnapshotModeration};

use super::{Change, Moderation, Person};
use crate::room::interface::ids::PeerId;

impl Moderation {
    pub(crate) fn memory(&self) -> SnapshotModeration {
        let Self { is_locked, has_lobby, bans, addresses, admitted, changes, invitations, version: _ } = self;
        let people = |people: &mut dyn Iterator<Item = &Person>| people.map(remembered).collect();
        SnapshotModeration {
            locked: *is_locked,
            lobby: *has_lobby,
            bans: people(&mut bans.iter()),
            addresses: addresses.iter().map(|(address, _)| address.clone()).collect(),
            admitted: people(&mut admitted.iter()),
            changes: changes.iter().map(snapshot_change).collect(),
            invitations: invitations.iter().map(snapshot_invitation).collect(),
        }
    }

    /// The decisions that have come from another pod. The time of addresses starts again.
    pub(crate) fn remembered(memory: SnapshotModeration) -> Self {
        let version = u64::from(memory != SnapshotModeration::default());
        let SnapshotModeration { locked, lobby, bans, addresses, admitted, changes, invitations } = memory;
        let invitation = |used: SnapshotInvitation| {
            let hash = u64::from_str_radix(&used.hash, 16).ok()?;
            Some((hash, person(used.person)))
        };
        Self {
            is_locked: locked,
            has_lobby: lobby,
            bans: bans.into_iter().map(person).collect(),
            addresses: addresses.into_iter().map(|address| (address, Duration::ZERO)).collect(),
            admitted: admitted.into_iter().map(person).collect(),
            changes: changes.into_iter().map(change).collect(),
            invitations: invitations.into_iter().filter_map(invitation).collect(),
            version,
        }
    }
}

fn remembered(person: &Person) -> RememberedPerson {
    match person {
        Person::Proven(hash) => RememberedPerson::Proven(hash.clone()),
        Person::Unproven(id) => RememberedPerson::Unproven(id.0.clone()),
    }
}

fn person(person: RememberedPerson) -> Person {
    match person {
        RememberedPerson::Proven(hash) => Person::Proven(hash),
        RememberedPerson::Unproven(id) => Person::Unproven(PeerId(id)),
    }
}

fn snapshot_change((person, change): (&Person, &Change)) -> SnapshotChange {
    let Change { publish, publish_data, moderator, viewer } = *change;
    SnapshotChange { person: remembered(person), publish, publish_data, moderator, viewer }
}

fn change(change: SnapshotChange) -> (Person, Change) {
    let SnapshotChange { person: whose, publish, publish_data, moderator, viewer } = change;
    (person(whose), Change { publish, publish_data, moderator, viewer })
}

fn snapshot_invitation((hash, person): (&u64, &Person)) -> SnapshotInvitation {
    SnapshotInvitation { hash: format!("{hash:016x}"), person: remembered(person) }
}
