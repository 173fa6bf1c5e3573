use super::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn held(version: &str, holder: &str) -> Sighting {
    Sighting { version: version.into(), holder: Some(holder.into()), duration: seconds(10) }
}

fn free(version: &str) -> Sighting {
    Sighting { holder: None, ..held(version, "") }
}

fn candidate() -> Candidate {
    Candidate::new("heron".into(), Timing::default())
}

fn leader(begun: Moment) -> Candidate {
    let mut candidate = candidate();
    candidate.succeed(held("1", "heron"), begun, begun + Duration::from_millis(10));
    candidate
}

#[test]
fn the_usual_times_leave_a_holder_several_tries_and_others_a_margin() {
    let timing = Timing::default();
    assert!(timing.request < timing.retry);
    assert!(timing.retry * 3 < timing.renew_deadline);
    // Two clocks may differ in speed by a tenth.
    assert!(timing.renew_deadline * 11 / 10 < timing.lease * 9 / 10);
}

#[test]
fn one_that_stands_by_decides() {
    let cases = [
        ("there is no lease", None, seconds(5), Decision::Create),
        ("it has no holder", Some(free("1")), seconds(5), Decision::Acquire),
        ("our own write, whose answer was lost", Some(held("1", "heron")), seconds(5), Decision::Renew),
        ("another holds it", Some(held("1", "egret")), seconds(5), Decision::Wait(seconds(2))),
        ("the next look is due", Some(held("1", "egret")), seconds(7), Decision::Read),
        ("just before the end", Some(held("1", "egret")), Duration::from_millis(14_999), Decision::Read),
        ("unchanged for as long as it lasts", Some(held("1", "egret")), seconds(15), Decision::Acquire),
    ];
    for (case, found, now, expected) in cases {
        let mut candidate = candidate();
        candidate.observe(found, seconds(5));
        assert_eq!(candidate.decide(now), expected, "{case}");
        assert!(!candidate.leads(now), "{case}");
    }
}

#[test]
fn a_version_counts_from_when_it_was_seen_first() {
    let mut candidate = candidate();
    candidate.observe(Some(held("1", "egret")), seconds(0));
    candidate.observe(Some(held("1", "egret")), seconds(9));
    assert_eq!(candidate.decide(seconds(9)), Decision::Wait(seconds(1)));
    candidate.doubt();
    candidate.observe(Some(held("1", "egret")), seconds(10));
    assert_eq!(candidate.decide(seconds(10)), Decision::Acquire);
    candidate.observe(Some(held("2", "egret")), seconds(10));
    assert_eq!(candidate.decide(seconds(10)), Decision::Wait(seconds(2)));
}

#[test]
fn a_lease_lasts_as_long_as_its_holder_wrote_within_limits() {
    for (written, lasts) in [(0, 10), (1, 10), (10, 10), (30, 30), (2_000_000_000, 60)] {
        let mut candidate = candidate();
        let found = Sighting { duration: seconds(written), ..held("1", "egret") };
        candidate.observe(Some(found), seconds(0));
        let before = Duration::from_millis(lasts * 1000 - 1);
        assert_ne!(candidate.decide(before), Decision::Acquire, "{written}");
        assert_eq!(candidate.decide(seconds(lasts)), Decision::Acquire, "{written}");
    }
}

#[test]
fn a_holder_renews_in_time_and_stops_by_itself() {
    let leader = leader(seconds(100));
    let cases = [
        (101, Decision::Wait(seconds(1)), true),
        (102, Decision::Renew, true),
        (106, Decision::Renew, true),
        (107, Decision::Lost(Loss::Late), false),
        (900, Decision::Lost(Loss::Late), false),
    ];
    for (now, expected, leads) in cases {
        assert_eq!(leader.decide(seconds(now)), expected, "{now}");
        assert_eq!(leader.leads(seconds(now)), leads, "{now}");
    }
    assert_eq!(leader.deadline(), Some(seconds(107)));
}

#[test]
fn a_holder_whose_lease_changed_hands_stops() {
    let cases = [
        ("another holds it", Some(held("2", "egret")), Decision::Lost(Loss::Taken)),
        ("it has no holder", Some(free("2")), Decision::Lost(Loss::Taken)),
        ("it is gone", None, Decision::Lost(Loss::Deleted)),
        ("only its labels changed", Some(held("2", "heron")), Decision::Renew),
    ];
    for (case, found, expected) in cases {
        let mut leader = leader(seconds(100));
        leader.observe(found, seconds(102));
        assert_eq!(leader.decide(seconds(102)), expected, "{case}");
    }
}

#[test]
fn a_lost_response_is_verified_before_anything_else() {
    let mut leader = leader(seconds(100));
    leader.doubt();
    assert_eq!(leader.decide(seconds(103)), Decision::Read);
    assert_eq!(leader.decide(seconds(107)), Decision::Lost(Loss::Late), "doubt does not lengthen the belief");
    let mut candidate = candidate();
    assert_eq!(candidate.decide(seconds(0)), Decision::Read);
    candidate.observe(None, seconds(0));
    candidate.doubt();
    assert_eq!(candidate.decide(seconds(1)), Decision::Read);
}

#[test]
fn an_answer_that_came_too_late_makes_no_leader() {
    let mut candidate = candidate();
    candidate.observe(None, seconds(0));
    candidate.succeed(held("1", "heron"), seconds(0), seconds(7));
    assert!(!candidate.leads(seconds(7)));
    assert_eq!(candidate.decide(seconds(7)), Decision::Read, "it goes on as one that stands by");
}

#[test]
fn a_candidate_that_resigned_does_not_lead() {
    let mut leader = leader(seconds(100));
    leader.resign();
    assert!(!leader.leads(seconds(100)));
    assert!(leader.is_holder(), "until the lease is given back");
}
