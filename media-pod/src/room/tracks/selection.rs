//! Selects the streams that a participant receives in a room with more streams than each can receive. Pure; it creates and closes nothing.
//!
//! Audio is selected by the last voices. Video is selected in this order: shared screens, then the peers that the client watches, then the
//! last speakers, then the others in a stable order, so that videos do not come and go without a reason.

use std::collections::{BTreeMap, BTreeSet};

use crate::room::interface::ids::{PeerId, ProducerId};

/// A stream that participants can receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) owner: PeerId,
    pub(crate) producer: ProducerId,
    pub(crate) is_audio: bool,
    pub(crate) is_share: bool,
    /// Paused for some time.
    pub(crate) is_resting: bool,
}

/// The streams that one participant wants to receive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wishes<'a> {
    pub(crate) receiver: &'a PeerId,
    /// In order of preference.
    pub(crate) watched: &'a [PeerId],
    pub(crate) declined: &'a BTreeSet<ProducerId>,
}

impl Wishes<'_> {
    fn takes(&self, one: &Candidate) -> bool {
        one.owner != *self.receiver && !self.declined.contains(&one.producer)
    }
}

/// The streams of a room, in the order of preference of a participant without wishes.
#[derive(Debug, Default)]
pub(crate) struct Program {
    audio: Vec<Candidate>,
    video: Vec<Candidate>,
    /// Number of entries at the front of `video` that are currently shared screens.
    shown: usize,
    /// The positions of a peer's streams in `audio` and `video`.
    of_peer: BTreeMap<PeerId, Positions>,
}

#[derive(Debug, Default)]
struct Positions {
    audio: Vec<usize>,
    video: Vec<usize>,
}

impl Program {
    /// `heard`: producers, most recently heard first. `spoke`: peers, most recent dominant speaker first.
    pub(crate) fn new(candidates: Vec<Candidate>, heard: &[ProducerId], spoke: &[PeerId]) -> Self {
        let (mut audio, mut video): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|one| one.is_audio);
        // Stable: the rest keeps its order.
        audio.sort_by_cached_key(|one| (one.is_resting, place_in(heard, &one.producer)));
        let extra = extras_of(&video);
        let is_extra = |one: &Candidate| extra.contains(&one.producer);
        video.sort_by_cached_key(|one| (one.is_resting, is_extra(one), !one.is_share, place_in(spoke, &one.owner)));
        let is_shown = |one: &&Candidate| one.is_share && !one.is_resting && !is_extra(one);
        let shown = video.iter().take_while(is_shown).count();
        let mut of_peer: BTreeMap<PeerId, Positions> = BTreeMap::new();
        for (place, one) in audio.iter().enumerate() {
            of_peer.entry(one.owner.clone()).or_default().audio.push(place);
        }
        for (place, one) in video.iter().enumerate() {
            of_peer.entry(one.owner.clone()).or_default().video.push(place);
        }
        Self { audio, video, shown, of_peer }
    }

    /// How many streams there are for a participant.
    pub(crate) fn of_others(&self, receiver: &PeerId) -> usize {
        let own = self.of_peer.get(receiver).map_or(0, |own| own.audio.len() + own.video.len());
        self.audio.len() + self.video.len() - own
    }

    /// The `most` most wanted streams of others. Paused streams come last, whatever their kind.
    pub(crate) fn choose(&self, wishes: &Wishes<'_>, most: usize) -> BTreeSet<ProducerId> {
        let live = |kind: &[Candidate], places: fn(&Positions) -> &Vec<usize>| {
            let own = self.of_peer.get(wishes.receiver).map_or(&[][..], |own| places(own));
            kind.partition_point(|one| !one.is_resting) - own.iter().filter(|place| !kind[**place].is_resting).count()
        };
        let (sounds, pictures) = (live(&self.audio, |own| &own.audio), live(&self.video, |own| &own.video));
        // Half for audio; capacity that one kind does not need goes to the other.
        let for_audio = sounds.min(most.div_ceil(2).max(most.saturating_sub(pictures)));
        let mut chosen = BTreeSet::new();
        take(&mut chosen, for_audio, self.audio.iter().filter(|one| wishes.takes(one)));
        let (pictures, sounds) = (self.pictures(wishes.watched), self.audio.iter());
        let (live, paused) = (pictures.clone().filter(|one| !one.is_resting), pictures.filter(|one| one.is_resting));
        take(&mut chosen, most, live.chain(sounds).chain(paused).filter(|one| wishes.takes(one)));
        chosen
    }

    /// Shared screens, watched peers, then everything; some streams appear twice.
    fn pictures<'a>(&'a self, watched: &'a [PeerId]) -> impl Iterator<Item = &'a Candidate> + Clone {
        let (shown, rest) = self.video.split_at(self.shown);
        let of_watched = watched.iter().filter_map(|peer| self.of_peer.get(peer)).flat_map(|places| &places.video);
        let in_sight = of_watched.map(|place| &self.video[*place]).filter(|one| !one.is_resting);
        shown.iter().chain(in_sight).chain(rest)
    }
}

/// The second and further cameras and screens of one owner, which do not displace the streams of others.
fn extras_of(video: &[Candidate]) -> BTreeSet<ProducerId> {
    let mut first = BTreeSet::new();
    let extra = video.iter().filter(|one| !one.is_resting && !first.insert((&one.owner, one.is_share)));
    extra.map(|one| one.producer.clone()).collect()
}

/// Adds the first candidates, up to `most` in all.
fn take<'a>(chosen: &mut BTreeSet<ProducerId>, most: usize, candidates: impl Iterator<Item = &'a Candidate>) {
    for one in candidates {
        if chosen.len() >= most {
            return;
        }
        chosen.insert(one.producer.clone());
    }
}

/// The position in the list; after its end if it is not there.
fn place_in<T: PartialEq>(list: &[T], one: &T) -> usize {
    list.iter().position(|other| other == one).unwrap_or(list.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `peer-a`: sound, `peer-v`: a picture, `peer-s`: a screen; a `!` behind it: paused.
    fn candidate(name: &str) -> Candidate {
        let (stream, is_resting) = name.strip_suffix('!').map_or((name, false), |stream| (stream, true));
        let (owner, kind) = stream.split_once('-').unwrap();
        let (owner, producer) = (PeerId::from(owner), ProducerId::from(stream));
        Candidate { owner, producer, is_audio: kind == "a", is_share: kind == "s", is_resting }
    }

    fn program(streams: &[&str], heard: &[&str], spoke: &[&str]) -> Program {
        let heard: Vec<_> = heard.iter().map(|one| ProducerId::from(*one)).collect();
        let spoke: Vec<_> = spoke.iter().map(|one| PeerId::from(*one)).collect();
        Program::new(streams.iter().map(|one| candidate(one)).collect(), &heard, &spoke)
    }

    fn chosen(program: &Program, receiver: &str, watched: &[&str], most: usize) -> Vec<String> {
        let watched: Vec<_> = watched.iter().map(|one| PeerId::from(*one)).collect();
        let (receiver, declined) = (PeerId::from(receiver), BTreeSet::new());
        let wishes = Wishes { receiver: &receiver, watched: &watched, declined: &declined };
        program.choose(&wishes, most).into_iter().map(|producer| producer.0).collect()
    }

    const FIVE: [&str; 10] = ["ada-a", "ada-v", "bob-a", "bob-v", "eve-a", "eve-v", "kim-a", "kim-v", "tom-a", "tom-v"];

    #[test]
    fn everything_where_it_fits_and_never_ones_own() {
        let all = program(&FIVE, &[], &[]);
        assert_eq!(
            chosen(&all, "ada", &[], 8),
            ["bob-a", "bob-v", "eve-a", "eve-v", "kim-a", "kim-v", "tom-a", "tom-v"]
        );
    }

    #[test]
    fn audio_goes_by_the_last_voices() {
        let heard = program(&FIVE, &["tom-a", "kim-a"], &[]);
        assert_eq!(chosen(&heard, "ada", &[], 4), ["bob-v", "eve-v", "kim-a", "tom-a"]);
    }

    #[test]
    fn video_goes_by_watched_peers_then_by_last_speakers() {
        let spoke = program(&FIVE, &[], &["tom"]);
        assert_eq!(chosen(&spoke, "ada", &[], 2), ["bob-a", "tom-v"]);
        assert_eq!(chosen(&spoke, "ada", &["kim"], 2), ["bob-a", "kim-v"]);
        assert_eq!(chosen(&spoke, "ada", &["kim", "eve"], 4), ["bob-a", "eve-a", "eve-v", "kim-v"]);
        assert_eq!(chosen(&spoke, "ada", &["unknown", "kim"], 4), ["bob-a", "eve-a", "kim-v", "tom-v"]);
    }

    #[test]
    fn screens_come_before_cameras_and_resting_streams_last() {
        let shared = program(&["ada-v!", "bob-v", "eve-s", "kim-v", "tom-s!"], &[], &["kim"]);
        assert_eq!(chosen(&shared, "x", &["bob", "ada"], 1), ["eve-s"]);
        assert_eq!(chosen(&shared, "x", &["bob", "ada"], 3), ["bob-v", "eve-s", "kim-v"]);
        assert_eq!(chosen(&shared, "x", &[], 4), ["bob-v", "eve-s", "kim-v", "tom-s"]);
    }

    #[test]
    fn many_screens_of_one_peer_do_not_displace_others() {
        let greedy = ["ada-s", "ada-s1", "ada-s2", "ada-v", "ada-v1", "bob-v", "eve-s", "kim-v"];
        let candidates = greedy.iter().map(|name| Candidate { is_share: name.contains("-s"), ..candidate(name) });
        let all = Program::new(candidates.collect(), &[], &[]);
        assert_eq!(chosen(&all, "x", &[], 5), ["ada-s", "ada-v", "bob-v", "eve-s", "kim-v"]);
        assert_eq!(chosen(&all, "x", &["bob"], 3), ["ada-s", "bob-v", "eve-s"]);
        assert_eq!(chosen(&all, "x", &["kim"], 3), ["ada-s", "eve-s", "kim-v"]);
    }

    #[test]
    fn a_muted_microphone_takes_no_picture_away() {
        let muted = program(&["ada-a!", "ada-v", "bob-a!", "bob-v", "eve-a", "eve-v!"], &[], &[]);
        assert_eq!(chosen(&muted, "x", &[], 1), ["eve-a"]);
        assert_eq!(chosen(&muted, "x", &[], 3), ["ada-v", "bob-v", "eve-a"]);
        assert_eq!(chosen(&muted, "eve", &["bob"], 1), ["bob-v"]);
        assert_eq!(chosen(&muted, "x", &[], 5), ["ada-a", "ada-v", "bob-a", "bob-v", "eve-a"]);
    }

    #[test]
    fn what_one_kind_does_not_need_is_the_others() {
        let quiet = program(&["ada-a", "bob-v", "eve-v", "kim-v"], &[], &[]);
        assert_eq!(chosen(&quiet, "x", &[], 4).len(), 4);
        assert_eq!(chosen(&quiet, "x", &[], 3), ["ada-a", "bob-v", "eve-v"]);
        let dark = program(&["ada-a", "bob-a", "eve-a", "kim-v"], &[], &[]);
        assert_eq!(chosen(&dark, "x", &[], 3), ["ada-a", "bob-a", "kim-v"]);
        assert_eq!(chosen(&dark, "x", &[], 0), [""; 0]);
    }

    proptest! {
        #[test]
        fn as_many_as_there_may_be_and_more_keeps_what_there_was(
            paused in proptest::collection::vec(any::<bool>(), 24),
            watched in proptest::collection::vec(0_usize..12, 0..6),
            most in 0_usize..30,
        ) {
            let stream = |(number, is_resting): (usize, &bool)| {
                let (owner, kind) = (number / 2, if number % 2 == 0 { "a" } else { "v" });
                candidate(&format!("{owner}-{kind}{}", if *is_resting { "!" } else { "" }))
            };
            let all = Program::new(paused.iter().enumerate().map(stream).collect(), &[], &[]);
            let watched: Vec<_> = watched.iter().map(|number| PeerId(number.to_string())).collect();
            let (receiver, declined) = (PeerId::from("0"), BTreeSet::new());
            let choose = |most| all.choose(&Wishes { receiver: &receiver, watched: &watched, declined: &declined }, most);
            prop_assert_eq!(choose(most).len(), most.min(22));
            prop_assert!(choose(most).iter().all(|producer| !producer.0.starts_with("0-")));
        }
    }
}
