//! Plays a scenario with faults, and reports the result.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{
    cluster::name_of,
    kinds::Kind,
    scenarios::Scenario,
    world::{Trouble, World},
};

/// Simulations that run concurrently, over all tests: they mostly wait.
static ROOM: Semaphore = Semaphore::const_new(64);

/// Result of a successful simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// Writes of the last process, counted like crash points.
    pub(crate) writes: u64,
    /// Whether the crash point was reached.
    pub(crate) has_crashed: bool,
}

/// Plays `scenario`; an `Err` says what went wrong and how to reproduce it.
pub(crate) async fn play(scenario: Scenario, trouble: Trouble) -> Result<Report, String> {
    let _room = ROOM.acquire().await.expect("is never closed");
    let world = World::start(trouble);
    match perform(scenario, &world).await {
        Ok(()) => Ok(Report { writes: world.writes(), has_crashed: world.has_crashed() }),
        Err(why) => Err(describe(scenario, trouble, &world, &why)),
    }
}

/// Steps, then no more faults, then the end.
pub(crate) async fn perform(scenario: Scenario, world: &Arc<World>) -> Result<(), String> {
    (scenario.steps)(Arc::clone(world)).await?;
    world.weather.clear_up();
    let end = |world: &World| {
        (scenario.end)(world)?;
        world.expect_order()
    };
    world.settle("the end", end).await?;
    if let Some(broken) = world.rules.broken().first() {
        return Err(format!("a rule was broken: {broken}"));
    }
    match world.ends().into_iter().find(|how| how != "restarted") {
        Some(how) => Err(format!("the operator ended by itself: {how}")),
        None => Ok(()),
    }
}

fn describe(scenario: Scenario, trouble: Trouble, world: &World, why: &str) -> String {
    let log = world.log();
    let recent = log[log.len().saturating_sub(40)..].join("\n    ");
    let statuses = [Kind::MediaPool, Kind::Meeting].map(|kind| world.store.all(kind)).concat();
    let statuses: Vec<_> = statuses.iter().map(|object| format!("{} {}", name_of(object), object["status"])).collect();
    let statuses = statuses.join("\n    ");
    let Trouble { crash, seed } = trouble;
    let again = match (crash, seed) {
        (Some(crash), _) => format!("CONVENE_SIM_CRASH={} (answer lost: {})", crash.after, crash.is_answer_lost),
        (None, Some(seed)) => format!("CONVENE_SIM_SEED={seed}"),
        (None, None) => "no trouble".to_owned(),
    };
    format!("{} with {again}: {why}\n  last writes:\n    {recent}\n  in the end:\n    {statuses}\n", scenario.name)
}
