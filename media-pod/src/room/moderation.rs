//! What moderators have decided, for the duration of the meeting: lock and lobby, removed and admitted participants, changed permissions, and
//! which personal invitations were used. Bounded. It makes no decisions about media.

mod memory;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use convene_protocol::admission::{ParticipantGrant, PublishGrant};
use convene_protocol::message::PublishChange;
use sha2::{Digest, Sha256};

use super::answer::Refusal;
use super::interface::ids::PeerId;

/// Maximum number of removed participants; beyond that the oldest are forgotten.
const MAX_BANS: usize = 1000;
/// Maximum number of participants whose permissions moderators changed; beyond that none can be changed.
const MAX_CHANGES: usize = 1000;
/// Maximum number of participants admitted from the lobby; beyond that none are remembered.
const MAX_ADMITTED: usize = 2000;
/// Maximum number of used personal invitations; beyond that none are accepted.
const MAX_INVITATIONS: usize = 10_000;

/// Maximum number of addresses of removed guests; beyond that the oldest are forgotten.
const MAX_ADDRESSES: usize = 1000;
/// How long guests from the address of a removed guest have to wait in the lobby. Short, because other guests may share the address.
const ADDRESS_TIME: Duration = Duration::from_mins(15);

/// How a participant is remembered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Person {
    /// Identified by an application or as a guest, as in [`ParticipantGrant::person`].
    Proven(String),
    /// A client without a proven identity, by its peerId.
    Unproven(PeerId),
}

impl Person {
    pub(crate) fn of(id: &PeerId, grant: &ParticipantGrant) -> Self {
        grant.person().map_or_else(|| Self::Unproven(id.clone()), Self::Proven)
    }
}

/// Permissions of a participant that moderators changed. Absent ones are as in the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) publish: PublishChange,
    pub(crate) publish_data: Option<bool>,
    pub(crate) moderator: Option<bool>,
    pub(crate) viewer: Option<bool>,
}

impl Change {
    pub(crate) fn apply(self, grant: &mut ParticipantGrant) {
        let PublishGrant { audio, video, share } = &mut grant.publish;
        let all = [
            (self.publish.audio, audio),
            (self.publish.video, video),
            (self.publish.share, share),
            (self.publish_data, &mut grant.publish_data),
            (self.moderator, &mut grant.moderator),
            (self.viewer, &mut grant.viewer),
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
            viewer: later.viewer.or(self.viewer),
        }
    }

    /// The part of it that revokes permissions.
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
            viewer: self.viewer.filter(|is_viewer| *is_viewer),
        }
    }
}

/// The decisions of moderators.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moderation {
    /// In addition to the meeting's own lock.
    is_locked: bool,
    /// Whether new participants wait in the lobby, whatever their grants say.
    has_lobby: bool,
    bans: VecDeque<Person>,
    /// With the time of removal.
    addresses: VecDeque<(String, Duration)>,
    admitted: BTreeSet<Person>,
    changes: BTreeMap<Person, Change>,
    /// The users of personal invitations, by a hash of the invitation.
    invitations: BTreeMap<u64, Person>,
    /// Grows with each decision; 0 before the first one.
    version: u64,
}

impl Moderation {
    pub(crate) fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// Changes with each decision that a new room of the meeting must know; 0 before the first one.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn set_locked(&mut self, is_locked: bool) {
        self.version += u64::from(self.is_locked != is_locked);
        self.is_locked = is_locked;
    }

    pub(crate) fn has_lobby(&self) -> bool {
        self.has_lobby
    }

    /// Turns the lobby on or off; returns whether that changed anything.
    pub(crate) fn set_lobby(&mut self, has_lobby: bool) -> bool {
        let is_changed = std::mem::replace(&mut self.has_lobby, has_lobby) != has_lobby;
        self.version += u64::from(is_changed);
        is_changed
    }

    /// Whether a new participant waits in the lobby. Moderators do not wait. Hidden participants do not either: moderators do not see
    /// them and could not admit them. A participant who was admitted once does not wait again. A guest who may be a removed one waits
    /// whatever the token says.
    pub(crate) fn has_to_wait(&self, id: &PeerId, grant: &ParticipantGrant) -> bool {
        let is_meant = (grant.lobby || self.has_lobby) && !grant.moderator || self.is_suspect(grant);
        is_meant && !grant.hidden && !self.is_admitted(id, grant)
    }

    /// Bans a participant. A guest may open another browser, so guests from the same address wait in the lobby for a while.
    pub(crate) fn ban(&mut self, id: &PeerId, grant: &ParticipantGrant, now: Duration) {
        let person = Person::of(id, grant);
        self.version += 1;
        self.admitted.remove(&person);
        if !self.bans.contains(&person) {
            self.bans.push_back(person);
        }
        if self.bans.len() > MAX_BANS {
            self.bans.pop_front();
        }
        if let (None, Some(address)) = (&grant.identity, &grant.address) {
            self.note_address(address, now);
        }
    }

    fn note_address(&mut self, address: &str, now: Duration) {
        self.addresses.retain(|(known, _)| known != address);
        self.addresses.push_back((address.to_owned(), now));
        if self.addresses.len() > MAX_ADDRESSES {
            self.addresses.pop_front();
        }
    }

    pub(crate) fn is_banned(&self, id: &PeerId, grant: &ParticipantGrant) -> bool {
        self.bans.contains(&Person::of(id, grant))
    }

    /// Whether a guest may be a removed one: it has the same address, and no application vouches for it.
    pub(crate) fn is_suspect(&self, grant: &ParticipantGrant) -> bool {
        let is_from = |address: &String| self.addresses.iter().any(|(known, _)| known == address);
        grant.identity.is_none() && grant.address.as_ref().is_some_and(is_from)
    }

    /// Forgets expired addresses.
    pub(crate) fn forget_expired(&mut self, now: Duration) {
        self.addresses.retain(|(_, since)| now.saturating_sub(*since) < ADDRESS_TIME);
    }

    /// A moderator has admitted the participant from the lobby.
    pub(crate) fn note_admitted(&mut self, id: &PeerId, grant: &ParticipantGrant) {
        if self.admitted.len() < MAX_ADMITTED {
            self.version += u64::from(self.admitted.insert(Person::of(id, grant)));
        }
    }

    /// Whether the participant was already admitted. A peerId alone proves nothing.
    pub(crate) fn is_admitted(&self, id: &PeerId, grant: &ParticipantGrant) -> bool {
        let person = Person::of(id, grant);
        matches!(person, Person::Proven(_)) && self.admitted.contains(&person)
    }

    /// The same for the next room of the meeting, in which it is `now`.
    pub(crate) fn restarted(mut self, now: Duration) -> Self {
        self.addresses.iter_mut().for_each(|(_, since)| *since = now);
        self
    }

    pub(crate) fn note_change(&mut self, id: &PeerId, grant: &ParticipantGrant, change: Change) -> Result<(), Refusal> {
        let person = Person::of(id, grant);
        let before = self.changes.get(&person).copied();
        if before.is_none() {
            Refusal::too_many(self.changes.len(), MAX_CHANGES, "participants whose rights were changed")?;
        }
        self.changes.insert(person, before.unwrap_or_default().and(change));
        self.version += 1;
        Ok(())
    }

    /// Changes a grant as moderators have decided. Any client can use the peerId of a client without a proven identity, so permissions
    /// granted to such a client end with its connection; only restrictions last.
    ///
    /// Whatever they have decided, all participants see a recorder, and moderators and hidden participants are no viewers.
    pub(crate) fn apply(&self, id: &PeerId, grant: &mut ParticipantGrant) {
        let person = Person::of(id, grant);
        let change = self.changes.get(&person).copied().unwrap_or_default();
        match person {
            Person::Proven(_) => change.apply(grant),
            Person::Unproven(_) => change.restrictions().apply(grant),
        }
        grant.viewer &= !(grant.moderator || grant.hidden || grant.recorder);
    }

    /// Uses a personal invitation; false if another participant has used it. Everyone who has the invitation has the same identity, so
    /// the browser is compared if it is known.
    pub(crate) fn use_invitation(&mut self, once: &str, id: &PeerId, grant: &ParticipantGrant) -> bool {
        let browser = ParticipantGrant { guest: grant.guest.clone(), ..ParticipantGrant::default() };
        let user = Person::of(id, &browser);
        match self.invitations.get(&hash_of(once)) {
            Some(known) => *known == user,
            None if self.invitations.len() >= MAX_INVITATIONS => false,
            None => {
                self.version += 1;
                self.invitations.insert(hash_of(once), user).is_none()
            }
        }
    }
}

/// Short, because invitations are long random strings and many are kept.
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
    fn a_removed_participant_is_banned_by_its_proven_identity() {
        let mut moderation = Moderation::default();
        moderation.ban(&"eve".into(), &known("user-1"), Duration::ZERO);
        moderation.ban(&"bob".into(), &guest("g-1", "192.0.2.1"), Duration::ZERO);
        moderation.ban(&"tom".into(), &unproven(), Duration::ZERO);
        assert!(moderation.is_banned(&"other".into(), &known("user-1")));
        assert!(moderation.is_banned(&"other".into(), &guest("g-1", "192.0.2.9")));
        assert!(moderation.is_banned(&"tom".into(), &unproven()));
        assert!(!moderation.is_banned(&"eve".into(), &known("user-2")), "another participant had the same peerId");
        assert!(!moderation.is_banned(&"user-1".into(), &unproven()), "names are no identities");
        assert!(!moderation.is_banned(&"bob".into(), &guest("g-2", "192.0.2.1")));
        for number in 0..MAX_BANS {
            moderation.ban(&PeerId(number.to_string()), &unproven(), Duration::ZERO);
        }
        assert_eq!(moderation.bans.len(), MAX_BANS);
        assert!(!moderation.is_banned(&"eve".into(), &known("user-1")), "the first are forgotten");
    }

    #[test]
    fn guests_from_the_address_of_a_removed_one_are_suspect_for_a_while() {
        let mut moderation = Moderation::default();
        moderation.ban(&"bob".into(), &guest("g-1", "192.0.2.1"), Duration::ZERO);
        moderation.ban(
            &"eve".into(),
            &ParticipantGrant { address: Some("192.0.2.2".into()), ..known("e") },
            Duration::ZERO,
        );
        assert!(moderation.is_suspect(&guest("g-2", "192.0.2.1")));
        assert!(!moderation.is_suspect(&guest("g-2", "192.0.2.2")), "a ban by identity needs no address");
        assert!(!moderation.is_suspect(&ParticipantGrant { address: Some("192.0.2.1".into()), ..known("ada") }));
        assert!(!moderation.is_suspect(&unproven()));
        moderation.forget_expired(ADDRESS_TIME.checked_sub(Duration::from_secs(1)).unwrap());
        assert!(moderation.is_suspect(&guest("g-2", "192.0.2.1")));
        moderation.forget_expired(ADDRESS_TIME);
        assert!(!moderation.is_suspect(&guest("g-2", "192.0.2.1")));
        for number in 0..=MAX_ADDRESSES {
            moderation.note_address(&number.to_string(), Duration::ZERO);
        }
        assert_eq!(moderation.addresses.len(), MAX_ADDRESSES);
    }

    #[test]
    fn an_admitted_guest_need_not_wait_again_unless_removed() {
        let mut moderation = Moderation::default();
        moderation.note_admitted(&"ada".into(), &guest("g-1", "192.0.2.1"));
        moderation.note_admitted(&"bob".into(), &unproven());
        assert!(moderation.is_admitted(&"another".into(), &guest("g-1", "192.0.2.9")));
        assert!(!moderation.is_admitted(&"bob".into(), &unproven()), "the peerId proves nothing");
        moderation.ban(&"ada".into(), &guest("g-1", "192.0.2.1"), Duration::ZERO);
        assert!(!moderation.is_admitted(&"ada".into(), &guest("g-1", "192.0.2.1")));
    }

    #[test]
    fn granted_rights_last_for_proven_identities_and_restrictions_for_all() {
        let mut moderation = Moderation::default();
        moderation.note_change(&"ada".into(), &known("user-1"), muted()).unwrap();
        moderation.note_change(&"bob".into(), &unproven(), muted()).unwrap();
        let applied = |id: &str, mut grant: ParticipantGrant| {
            moderation.apply(&id.into(), &mut grant);
            (grant.publish.audio, grant.publish.video, grant.moderator)
        };
        assert_eq!(applied("another", known("user-1")), (false, true, true));
        assert_eq!(applied("bob", unproven()), (false, true, false));
        assert_eq!(applied("ada", unproven()), (true, true, false));
    }

    #[test]
    fn later_changes_count_and_leave_the_rest() {
        let mut moderation = Moderation::default();
        let later = Change { publish_data: Some(false), moderator: Some(false), ..Change::default() };
        for change in [muted(), later] {
            moderation.note_change(&"ada".into(), &known("user-1"), change).unwrap();
        }
        let mut grant = known("user-1");
        moderation.apply(&"ada".into(), &mut grant);
        assert_eq!((grant.publish.audio, grant.publish_data, grant.moderator), (false, false, false));
    }

    #[test]
    fn an_invitation_for_one_is_for_the_first_browser() {
        let mut moderation = Moderation::default();
        let with = |guest: &str| ParticipantGrant { guest: Some(guest.into()), ..known("invited") };
        assert!(moderation.use_invitation("i", &"ada".into(), &with("g-1")));
        assert!(moderation.use_invitation("i", &"another".into(), &with("g-1")), "a reload may change the peerId");
        assert!(!moderation.use_invitation("i", &"ada".into(), &with("g-2")), "the peerId proves nothing");
        assert!(moderation.use_invitation("j", &"ada".into(), &known("invited")));
        assert!(!moderation.use_invitation("j", &"bob".into(), &known("invited")));
        for number in 2..MAX_INVITATIONS {
            assert!(moderation.use_invitation(&format!("i-{number}"), &"bob".into(), &unproven()));
        }
        assert!(!moderation.use_invitation("one too many", &"bob".into(), &unproven()));
        assert!(moderation.use_invitation("i", &"ada".into(), &with("g-1")));
    }
}
