//! Periodic reconciliation of every meeting, even without changes: watches can miss events.
//!
//! One walk over all meetings, evenly spread, instead of a timer for each: thousands of meetings need no extra memory. It decides nothing.

use std::{sync::Arc, time::Duration};

use crate::cluster::cache::ClusterCache;

/// Duration of one walk, and thus the interval at which each meeting is reconciled.
const PERIOD: Duration = Duration::from_mins(10);
/// Meetings are enqueued one by one, or in this many steps per period if there are more.
const STEPS: u32 = 6_000;

/// Runs until the process ends.
pub(crate) async fn run_resync(cache: Arc<ClusterCache>) {
    cache.wait_until_complete().await;
    loop {
        walk(&cache, PERIOD, rand::random()).await;
    }
}

/// Enqueues all meetings, spread over `period`. `random` (0 to 1) is the part of a step by which the walk starts later, so that replicas
/// and restarts do not run in lockstep.
async fn walk(cache: &ClusterCache, period: Duration, random: f64) {
    let meetings = cache.state().ledger.all();
    let (step, pause) = plan_steps(meetings.len(), period);
    tokio::time::sleep(pause.mul_f64(random)).await;
    if meetings.is_empty() {
        tokio::time::sleep(pause).await;
    }
    for keys in meetings.chunks(step) {
        for key in keys {
            cache.enqueue_meeting(key);
        }
        tokio::time::sleep(pause).await;
    }
}

/// How many meetings are enqueued at once, and the pause after each step.
fn plan_steps(meetings: usize, period: Duration) -> (usize, Duration) {
    let step = meetings.div_ceil(STEPS as usize).max(1);
    let steps = u32::try_from(meetings.div_ceil(step)).unwrap_or(STEPS).max(1);
    (step, period / steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ScriptedServer, defaults, meeting_object};

    #[test]
    fn steps_fill_the_period_and_many_meetings_are_asked_for_several_at_once() {
        let steps = [0, 1, 600, 6_000, 6_001, 100_000].map(|meetings| plan_steps(meetings, PERIOD));
        let milliseconds = Duration::from_millis;
        assert_eq!(steps[..4], [(1, PERIOD), (1, PERIOD), (1, milliseconds(1_000)), (1, milliseconds(100)),]);
        assert_eq!((steps[4].0, steps[5].0), (2, 17));
        for (meetings, (step, pause)) in [6_001_u32, 100_000].into_iter().zip([steps[4], steps[5]]) {
            let whole = pause * meetings.div_ceil(u32::try_from(step).unwrap());
            assert!(PERIOD.abs_diff(whole) < milliseconds(10), "{meetings}: {whole:?}");
        }
    }

    #[tokio::test]
    async fn every_meeting_is_asked_for_once_in_a_walk() {
        let (_, client) = ScriptedServer::start(vec![]);
        let (cache, _ends) = ClusterCache::new(client, "harbor".into(), defaults());
        let names: Vec<_> = (0..25).map(|number| format!("daily-{number:02}")).collect();
        for name in &names {
            let mut meeting = meeting_object(serde_json::json!({}), serde_json::Value::Null);
            meeting.metadata.name = Some(name.clone());
            meeting.metadata.uid = Some(format!("uid-{name}"));
            cache.state().ledger.observe(&meeting);
        }
        walk(&cache, Duration::ZERO, 0.5).await;
        let mut requested: Vec<_> =
            std::iter::from_fn(|| cache.meeting_queue.take()).map(|requested| requested.name.clone()).collect();
        requested.sort();
        assert_eq!(requested, names);
    }
}
