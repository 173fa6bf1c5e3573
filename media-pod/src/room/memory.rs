//! What a room remembers of people beyond their connections, as long as it lasts: who was removed, who has used an invitation for
//! one, and what moderators changed. Bounded. It decides nothing about media.

use std::collections::{BTreeMap, VecDeque};

use convene_protocol::admission::{ParticipantGrant, PublishGrant};
use convene_protocol::message::PublishChange;

use super::ids::PeerId;
use super::verdict::Refusal;

/// People who were removed; of more, the first are forgotten.
const MOST_BANS: usize = 1000;
/// People whose rights moderators changed; of more, none is changed.
const MOST_CHANGES: usize = 1000;
/// Invitations for one that were used; of more, none is taken.
const MOST_INVITATIONS: usize = 10_000;

/// Whom something is remembered of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Person {
    /// Whom an application has vouched for, whatever their client calls itself.
    Known(String),
    /// Whoever says to be that peer.
    Guest(PeerId),
}

impl Person {
    fn of(id: &PeerId, grant: &ParticipantGrant) -> Self {
        grant.identity.clone().map_or_else(|| Self::Guest(id.clone()), Self::Known)
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
#[derive(Debug, Default)]
pub(super) struct Memory {
    bans: VecDeque<Person>,
    changes: BTreeMap<Person, Change>,
    invitations: BTreeMap<String, PeerId>,
}

impl Memory {
    /// Keeps somebody out: the peer, and who it is where that is known.
    pub(super) fn ban(&mut self, id: &PeerId, grant: &ParticipantGrant) {
        for person in [Person::Guest(id.clone()), Person::of(id, grant)] {
            if !self.bans.contains(&person) {
                self.bans.push_back(person);
            }
        }
        while self.bans.len() > MOST_BANS {
            self.bans.pop_front();
        }
    }

    pub(super) fn is_banned(&self, id: &PeerId, grant: &ParticipantGrant) -> bool {
        self.bans.contains(&Person::Guest(id.clone())) || self.bans.contains(&Person::of(id, grant))
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

    /// Changes a grant as moderators have. Anybody can say to be a guest's peer: so what a guest was given ends with the connection,
    /// and only what was taken lasts.
    pub(super) fn apply(&self, id: &PeerId, grant: &mut ParticipantGrant) {
        let person = Person::of(id, grant);
        let Some(change) = self.changes.get(&person).copied() else { return };
        match person {
            Person::Known(_) => change.apply(grant),
            Person::Guest(_) => change.restrictions().apply(grant),
        }
    }

    /// Whether an invitation for one is still good for this peer; it is its from now on.
    pub(super) fn use_invitation(&mut self, once: &str, id: &PeerId) -> bool {
        match self.invitations.get(once) {
            Some(user) => user == id,
            None if self.invitations.len() >= MOST_INVITATIONS => false,
            None => self.invitations.insert(once.to_owned(), id.clone()).is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(identity: &str) -> ParticipantGrant {
        ParticipantGrant { identity: Some(identity.into()), ..ParticipantGrant::default() }
    }

    fn muted() -> Change {
        Change {
            publish: PublishChange { audio: Some(false), ..PublishChange::default() },
            moderator: Some(true),
            ..Change::default()
        }
    }

    #[test]
    fn who_is_removed_stays_out_by_peer_and_by_identity() {
        let mut memory = Memory::default();
        memory.ban(&"eve".into(), &known("user-1"));
        assert!(memory.is_banned(&"other".into(), &known("user-1")));
        assert!(memory.is_banned(&"eve".into(), &ParticipantGrant::default()));
        assert!(!memory.is_banned(&"bob".into(), &known("user-2")));
        assert!(!memory.is_banned(&"user-1".into(), &ParticipantGrant::default()), "names are no identities");
        for number in 0..MOST_BANS {
            memory.ban(&PeerId(number.to_string()), &ParticipantGrant::default());
        }
        assert_eq!(memory.bans.len(), MOST_BANS);
        assert!(!memory.is_banned(&"eve".into(), &ParticipantGrant::default()), "the first are forgotten");
    }

    #[test]
    fn what_is_given_is_kept_for_the_known_and_what_is_taken_for_all() {
        let mut memory = Memory::default();
        memory.note_change(&"ada".into(), &known("user-1"), muted()).unwrap();
        memory.note_change(&"bob".into(), &ParticipantGrant::default(), muted()).unwrap();
        let applied = |id: &str, mut grant: ParticipantGrant| {
            memory.apply(&id.into(), &mut grant);
            (grant.publish.audio, grant.publish.video, grant.moderator)
        };
        assert_eq!(applied("another", known("user-1")), (false, true, true));
        assert_eq!(applied("bob", ParticipantGrant::default()), (false, true, false));
        assert_eq!(applied("ada", ParticipantGrant::default()), (true, true, false));
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
    fn an_invitation_for_one_is_for_the_first() {
        let mut memory = Memory::default();
        assert!(memory.use_invitation("i", &"ada".into()));
        assert!(memory.use_invitation("i", &"ada".into()));
        assert!(!memory.use_invitation("i", &"bob".into()));
        for number in 1..MOST_INVITATIONS {
            assert!(memory.use_invitation(&format!("i-{number}"), &"bob".into()));
        }
        assert!(!memory.use_invitation("one too many", &"bob".into()));
        assert!(memory.use_invitation("i", &"ada".into()));
    }
}
