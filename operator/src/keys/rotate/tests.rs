use convene_admission_keys::{Next, Record, Retired, build_key_pair};

use super::*;

const YEAR: i64 = 365 * 24 * 60;
const HOUR: Option<Duration> = Some(Duration::from_hours(1));

fn pair(seed: u8) -> KeyPair {
    build_key_pair([seed; 32]).unwrap()
}

/// An arbitrary moment plus this many minutes.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
}

/// Made at minute 0.
fn fresh() -> Stored {
    Stored::start(pair(1), at(0))
}

/// The next key was made at minute 60.
fn with_next(published: Option<i64>) -> Stored {
    fresh().with_next(pair(2)).with_next_published(published.map(at))
}

/// The second key signs since minute 65.
fn promoted() -> Stored {
    with_next(Some(60)).promote(at(65)).unwrap()
}

/// The `ConfigMap` has the expected contents.
fn in_step(stored: Stored) -> State {
    let published = Some(stored.build_key_set().unwrap());
    State { stored, published }
}

fn published_as(stored: Stored, published: Option<&Stored>) -> State {
    State { stored, published: published.map(|other| other.build_key_set().unwrap()) }
}

fn name(step: &Step) -> String {
    match step {
        Step::MakeCurrent => "make current".into(),
        Step::MakeNext => "make next".into(),
        Step::Write { what, .. } => (*what).into(),
        Step::Publish(_) => "publish".into(),
        Step::Wait(pause) => format!("wait {} s", pause.as_secs()),
    }
}

#[test]
fn each_state_has_its_next_step() {
    let order = "corrected the record of the admission keys";
    let noted = "recorded that the next admission key is published";
    let missed = "the next admission key is missing in the ConfigMap, its waiting time starts again";
    let signs = "promoted the next admission key";
    let dropped = "dropped a retired admission key";
    let old_secret = Stored { record: Record::default(), ..fresh() };
    let cases = [
        ("nothing there", State::default(), HOUR, 0, "make current"),
        ("only the public half is left", published_as(Stored::default(), Some(&fresh())), HOUR, 0, "make current"),
        ("made and not published", published_as(fresh(), None), HOUR, 0, "publish"),
        ("another key is published", published_as(fresh(), Some(&Stored::start(pair(9), at(0)))), HOUR, 0, "publish"),
        ("a key of which nothing is recorded", in_step(old_secret), HOUR, 0, order),
        ("young", in_step(fresh()), HOUR, 10, "wait 300 s"),
        ("nearly old", in_step(fresh()), HOUR, 59, "wait 60 s"),
        ("old", in_step(fresh()), HOUR, 60, "make next"),
        ("old, and keys are never replaced", in_step(fresh()), None, YEAR, "wait 300 s"),
        ("next is made", published_as(with_next(None), Some(&fresh())), HOUR, 60, "publish"),
        ("next is published", in_step(with_next(None)), HOUR, 60, noted),
        ("next is not known everywhere", in_step(with_next(Some(60))), HOUR, 64, "wait 60 s"),
        ("next is known everywhere", in_step(with_next(Some(60))), HOUR, 65, signs),
        ("what has begun is brought to its end", in_step(with_next(Some(60))), None, 65, signs),
        ("next was removed", published_as(with_next(Some(60)), Some(&fresh())), HOUR, 65, missed),
        ("everything was removed", published_as(with_next(Some(60)), None), HOUR, 65, missed),
        ("the old key's tokens live", in_step(promoted()), HOUR, 79, "wait 60 s"),
        ("the old key's tokens are over", in_step(promoted()), HOUR, 80, dropped),
        (
            "the old key is not published",
            published_as(promoted(), Some(&Stored::start(pair(2), at(0)))),
            HOUR,
            66,
            "publish",
        ),
        ("the clock was ahead when the key was made", in_step(fresh()), HOUR, -1, order),
        ("the clock was ahead when next was published", in_step(with_next(Some(YEAR))), HOUR, 60, order),
        ("the clock was ahead when a key retired", in_step(promoted()), HOUR, 64, order),
    ];
    for (case, state, period, now, wanted) in cases {
        assert_eq!(name(&plan_rotation(&state, period, at(now)).unwrap()), wanted, "{case}");
    }
}

fn corrected(stored: Stored, now: i64) -> Stored {
    match plan_rotation(&in_step(stored), HOUR, at(now)).unwrap() {
        Step::Write { stored, .. } => *stored,
        other => panic!("{other:?}"),
    }
}

#[test]
fn times_in_the_future_count_from_now() {
    assert_eq!(corrected(fresh(), -YEAR).record.current.unwrap().since, at(-YEAR));
    let next = corrected(with_next(Some(YEAR)), 60).record.next.unwrap();
    assert_eq!(next, Next { kid: pair(2).kid, published: Some(at(60)) });
    assert_eq!(corrected(promoted(), 64).record.retired[0].since, at(64));
}

#[test]
fn a_key_put_there_by_hand_is_the_current_one_and_young() {
    let mut stored = with_next(Some(60));
    stored.current = Some(pair(5));
    let sound = corrected(stored, 70);
    assert_eq!(sound.record.current, Some(Current { kid: pair(5).kid, since: at(70) }));
    assert_eq!(sound.next, Some(pair(2)));
}

#[test]
fn a_next_or_retired_key_made_current_by_hand_is_nothing_else_any_more() {
    let mut forward = with_next(Some(60));
    forward.current = Some(pair(2));
    let sound = corrected(forward, 70);
    assert_eq!((sound.next, sound.record.next), (None, None));
    let mut back = promoted();
    back.current = Some(pair(1));
    assert_eq!(corrected(back, 66).record.retired, []);
}

#[test]
fn a_next_key_that_is_lost_is_forgotten() {
    let stored = Stored { next: None, ..with_next(Some(60)) };
    assert_eq!(corrected(stored, 65).record.next, None);
}

#[test]
fn retired_keys_cannot_pile_up() {
    let mut stored = promoted();
    let retired = |seed| Retired { key: pair(seed).public().unwrap(), since: at(65) };
    stored.record.retired = (10..30).map(retired).collect();
    assert_eq!(corrected(stored, 66).record.retired.len(), MOST_RETIRED);
}

#[test]
fn what_is_corrected_needs_no_correction() {
    let stored = [Stored { record: Record::default(), ..promoted() }, Stored { next: None, ..with_next(Some(60)) }];
    for stored in stored {
        for now in [-YEAR, 0, YEAR] {
            let once = corrected(stored.clone(), now);
            let step = plan_rotation(&in_step(once.clone()), None, at(now)).unwrap();
            assert!(!matches!(&step, Step::Write { stored, .. } if **stored == once), "{step:?}");
            assert_eq!(correct(&once, once.current.as_ref().unwrap(), at(now)), once);
        }
    }
}

#[test]
fn periods_of_any_length_are_borne() {
    assert_eq!(name(&plan_rotation(&in_step(fresh()), Some(Duration::MAX), at(YEAR)).unwrap()), "wait 300 s");
    assert_eq!(name(&plan_rotation(&in_step(fresh()), Some(Duration::ZERO), at(0)).unwrap()), "make next");
}
