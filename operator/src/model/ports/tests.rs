use proptest::prelude::*;

use super::*;

fn range(text: &str) -> PortRange {
    text.parse().unwrap()
}

fn taken(blocks: &[&str]) -> BTreeSet<PortRange> {
    blocks.iter().map(|block| range(block)).collect()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn ranges_are_read_and_written_alike() {
    assert_eq!(range("40000-40003").to_string(), "40000-40003");
    for bad in ["", "40000", "40003-40000", "0-5", "a-b", "1-70000", "1-2-3", "-1"] {
        assert!(bad.parse::<PortRange>().is_err(), "{bad}");
    }
}

#[test]
fn the_lowest_gap_that_is_wide_enough_is_used() {
    let all = range("100-109");
    let cases: &[(&[&str], u32, Option<&str>)] = &[
        (&[], 4, Some("100-103")),
        (&["100-103"], 4, Some("104-107")),
        (&["100-103", "104-107"], 4, None),
        (&["100-103", "104-107"], 2, Some("108-109")),
        (&["102-103"], 2, Some("100-101")),
        (&["101-103"], 2, Some("104-105")),
        (&["90-101", "108-120"], 6, Some("102-107")),
        (&["100-105", "101-102"], 4, Some("106-109")),
        (&["50-60"], 10, Some("100-109")),
        (&[], 11, None),
        (&[], 0, None),
    ];
    for (blocks, count, wanted) in cases {
        assert_eq!(compute_free_block(all, *count, &taken(blocks)), wanted.map(range), "{blocks:?} {count}");
    }
}

#[test]
fn the_end_of_the_port_space_is_no_trap() {
    let end = range("65530-65535");
    assert_eq!(compute_free_block(end, 6, &taken(&[])), Some(end));
    assert_eq!(compute_free_block(end, 1, &taken(&["65530-65535"])), None);
}

#[test]
fn a_freed_block_rests_and_then_is_free() {
    let mut quarantine = Quarantine::default();
    quarantine.observe(&taken(&["100-101"]), QUARANTINE, at(0));
    assert_eq!(quarantine.resting().count(), 0);
    quarantine.observe(&taken(&[]), QUARANTINE, at(10));
    assert_eq!(quarantine.resting().collect::<Vec<_>>(), [range("100-101")]);
    assert_eq!(quarantine.next_release(), Some(at(40)));
    quarantine.observe(&taken(&[]), QUARANTINE, at(39));
    assert_eq!(quarantine.resting().count(), 1);
    quarantine.observe(&taken(&[]), QUARANTINE, at(40));
    assert_eq!(quarantine.resting().count(), 0);
}

#[test]
fn used_ports_are_counted_within_the_range_only() {
    assert_eq!(compute_used_ports(range("100-109"), &taken(&["95-101", "108-120", "100-101"])), 4);
}

#[derive(Clone, Debug)]
enum Step {
    Allocate(u32),
    Free(usize),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_u32..6).prop_map(Step::Allocate),
        (0_usize..16).prop_map(Step::Free),
        (0_i64..40).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Under any interleaving: no port in two blocks, none outside the range, none again before it has rested; all free again in the end.
    #[test]
    fn no_port_is_ever_in_two_hands(first in 1024_u16..60000, width in 0_u16..40, steps in prop::collection::vec(step(), 1..80)) {
        let all = PortRange::new(first, first + width).unwrap();
        let mut now = 0_i64;
        let mut live: BTreeSet<PortRange> = BTreeSet::new();
        let mut freed_at: BTreeMap<u16, i64> = BTreeMap::new();
        let mut quarantine = Quarantine::default();
        for step in steps {
            match step {
                Step::Wait(seconds) => now += seconds,
                Step::Free(index) => {
                    if let Some(block) = live.iter().nth(index).copied() {
                        live.remove(&block);
                        freed_at.extend(block.ports().map(|port| (port, now)));
                    }
                }
                Step::Allocate(count) => {
                    let blocked: BTreeSet<_> = live.iter().copied().chain(quarantine.resting()).collect();
                    if let Some(block) = compute_free_block(all, count, &blocked) {
                        prop_assert_eq!(block.count(), count);
                        prop_assert!(block.first() >= all.first() && block.last() <= all.last());
                        prop_assert!(live.iter().all(|other| !other.overlaps(block)));
                        for port in block.ports() {
                            let rested = freed_at.get(&port).is_none_or(|freed| now - freed >= 30);
                            prop_assert!(rested, "port {} again after too short a rest", port);
                        }
                        live.insert(block);
                    } else {
                        let free = all.ports().filter(|port| blocked.iter().all(|block| !block.ports().any(|used| used == *port)));
                        let longest = free.fold((0_u32, 0_u32, 0_u32), |(longest, run, last), port| {
                            let run = if u32::from(port) == last + 1 { run + 1 } else { 1 };
                            (longest.max(run), run, u32::from(port))
                        }).0;
                        prop_assert!(longest < count, "a gap of {} was not used for {}", longest, count);
                    }
                }
            }
            quarantine.observe(&live, QUARANTINE, at(now));
        }
        quarantine.observe(&BTreeSet::new(), QUARANTINE, at(now));
        quarantine.observe(&BTreeSet::new(), QUARANTINE, at(now + 30));
        prop_assert_eq!(quarantine.resting().count(), 0);
        prop_assert_eq!(compute_free_block(all, all.count(), &BTreeSet::new()), Some(all));
    }
}
