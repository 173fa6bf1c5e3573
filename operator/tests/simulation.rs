//! The operator in a simulated cluster: it crashes after every single write, its requests are lost and rejected, its watches lag and break;
//! each time the cluster must reach the same end state.
//!
//! `CONVENE_SIM_ONLY` restricts the tests to scenarios with one of these words in their name, `CONVENE_SIM_CRASH` to one crash point,
//! `CONVENE_SIM_SEED` to one seed; `CONVENE_SIM_CRASH_EVERY=n` plays one in n crash points; `CONVENE_SIM_SECONDS` is the time for random faults; with `CONVENE_SIM_LOG` the operators log.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "for the terminal of a test run")]
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a panic fails the test, json! literals read best as values"
)]

mod sim;

use std::{
    ops::RangeInclusive,
    sync::Once,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use sim::{
    faults::CrashPoint,
    play::{Report, perform, play},
    scenarios::{SCENARIOS, Scenario, kill_pod_of_locked_meeting},
    world::{Trouble, World},
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Seeds of random faults for every scenario in one round: about as many clusters as are simulated concurrently.
const SEEDS_PER_ROUND: u64 = 8;
/// Time after which no more rounds of seeds start. At least one round is played.
const SECONDS_FOR_SEEDS: u64 = 60;
/// Clusters that are simulated concurrently, by all tests together. More would starve each other on a slow machine: pods would seem silent, and
/// requests would time out.
const AT_ONCE: usize = 30;
static PLACES: Semaphore = Semaphore::const_new(AT_ONCE);
/// One in this many crashes comes after the response to the last write.
const HEARD_EVERY: u64 = 5;
/// Fewer crash points than this would mean that the scenarios have become empty.
const FEWEST_CRASH_POINTS: usize = 500;

fn scenarios() -> Vec<Scenario> {
    static LOG: Once = Once::new();
    LOG.call_once(|| {
        if let Ok(filter) = std::env::var("CONVENE_SIM_LOG") {
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
        }
    });
    let only = std::env::var("CONVENE_SIM_ONLY").unwrap_or_default();
    let is_chosen = |scenario: &Scenario| only.split(',').any(|word| scenario.name.contains(word));
    SCENARIOS.iter().copied().filter(is_chosen).collect()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

async fn take_place() -> SemaphorePermit<'static> {
    PLACES.acquire().await.expect("the semaphore is never closed")
}

/// Plays all of them and returns their reports, or an error.
async fn play_all(plays: Vec<(Scenario, Trouble)>) -> Vec<Report> {
    let count = plays.len();
    let plays = plays.into_iter().map(|(scenario, trouble)| {
        tokio::spawn(async move {
            let _place = take_place().await;
            play(scenario, trouble).await
        })
    });
    let played = join_all(plays).await.into_iter().map(Result::unwrap);
    let (reports, failures): (Vec<_>, Vec<_>) = played.partition(Result::is_ok);
    let failures: Vec<_> = failures.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{} of {count} went wrong:\n{}", failures.len(), failures.join("\n"));
    reports.into_iter().filter_map(Result::ok).collect()
}

/// After each write, without its response; and after some with it, where only requests to the pods can differ.
fn crash_points(writes: u64) -> Vec<Trouble> {
    let chosen = number("CONVENE_SIM_CRASH");
    let step = number("CONVENE_SIM_CRASH_EVERY").unwrap_or(1);
    let points = (1..=writes).filter(|after| chosen.map_or(after % step == 0, |chosen| chosen == *after));
    let both = points.flat_map(|after| [true, false].map(|is_answer_lost| CrashPoint { after, is_answer_lost }));
    let played = both.filter(|crash| crash.is_answer_lost || chosen.is_some() || crash.after % HEARD_EVERY == 0);
    played.map(|crash| Trouble { crash: Some(crash), seed: None }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes of both cores: tests/run.sh simulation"]
async fn the_end_is_the_same_wherever_the_operator_crashes() {
    let scenarios = scenarios();
    let whole = play_all(scenarios.iter().map(|scenario| (*scenario, Trouble::default())).collect()).await;
    let mut plays = Vec::new();
    for (scenario, report) in scenarios.iter().zip(whole) {
        plays.extend(crash_points(report.writes).into_iter().map(|trouble| (*scenario, trouble)));
    }
    let reports = play_all(plays).await;
    let count = reports.iter().filter(|report| report.has_crashed).count();
    println!("{count} crash points in {} scenarios", scenarios.len());
    let is_complete = scenarios.len() == SCENARIOS.len() && number("CONVENE_SIM_CRASH").is_none();
    assert!(!is_complete || count >= FEWEST_CRASH_POINTS, "only {count} crash points");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes of both cores: tests/run.sh simulation"]
async fn the_end_is_the_same_whatever_goes_wrong() {
    if let Some(seed) = number("CONVENE_SIM_SEED") {
        play_seeds(seed..=seed).await;
        return;
    }
    let time = Duration::from_secs(number("CONVENE_SIM_SECONDS").unwrap_or(SECONDS_FOR_SEEDS));
    // The other tests take all places first.
    drop(take_place().await);
    let (begin, mut played) = (Instant::now(), 0);
    while played == 0 || begin.elapsed() < time {
        play_seeds(played + 1..=played + SEEDS_PER_ROUND).await;
        played += SEEDS_PER_ROUND;
    }
    println!("{played} seeds of random faults");
}

async fn play_seeds(seeds: RangeInclusive<u64>) {
    let trouble = |seed| Trouble { crash: None, seed: Some(seed) };
    let plays = scenarios().into_iter().flat_map(|scenario| seeds.clone().map(move |seed| (scenario, trouble(seed))));
    play_all(plays.collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes of both cores: tests/run.sh simulation"]
async fn the_room_of_a_locked_meeting_that_moved_receives_its_participants() {
    let _place = take_place().await;
    let world = World::start(Trouble::default());
    kill_pod_of_locked_meeting(&world).await.unwrap();
    let told = |world: &World| {
        let told = world.processes.told();
        let wanted = ["regatta-0000", "regatta-0001", "regatta-0002"];
        // The first room of the meeting received a list too, an empty one.
        let (first, last) = (told.first().map(|told| &told.1), told.last().map(|told| &told.1));
        let is_right = first.is_some_and(Vec::is_empty) && last.is_some_and(|people| *people == wanted);
        if is_right { Ok(()) } else { Err(format!("told so far: {told:?}")) }
    };
    world.settle("a room that knows who may return", told).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes of both cores: tests/run.sh simulation"]
async fn nothing_is_written_while_nothing_changes() {
    let watch = async |scenario: Scenario| {
        let _place = take_place().await;
        let world = World::start(Trouble::default());
        perform(scenario, &world).await.unwrap();
        // Writes left to be done: counts that are written with a delay.
        tokio::time::sleep(Duration::from_secs(8)).await;
        let before = world.log().len();
        tokio::time::sleep(Duration::from_secs(30)).await;
        let written: Vec<_> = world.log().split_off(before);
        let written: Vec<_> = written.into_iter().filter(|entry| !entry.contains("/leases/")).collect();
        assert!(written.is_empty(), "{}: {written:?}", scenario.name);
    };
    join_all(scenarios().into_iter().map(watch)).await;
}
