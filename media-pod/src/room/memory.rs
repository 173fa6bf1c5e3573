//! What a room remembers of people beyond their connections, as long as it lasts: who was removed, who has used an invitation for
//! one, and what moderators changed. Bounded. It decides nothing about media.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use convene_protocol::admission::{ParticipantGrant, PublishGrant};
use convene_protocol::message::PublishChange;
use sha2::{Digest, Sha256};

use super::ids::PeerId;
use super::verdict::Refusal;

/// People who were removed; of more, the first are forgotten.
const MOST_BANS: usize = 1000;
/// People whose rights moderators changed; of more, none is changed.
const MOST_CHANGES: usize = 1000;
/// People who were admitted from the lobby; of more, none is remembered.
const MOST_ADMITTED: usize = 2000;
/// Invitations for one that were used; of more, none is taken.
const MOST_INVITATIONS: usize = 10_000;

/// Addresses of guests who were removed; of more, the first are forgotten.
const MOST_ADDRESSES: usize = 1000;
/// How long guests from the address of one who was removed wait for a moderator: those next door are not kept out for a day.
const ADDRESS_TIME: Duration = Duration::from_mins(15);

/// A participant as they are remembered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Person {
    /// Identified by an application or as a guest: the hash that [`ParticipantGrant::person`] gives.
    Proven(String),
    /// A client that can prove nothing, by its peerId.
    Unproven(PeerId),
}

impl Person {
    pub(super) fn of(id: &PeerId, grant: &ParticipantGrant) -> Self {
        grant.person().map_or_else(|| Self::Unproven(id.clone()), Self::Proven)
    }
}

/// What moderators changed of somebody's rights. What is absent is as the token says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) publish: PublishChange,
    pub(super) publish_data: Option<bool>,
    pub(super) moderator: Option<bool>,
}

impl Change {
    pub(super) fn apply(self, grant: &mut ParticipantGrant) {
        let PublishGrant { audio, video, share } = &mut grant.publish;
        let all = [
            (self.publish.audio, audio),
            (self.publish.video, video),
            (self.publish.share, share),
            (self.publish_data, &mut grant.publish_data),
            (self.moderator, &mut grant.moderator),
        ];
        for (change, right) in all {
            *right = change.unwrap_or(*right);
        }
    }

    fn and(self, later: Self) -> Self {
        Self {
            publish: PublishChange {
                audio: later.publish.audio.or(self.publish.audio),
                video: later.publish.video.or(self.publish.video),
                share: later.publish.share.or(self.publish.share),
            },
            publish_data: later.publish_data.or(self.publish_data),
            moderator: later.moderator.or(self.moderator),
        }
    }

    /// What of it takes away.
    fn restrictions(self) -> Self {
        let taken = |change: Option<bool>| change.filter(|is_given| !is_given);
        Self {
            publish: PublishChange {
                audio: taken(self.publish.audio),
                video: taken(self.publish.video),
                share: taken(self.publish.share),
            },
            publish_data: taken(self.publish_data),
            moderator: taken(self.moderator),
        }
    }
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    bans: VecDeque<Person>,
    /// With the time of the removal.
    addresses: VecDeque<(String, Duration)>,
    admitted: BTreeSet<Person>,
    changes: BTreeMap<Person, Change>,
    /// By a hash of the invitation: its user.
    invitations: BTreeMap<u64, Person>,
}

impl Memory {
    /// Keeps a participant out. A guest may open another browser: newcomers from the same address wait for a moderator for a while.
    pub(super) fn ban(&mut self, id: &PeerId, grant: &ParticipantGrant, now: Duration) {
        let person = Person::of(id, grant);
        self.admitted.remove(&person);
        if !self.bans.contains(&person) {
            self.bans.push_back(person);
        }
        if self.bans.len() > MOST_BANS {
            self.bans.pop_front();
        }
        if let (None, Some(address)) = (&grant.identity, &grant.address) {
            self.note_address(address, now);
        }
    }

    fn note_address(&mut self, address: &str, now: Duration) {
        self.addresses.retain(|(known, _)| known != address);
        self.addresses.push_back((address.to_owned(), now));
        if self.addresses.len() > MOST_ADDRESSES {
            self.addresses.pop_front();
        }
    }

    pub(super) fn is_banned(&self, id: &PeerId, grant: &ParticipantGrant) -> bool {
        self.bans.contains(&Person::of(id, grant))
    }

    /// Whether a guest may be one who was removed: there is the same address, and no application vouches for them.
    pub(super) fn is_suspect(&self, grant: &ParticipantGrant) -> bool {
        let is_from = |address: &String| self.addresses.iter().any(|(known, _)| known == address);
        grant.identity.is_none() && grant.address.as_ref().is_some_and(is_from)
    }

    /// Forgets what holds for a time only.
    pub(super) fn forget_expired(&mut self, now: Duration) {
        self.addresses.retain(|(_, since)| now.saturating_sub(*since) < ADDRESS_TIME);
    }

    /// A moderator has admitted them from the lobby; of too many, the others wait again.
    pub(super) fn note_admitted(&mut self, id: &PeerId, grant: &ParticipantGrant) {
        if self.admitted.len() < MOST_ADMITTED {
            self.admitted.insert(Person::of(id, grant));
        }
    }

    /// Whether they need not wait in the lobby again. A peerId alone proves nothing.
    pub(super) fn is_admitted(&self, id: &PeerId, grant: &ParticipantGrant) -> bool {
        let person = Person::of(id, grant);
        matches!(person, Person::Proven(_)) && self.admitted.contains(&person)
    }

    /// The same for another room of the same meeting, whose time begins now.
    pub(super) fn restarted(mut self) -> Self {
        self.addresses.iter_mut().for_each(|(_, since)| *since = Duration::ZERO);
        self
    }

    pub(super) fn note_change(&mut self, id: &PeerId, grant: &ParticipantGrant, change: Change) -> Result<(), Refusal> {
        let person = Person::of(id, grant);
        let before = self.changes.get(&person).copied();
        if before.is_none() {
            Refusal::too_many(self.changes.len(), MOST_CHANGES, "people whose rights were changed")?;
        }
        self.changes.insert(person, before.unwrap_or_default().and(change));
        Ok(())
    }

    /// Changes a grant as moderators have. Anybody can take the peerId of a client that proves nothing: so what such a client was given
    /// ends with the connection, and only what was taken lasts.
    pub(super) fn apply(&self, id: &PeerId, grant: &mut ParticipantGrant) {
        let person = Person::of(id, grant);
        let Some(change) = self.changes.get(&person).copied() else { return };
        match person {
            Person::Proven(_) => change.apply(grant),
            Person::Unproven(_) => change.restrictions().apply(grant),
        }
    }

    /// Whether an invitation for one is still good for this participant; it is theirs from now on. Everybody with the invitation has the
    /// same identity: so it is the browser that counts, where that is known.
    pub(super) fn use_invitation(&mut self, once: &str, id: &PeerId, grant: &ParticipantGrant) -> bool {
        let browser = ParticipantGrant { guest: grant.guest.clone(), ..ParticipantGrant::default() };
        let user = Person::of(id, &browser);
        match self.invitations.get(&hash_of(once)) {
            Some(known) => *known == user,
            None if self.invitations.len() >= MOST_INVITATIONS => false,
            None => self.invitations.insert(hash_of(once), user).is_none(),
        }
    }
}

/// Short, so that ten thousand of them are no burden: invitations are long random texts.
fn hash_of(once: &str) -> u64 {
    let digest = Sha256::digest(once);
    digest[..8].iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(identity: &str) -> ParticipantGrant {
        ParticipantGrant { identity: Some(identity.into()), ..ParticipantGrant::default() }
    }

    fn guest(id: &str, address: &str) -> ParticipantGrant {
        ParticipantGrant { guest: Some(id.into()), address: Some(address.into()), ..ParticipantGrant::default() }
    }

    fn unproven() -> ParticipantGrant {
        ParticipantGrant::default()
    }

    fn muted() -> Change {
        Change {
            publish: PublishChange { audio: Some(false), ..PublishChange::default() },
            moderator: Some(true),
            ..Change::default()
        }
    }

    #[test]
    fn a_removed_participant_stays_out_by_what_proves_who_they_are() {
        let mut memory = Memory::default();
        memory.ban(&"eve".into(), &known("user-1"), Duration::ZERO);
        memory.ban(&"bob".into(), &guest("g-1", "192.0.2.1"), Duration::ZERO);
        memory.ban(&"tom".into(), &unproven(), Duration::ZERO);
        assert!(memory.is_banned(&"other".into(), &known("user-1")));
        assert!(memory.is_banned(&"other".into(), &guest("g-1", "192.0.2.9")));
        assert!(memory.is_banned(&"tom".into(), &unproven()));
        assert!(!memory.is_banned(&"eve".into(), &known("user-2")), "the peerId was somebody else's, too");
        assert!(!memory.is_banned(&"user-1".into(), &unproven()), "names are no identities");
        assert!(!memory.is_banned(&"bob".into(), &guest("g-2", "192.0.2.1")));
        for number in 0..MOST_BANS {
            memory.ban(&PeerId(number.to_string()), &unproven(), Duration::ZERO);
        }
        assert_eq!(memory.bans.len(), MOST_BANS);
        assert!(!memory.is_banned(&"eve".into(), &known("user-1")), "the first are forgotten");
    }

    #[test]
    fn guests_from_the_address_of_a_removed_one_are_suspect_for_a_while() {
        let mut memory = Memory::default();
        memory.ban(&"bob".into(), &guest("g-1", "192.0.2.1"), Duration::ZERO);
        memory.ban(
            &"eve".into(),
            &ParticipantGrant { address: Some("192.0.2.2".into()), ..known("e") },
            Duration::ZERO,
        );
        assert!(memory.is_suspect(&guest("g-2", "192.0.2.1")));
        assert!(!memory.is_suspect(&guest("g-2", "192.0.2.2")), "an identity is enough to keep somebody out");
        assert!(!memory.is_suspect(&ParticipantGrant { address: Some("192.0.2.1".into()), ..known("ada") }));
        assert!(!memory.is_suspect(&unproven()));
        memory.forget_expired(ADDRESS_TIME.checked_sub(Duration::from_secs(1)).unwrap());
        assert!(memory.is_suspect(&guest("g-2", "192.0.2.1")));
        memory.forget_expired(ADDRESS_TIME);
        assert!(!memory.is_suspect(&guest("g-2", "192.0.2.1")));
        for number in 0..=MOST_ADDRESSES {
            memory.note_address(&number.to_string(), Duration::ZERO);
        }
        assert_eq!(memory.addresses.len(), MOST_ADDRESSES);
    }

    #[test]
    fn an_admitted_guest_need_not_wait_again_unless_removed() {
        let mut memory = Memory::default();
        memory.note_admitted(&"ada".into(), &guest("g-1", "192.0.2.1"));
        memory.note_admitted(&"bob".into(), &unproven());
        assert!(memory.is_admitted(&"another".into(), &guest("g-1", "192.0.2.9")));
        assert!(!memory.is_admitted(&"bob".into(), &unproven()), "everybody knows the peerId");
        memory.ban(&"ada".into(), &guest("g-1", "192.0.2.1"), Duration::ZERO);
        assert!(!memory.is_admitted(&"ada".into(), &guest("g-1", "192.0.2.1")));
    }

    #[test]
    fn what_is_given_is_kept_for_the_proven_and_what_is_taken_for_all() {
        let mut memory = Memory::default();
        memory.note_change(&"ada".into(), &known("user-1"), muted()).unwrap();
        memory.note_change(&"bob".into(), &unproven(), muted()).unwrap();
        let applied = |id: &str, mut grant: ParticipantGrant| {
            memory.apply(&id.into(), &mut grant);
            (grant.publish.audio, grant.publish.video, grant.moderator)
        };
        assert_eq!(applied("another", known("user-1")), (false, true, true));
        assert_eq!(applied("bob", unproven()), (false, true, false));
        assert_eq!(applied("ada", unproven()), (true, true, false));
    }

    #[test]
    fn later_changes_count_and_leave_the_rest() {
        let mut memory = Memory::default();
        let later = Change { publish_data: Some(false), moderator: Some(false), ..Change::default() };
        for change in [muted(), later] {
            memory.note_change(&"ada".into(), &known("user-1"), change).unwrap();
        }
        let mut grant = known("user-1");
        memory.apply(&"ada".into(), &mut grant);
        assert_eq!((grant.publish.audio, grant.publish_data, grant.moderator), (false, false, false));
    }

    #[test]
    fn an_invitation_for_one_is_for_the_first_browser() {
        let mut memory = Memory::default();
        let with = |guest: &str| ParticipantGrant { guest: Some(guest.into()), ..known("invited") };
        assert!(memory.use_invitation("i", &"ada".into(), &with("g-1")));
        assert!(memory.use_invitation("i", &"another".into(), &with("g-1")), "a reload may change the peerId");
        assert!(!memory.use_invitation("i", &"ada".into(), &with("g-2")), "everybody knows the peerId");
        assert!(memory.use_invitation("j", &"ada".into(), &known("invited")));
        assert!(!memory.use_invitation("j", &"bob".into(), &known("invited")));
        for number in 2..MOST_INVITATIONS {
            assert!(memory.use_invitation(&format!("i-{number}"), &"bob".into(), &unproven()));
        }
        assert!(!memory.use_invitation("one too many", &"bob".into(), &unproven()));
        assert!(memory.use_invitation("i", &"ada".into(), &with("g-1")));
    }
}
