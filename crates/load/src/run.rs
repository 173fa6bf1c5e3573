//! One run: the clients join at a constant rate, then what arrives is measured, while subscribers come and go if there is churn.

use std::time::{Duration, Instant};

use rand::Rng;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use crate::error::{JoinError, LoadError};
use crate::media::engine::Engine;
use crate::media::source::SourceSettings;
use crate::plan::Plan;
use crate::report::{Clients, Generator, Joins, Media, Report, Server};
use crate::server::{Probe, Reading};
use crate::signaling::client::{Client, Progress, Role};
use crate::stats::times::Times;

/// After the last join, until connections and bandwidth estimation have settled.
const SETTLE: Duration = Duration::from_secs(2);
/// How often progress is reported.
const SAMPLE: Duration = Duration::from_secs(1);
/// A run with more failures than joined clients, and at least this many, is given up.
const MIN_FAILURES: u32 = 5;

/// The state of a run, once a second.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// What is going on.
    pub phase: Phase,
    /// Since the phase began.
    pub elapsed: Duration,
    /// Clients that have joined.
    pub joined: u32,
    /// Clients that failed or were disconnected.
    pub failed: u32,
    /// Packets delivered and lost since the phase began.
    pub delivered: u64,
    /// Packets lost.
    pub lost: u64,
    /// Median one-way delay in milliseconds.
    pub delay_ms: f64,
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Clients join.
    Joining,
    /// Nothing is counted yet.
    Settling,
    /// What arrives is counted.
    Measuring,
}

/// Executes a plan. `on_status` is called once a second.
pub async fn run(plan: Plan, mut on_status: impl FnMut(Status)) -> Result<Report, LoadError> {
    plan.check()?;
    let probe = Probe { pid: plan.server_pid, cgroup: plan.server_cgroup.clone() };
    let empty = probe.read()?;
    let engine = Engine::start().map_err(LoadError::Socket)?;
    let mut run = Run::new(plan, engine);
    run.join_all(&mut on_status).await?;
    run.wait(Phase::Settling, SETTLE, 0.0, &mut on_status).await;
    run.measure(&probe, &empty, &mut on_status).await
}

struct Run {
    plan: Plan,
    engine: Engine,
    /// Begins the peer ids of this run.
    name: String,
    tasks: JoinSet<()>,
    progress: (mpsc::UnboundedSender<Progress>, mpsc::UnboundedReceiver<Progress>),
    stop_all: watch::Sender<bool>,
    /// Stops the subscribers one by one, the oldest first.
    subscribers: std::collections::VecDeque<watch::Sender<bool>>,
    tally: Tally,
}

/// Counts what clients report.
#[derive(Default)]
struct Tally {
    joins: Joins,
    time: Times,
    first_packet: Times,
    first_key_frame: Times,
    last: Option<JoinError>,
}

impl Tally {
    fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Joined(time) => {
                self.joins.succeeded += 1;
                self.time.record(time);
            }
            Progress::FirstPacket(time) => self.first_packet.record(time),
            Progress::FirstKeyFrame(time) => self.first_key_frame.record(time),
            Progress::Failed { had_joined, error } => {
                *if had_joined { &mut self.joins.lost } else { &mut self.joins.failed } += 1;
                *self.joins.errors.entry(error.reason().into()).or_default() += 1;
                self.last = Some(error);
            }
        }
    }

    /// Clients of which nothing was heard yet.
    fn pending(&self) -> u32 {
        self.joins.attempted.saturating_sub(self.joins.succeeded + self.joins.failed)
    }

    /// Whether it is pointless to go on.
    fn is_hopeless(&self) -> bool {
        let Joins { succeeded, failed, attempted, .. } = self.joins;
        (failed >= MIN_FAILURES && failed > succeeded) || (failed > 0 && failed == attempted && self.pending() == 0)
    }

    fn joins(&self) -> Joins {
        Joins {
            time: self.time.percentiles(),
            first_packet: self.first_packet.percentiles(),
            first_key_frame: self.first_key_frame.percentiles(),
            ..self.joins.clone()
        }
    }
}

impl Run {
    fn new(plan: Plan, engine: Engine) -> Self {
        let name = format!("bench-{:08x}", rand::rng().random::<u32>());
        let (stop_all, _) = watch::channel(false);
        let (tasks, subscribers, tally) = (JoinSet::new(), std::collections::VecDeque::new(), Tally::default());
        Self { plan, engine, name, tasks, progress: mpsc::unbounded_channel(), stop_all, subscribers, tally }
    }

    /// Publishers first, so that subscribers have something to wait for.
    async fn join_all(&mut self, on_status: &mut impl FnMut(Status)) -> Result<(), LoadError> {
        let start = Instant::now();
        let mut joins = interval(Duration::from_secs_f64(1.0 / self.plan.ramp));
        // Joins are due at their time, however slow the server is.
        joins.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut samples = interval(SAMPLE);
        let (publishers, all) = (self.plan.publishers, self.plan.publishers + self.plan.subscribers);
        loop {
            if self.tally.is_hopeless() {
                return Err(self.give_up());
            }
            let begun = self.tally.joins.attempted;
            if begun == all && self.tally.pending() == 0 {
                return Ok(());
            }
            let may_begin = begun < publishers || (begun < all && (begun > publishers || self.tally.pending() == 0));
            tokio::select! {
                _ = joins.tick(), if may_begin => self.begin(begun, begun < publishers),
                progress = self.progress.1.recv() => progress.into_iter().for_each(|progress| self.tally.take(progress)),
                _ = samples.tick() => on_status(self.status(Phase::Joining, start).await),
            }
        }
    }

    fn give_up(&mut self) -> LoadError {
        let Joins { failed, attempted, .. } = self.tally.joins;
        LoadError::Joins { failed, attempted, last: self.tally.last.take().unwrap_or(JoinError::MediaEnded) }
    }

    fn begin(&mut self, number: u32, is_publisher: bool) {
        let meeting = if is_publisher { number } else { number - self.plan.publishers } % self.plan.meetings;
        let client = Client {
            engine: self.engine.clone(),
            address: self.plan.target.address(meeting, self.plan.meetings),
            token: self.plan.token.clone(),
            peer_id: format!("{}-{number}", self.name),
            limit: self.plan.step_limit,
            role: if is_publisher { Role::Publisher(self.source()) } else { Role::Subscriber },
        };
        let stop = if is_publisher { self.stop_all.subscribe() } else { self.new_subscriber() };
        self.tally.joins.attempted += 1;
        self.tasks.spawn(client.run(self.progress.0.clone(), stop));
    }

    fn new_subscriber(&mut self) -> watch::Receiver<bool> {
        let (stop, stopped) = watch::channel(false);
        self.subscribers.push_back(stop);
        stopped
    }

    fn source(&self) -> SourceSettings {
        SourceSettings {
            has_audio: self.plan.audio,
            video_bitrate: Some(self.plan.video_bitrate).filter(|bitrate| *bitrate > 0),
            frames_per_second: self.plan.frames_per_second,
            is_simulcast: self.plan.simulcast,
        }
    }

    /// Lets time pass; `churn` subscribers per second are replaced.
    async fn wait(&mut self, phase: Phase, time: Duration, churn: f64, on_status: &mut impl FnMut(Status)) {
        let start = Instant::now();
        let end = sleep_until((start + time).into());
        tokio::pin!(end);
        let mut samples = interval(SAMPLE);
        let mut replacements = interval(Duration::from_secs_f64(1.0 / churn.max(1e-6)));
        replacements.reset();
        loop {
            tokio::select! {
                () = &mut end => return,
                progress = self.progress.1.recv() => progress.into_iter().for_each(|progress| self.tally.take(progress)),
                _ = replacements.tick(), if churn > 0.0 => self.replace(),
                _ = samples.tick() => on_status(self.status(phase, start).await),
            }
        }
    }

    fn replace(&mut self) {
        if let Some(oldest) = self.subscribers.pop_front() {
            let _ = oldest.send(true);
            self.begin(self.tally.joins.attempted, false);
        }
    }

    async fn status(&self, phase: Phase, start: Instant) -> Status {
        let totals = self.engine.totals().await;
        Status {
            phase,
            elapsed: start.elapsed(),
            joined: self.tally.joins.succeeded,
            failed: self.tally.joins.failed + self.tally.joins.lost,
            delivered: totals.packets.delivered,
            lost: totals.packets.lost,
            delay_ms: totals.delay.percentiles().p50_ms,
        }
    }

    async fn measure(
        mut self,
        probe: &Probe,
        empty: &Reading,
        on_status: &mut impl FnMut(Status),
    ) -> Result<Report, LoadError> {
        let own = Probe { pid: Some(std::process::id()), cgroup: None };
        let (before, own_before, start) = (probe.read()?, own.read()?, Instant::now());
        self.engine.restart_count();
        self.wait(Phase::Measuring, self.plan.duration, self.plan.churn, on_status).await;
        let (totals, seconds) = (self.engine.totals().await, start.elapsed().as_secs_f64());
        let (after, own_used) = (probe.read()?, own.read()?.since(&own_before));
        let media = Media::new(&totals, seconds);
        let growth = before.memory.zip(empty.memory).map(|(full, empty)| full.saturating_sub(empty));
        let clients = Clients {
            meetings: self.plan.meetings,
            publishers: self.plan.publishers,
            subscribers: self.plan.subscribers,
        };
        Ok(Report {
            target: self.plan.target.as_str().to_owned(),
            clients,
            joins: self.tally.joins(),
            server: Server::new(after.since(&before), &media, growth, clients.publishers + clients.subscribers),
            media,
            generator: Generator::new(own_used.seconds().unwrap_or_default() / seconds, totals.lag.percentiles()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(attempted: u32, succeeded: u32, failed: u32) -> Tally {
        Tally { joins: Joins { attempted, succeeded, failed, ..Joins::default() }, ..Tally::default() }
    }

    #[test]
    fn a_run_is_given_up_when_most_joins_fail() {
        for (attempted, succeeded, failed, is_hopeless) in [
            (1, 0, 0, false),
            (1, 0, 1, true),
            (3, 0, 1, false),
            (10, 5, 5, false),
            (10, 4, 5, true),
            (100, 96, 4, false),
        ] {
            assert_eq!(
                tally(attempted, succeeded, failed).is_hopeless(),
                is_hopeless,
                "{attempted} {succeeded} {failed}"
            );
        }
    }

    #[test]
    fn failures_are_counted_by_reason_and_phase() {
        let mut tally = tally(3, 0, 0);
        tally.take(Progress::Joined(Duration::from_millis(5)));
        tally.take(Progress::Failed { had_joined: true, error: JoinError::MediaEnded });
        tally.take(Progress::Failed { had_joined: false, error: JoinError::NoCandidate });
        let joins = tally.joins();
        assert_eq!((joins.succeeded, joins.lost, joins.failed, tally.pending()), (1, 1, 1, 1));
        assert_eq!(joins.errors, [("MediaEnded".to_owned(), 1), ("NoCandidate".to_owned(), 1)].into());
        assert_eq!(joins.time.count, 1);
    }
}
