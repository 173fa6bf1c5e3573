use proptest::prelude::*;

use super::*;
use crate::leader::decide::Timing;

fn target(uid: &str, node: &str) -> Target {
    Target { uid: uid.into(), pool: "lagoon".into(), node: node.into(), is_ready: true }
}

fn at(milliseconds: u64) -> Moment {
    Duration::from_millis(milliseconds)
}

/// Pods, by UID and node, that have responded at zero.
fn responding(pods: &[(&str, &str)]) -> Heartbeats {
    let mut heartbeats = Heartbeats::default();
    heartbeats.expect(pods.iter().map(|(uid, node)| target(uid, node)).collect(), at(0));
    for (uid, _) in pods {
        heartbeats.respond(uid, at(0));
    }
    heartbeats
}

/// Two failures of each of these pods.
fn fail(heartbeats: &mut Heartbeats, pods: &[&str]) {
    for uid in pods.iter().chain(pods) {
        heartbeats.fail(uid);
    }
}

fn silent(pods: &[&str]) -> Judgment {
    Judgment { silent: pods.iter().map(|uid| (*uid).to_owned()).collect(), doubtful: 0 }
}

#[test]
fn silence_takes_its_time_and_two_failures_while_others_respond() {
    let mut heartbeats = responding(&[("a", "pier-1"), ("b", "pier-2")]);
    heartbeats.fail("b");
    heartbeats.respond("a", at(7_900));
    assert_eq!(heartbeats.judge(at(8_000)), Judgment::default(), "one failure");
    heartbeats.fail("b");
    assert_eq!(heartbeats.judge(at(7_999)), Judgment::default());
    assert_eq!(heartbeats.judge(at(8_000)), silent(&["b"]));
    assert_eq!(heartbeats.judge(at(8_100)), Judgment::default(), "no news");
    assert_eq!(["a", "b", "c"].map(|uid| heartbeats.is_silent(uid)), [Some(false), Some(true), None]);
    heartbeats.respond("b", at(9_000));
    assert_eq!(heartbeats.is_silent("b"), Some(false));
    fail(&mut heartbeats, &["b"]);
    heartbeats.respond("a", at(16_000));
    assert_eq!(heartbeats.judge(at(16_999)), Judgment::default());
    assert_eq!(heartbeats.judge(at(17_000)), silent(&["b"]));
}

#[test]
fn a_time_in_which_the_operator_stood_still_does_not_count() {
    let mut heartbeats = responding(&[("a", "pier-1"), ("b", "pier-2")]);
    fail(&mut heartbeats, &["b"]);
    heartbeats.forgive(Duration::from_secs(4), at(9_000));
    heartbeats.respond("a", at(9_000));
    assert_eq!(heartbeats.judge(at(9_000)), Judgment::default());
    fail(&mut heartbeats, &["b"]);
    assert_eq!(heartbeats.judge(at(11_999)), Judgment::default());
    heartbeats.respond("a", at(11_999));
    assert_eq!(heartbeats.judge(at(12_000)), silent(&["b"]));
}

#[test]
fn a_refusal_shows_that_the_node_is_there_and_not_that_a_silent_pod_is_back() {
    let mut heartbeats = responding(&[("a", "pier-1"), ("b", "pier-2")]);
    fail(&mut heartbeats, &["b"]);
    heartbeats.refuse("b", at(4_000));
    heartbeats.respond("a", at(12_000));
    assert_eq!(heartbeats.judge(at(11_000)), Judgment::default());
    fail(&mut heartbeats, &["b"]);
    assert_eq!(heartbeats.judge(at(12_000)), silent(&["b"]));
    heartbeats.refuse("b", at(13_000));
    assert_eq!(heartbeats.is_silent("b"), Some(true));
    heartbeats.respond("b", at(14_000));
    assert_eq!(heartbeats.is_silent("b"), Some(false));
}

#[test]
fn pods_that_were_never_heard_have_no_vote() {
    let mut heartbeats = Heartbeats::default();
    let pool = |uid: &str, node: &str, pool: &str| Target { pool: pool.into(), ..target(uid, node) };
    let unreachable = [("x", "1"), ("y", "2"), ("z", "3")].map(|(uid, node)| pool(uid, node, "pond"));
    let others = [("a", "4"), ("b", "5")].map(|(uid, node)| target(uid, node));
    heartbeats.expect(unreachable.into_iter().chain(others).collect(), at(0));
    heartbeats.respond("a", at(0));
    heartbeats.respond("b", at(0));
    fail(&mut heartbeats, &["b", "x", "y", "z"]);
    heartbeats.respond("a", at(7_000));
    assert_eq!(heartbeats.judge(at(8_000)), silent(&["b"]));
}

#[test]
fn most_nodes_at_once_mean_that_the_operator_is_cut_off() {
    /// Pods with their nodes, those that are quiet, and the judgment.
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], Judgment);
    let cases: [Case<'_>; 6] = [
        (&[("a", "1"), ("b", "2")], &["a", "b"], Judgment { silent: vec![], doubtful: 2 }),
        (&[("a", "1"), ("b", "1")], &["a", "b"], Judgment { silent: vec![], doubtful: 2 }),
        (&[("a", "1"), ("b", "2"), ("c", "3")], &["a", "b"], Judgment { silent: vec![], doubtful: 2 }),
        // Most pods, but on one of two nodes.
        (&[("a", "1"), ("b", "1"), ("c", "2")], &["a", "b"], silent(&["a", "b"])),
        (&[("a", "1"), ("b", "1")], &["a"], silent(&["a"])),
        (&[("a", "1")], &["a"], silent(&["a"])),
    ];
    for (pods, quiet, wanted) in cases {
        let mut heartbeats = responding(pods);
        fail(&mut heartbeats, quiet);
        for (uid, _) in pods.iter().filter(|(uid, _)| !quiet.contains(uid)) {
            heartbeats.respond(uid, at(6_500));
        }
        assert_eq!(heartbeats.judge(at(8_000)), wanted, "{pods:?} {quiet:?}");
    }
}

#[test]
fn a_second_loss_is_judged_without_the_first() {
    let mut heartbeats = responding(&[("a", "1"), ("b", "2"), ("c", "3")]);
    fail(&mut heartbeats, &["a"]);
    heartbeats.respond("b", at(7_000));
    heartbeats.respond("c", at(7_000));
    assert_eq!(heartbeats.judge(at(8_000)), silent(&["a"]));
    fail(&mut heartbeats, &["b"]);
    heartbeats.respond("c", at(14_000));
    assert_eq!(heartbeats.judge(at(15_000)), silent(&["b"]));
}

#[test]
fn a_pod_that_never_responded_is_judged_if_others_of_its_pool_respond() {
    for (pool, wanted) in [("lagoon", silent(&["new"])), ("pond", Judgment::default())] {
        let mut heartbeats = responding(&[("a", "1")]);
        let new = Target { pool: pool.into(), ..target("new", "2") };
        heartbeats.expect(vec![target("a", "1"), new], at(0));
        fail(&mut heartbeats, &["new"]);
        heartbeats.respond("a", at(8_000));
        assert_eq!(heartbeats.judge(at(8_000)), wanted, "{pool}");
    }
}

#[test]
fn a_pod_that_is_not_ready_is_not_judged_and_its_time_begins_when_it_is() {
    let mut heartbeats = responding(&[("a", "1")]);
    let starting = Target { is_ready: false, ..target("new", "2") };
    heartbeats.expect(vec![target("a", "1"), starting], at(0));
    fail(&mut heartbeats, &["new"]);
    heartbeats.respond("a", at(60_000));
    assert_eq!(heartbeats.judge(at(60_000)), Judgment::default());
    heartbeats.expect(vec![target("a", "1"), target("new", "2")], at(60_000));
    heartbeats.respond("a", at(68_000));
    assert_eq!(heartbeats.judge(at(68_000)), Judgment::default(), "its failures were those of a start");
    fail(&mut heartbeats, &["new"]);
    assert_eq!(heartbeats.judge(at(68_000)), silent(&["new"]));
}

#[test]
fn a_silent_pod_stays_so_when_kubernetes_calls_it_not_ready_and_is_forgotten_with_its_object() {
    let mut heartbeats = responding(&[("a", "1"), ("b", "2")]);
    fail(&mut heartbeats, &["b"]);
    heartbeats.respond("a", at(8_000));
    heartbeats.judge(at(8_000));
    heartbeats.expect(vec![target("a", "1"), Target { is_ready: false, ..target("b", "2") }], at(40_000));
    heartbeats.expect(vec![target("a", "1"), target("b", "2")], at(41_000));
    assert_eq!(heartbeats.is_silent("b"), Some(true), "an object is no response");
    heartbeats.expect(vec![target("a", "1")], at(42_000));
    heartbeats.respond("b", at(43_000));
    assert_eq!(heartbeats.is_silent("b"), None);
}

/// Lets `b` fall silent while `a` responds, and returns the moment.
fn silence(heartbeats: &mut Heartbeats, since: u64) -> u64 {
    fail(heartbeats, &["b"]);
    heartbeats.respond("a", at(since + 8_000));
    assert_eq!(heartbeats.judge(at(since + 8_000)), silent(&["b"]));
    since + 8_000
}

#[test]
fn a_pod_that_is_silent_again_and_again_has_to_respond_for_longer_each_time() {
    let mut heartbeats = responding(&[("a", "pier-1"), ("b", "pier-2")]);
    let mut now = 0;
    for needed in [1, 5, 15, 30, 30] {
        now = silence(&mut heartbeats, now);
        for count in 1..=needed {
            now += 2_000;
            heartbeats.respond("b", at(now));
            let is_silent = count < needed;
            let found = (heartbeats.is_silent("b"), heartbeats.is_returning("b", at(now)));
            assert_eq!(found, (Some(is_silent), is_silent), "{count} of {needed}");
        }
    }
    now = silence(&mut heartbeats, now);
    for _ in 0..29 {
        heartbeats.respond("b", at(now));
    }
    heartbeats.fail("b");
    heartbeats.respond("b", at(now));
    assert_eq!(heartbeats.is_silent("b"), Some(true), "in a row");
}

#[test]
fn a_pod_returns_with_its_first_response_and_not_when_it_has_been_quiet_for_as_long_again() {
    let mut heartbeats = responding(&[("a", "pier-1"), ("b", "pier-2")]);
    let now = silence(&mut heartbeats, 0);
    heartbeats.respond("b", at(now));
    let now = silence(&mut heartbeats, now);
    heartbeats.refuse("b", at(now));
    assert!(!heartbeats.is_returning("b", at(now)), "a refusal is no response");
    heartbeats.respond("b", at(now));
    for _ in 0..3 {
        heartbeats.fail("b");
    }
    assert_eq!([7_999, 8_000].map(|passed| heartbeats.is_returning("b", at(now + passed))), [true, false]);
}

#[test]
fn an_earlier_silence_is_forgotten_after_a_while() {
    for (pause, is_silent) in [(599_999, true), (600_000, false)] {
        let mut heartbeats = responding(&[("a", "pier-1"), ("b", "pier-2")]);
        let now = silence(&mut heartbeats, 0);
        heartbeats.respond("b", at(now));
        heartbeats.respond("b", at(now + pause - 8_000));
        let now = silence(&mut heartbeats, now + pause - 8_000);
        heartbeats.respond("b", at(now));
        assert_eq!(heartbeats.is_silent("b"), Some(is_silent), "{pause}");
    }
}

#[test]
fn the_times_fit_each_other() {
    assert!(PERIOD < WITNESS, "a healthy pod always counts as responding");
    assert!(SILENCE.saturating_sub(PERIOD) > WITNESS, "pods that are cut off together do not count");
    assert!(SILENCE >= PERIOD * 3, "time for two failures after the last response");
    assert!(SILENCE > Timing::default().renew_deadline, "an operator without an API server has ended before");
}

/// Asks pods as the operator does and judges every quarter of a second. `lost` is when the pods of a node stop responding. Returns when
/// each pod was judged to be silent.
fn simulate(pods: &[(u8, u64)], lost: impl Fn(u8) -> Option<u64>, end: u64) -> BTreeMap<usize, u64> {
    let name = |number: usize| format!("p{number}");
    let mut heartbeats = Heartbeats::default();
    let targets = pods.iter().enumerate().map(|(number, (node, _))| target(&name(number), &node.to_string()));
    heartbeats.expect(targets.collect(), at(0));
    let mut found = BTreeMap::new();
    for now in (0..=end).step_by(50) {
        for (number, (node, phase)) in pods.iter().enumerate() {
            // The question was sent one period before; it fails at its limit, and the next follows immediately.
            let is_due = now % 2_000 == phase / 50 * 50;
            let is_lost = lost(*node).is_some_and(|lost| now.saturating_sub(2_000) >= lost);
            let is_quiet = lost(*node).is_some_and(|lost| now >= lost);
            match (is_due, is_lost, is_quiet) {
                (true, true, _) => heartbeats.fail(&name(number)),
                (true, false, false) => heartbeats.respond(&name(number), at(now)),
                _ => {}
            }
        }
        if now % 250 == 0 {
            for uid in heartbeats.judge(at(now)).silent {
                found.entry(uid[1..].parse().unwrap()).or_insert(now);
            }
        }
    }
    found
}

fn pods() -> impl Strategy<Value = Vec<(u8, u64)>> {
    prop::collection::vec((0..5_u8, 0..2_000_u64), 2..12)
}

proptest! {
    #[test]
    fn healthy_pods_are_never_silent(pods in pods()) {
        prop_assert_eq!(simulate(&pods, |_| None, 30_000), BTreeMap::new());
    }

    #[test]
    fn an_operator_that_loses_all_pods_at_once_judges_none(pods in pods(), when in 5_000..9_000_u64) {
        prop_assert_eq!(simulate(&pods, |_| Some(when), 60_000), BTreeMap::new());
    }

    #[test]
    fn the_loss_of_one_node_of_several_is_noticed_in_time_and_no_other(pods in pods(), node in 0..5_u8, when in 5_000..9_000_u64) {
        let nodes: HashSet<_> = pods.iter().map(|(node, _)| *node).collect();
        prop_assume!(nodes.len() >= 2 && nodes.contains(&node));
        let found = simulate(&pods, |lost| (lost == node).then_some(when), 40_000);
        for (number, (of, _)) in pods.iter().enumerate() {
            let noticed = found.get(&number).map(|moment| moment - when);
            match noticed {
                Some(after) => prop_assert!(*of == node && (6_000..=8_250).contains(&after), "{} after {}", number, after),
                None => prop_assert!(*of != node, "{} was not noticed", number),
            }
        }
    }
}
