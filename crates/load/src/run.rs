//! One run: the clients join at a constant rate, then what arrives is measured, while subscribers come and go if there is churn.

use std::time::{Duration, Instant};

use rand::Rng;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep_until};

use crate::error::LoadError;
use crate::media::engine::Engine;
use crate::media::source::SourceSettings;
use crate::plan::Plan;
use crate::ramp::{Begun, Order, Ramp};
use crate::report::{Clients, Generator, Joins, Media, Report, Server};
use crate::server::{Probe, Reading};
use crate::signaling::client::{Client, Progress};
use crate::signaling::role::Role;
use crate::stats::times::Percentiles;
use crate::tally::Tally;

/// Time between newcomers, if they are seen sooner, and how often that is checked.
const NEWCOMER_INTERVAL: Duration = Duration::from_millis(500);
/// How often progress is reported.
const SAMPLE: Duration = Duration::from_secs(1);

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
    /// Packets delivered since the first join, and once the measurement has begun, since then.
    pub delivered: u64,
    /// Packets lost since then.
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
    /// The last clients join, and receive their first packets.
    Waiting,
    /// Publishers join one after the other.
    Newcomers,
}

/// Executes a plan. `on_status` is called once a second.
pub async fn run(plan: Plan, mut on_status: impl FnMut(Status)) -> Result<Report, LoadError> {
    plan.check()?;
    let probe = Probe { pid: plan.server_pid, cgroup: plan.server_cgroup.clone() };
    let empty = probe.read()?;
    let engine = Engine::start().map_err(LoadError::Socket)?;
    let mut run = Run::new(plan, engine);
    run.join_all(&mut on_status).await?;
    run.wait(Phase::Settling, run.plan.settle, 0.0, &mut on_status).await;
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

impl Run {
    fn new(plan: Plan, engine: Engine) -> Self {
        let name = format!("bench-{:08x}", rand::rng().random::<u32>());
        let (stop_all, _) = watch::channel(false);
        let (tasks, subscribers, tally) = (JoinSet::new(), std::collections::VecDeque::new(), Tally::default());
        Self { plan, engine, name, tasks, progress: mpsc::unbounded_channel(), stop_all, subscribers, tally }
    }

    /// Publishers first, so that subscribers have something to wait for.
    async fn join_all(&mut self, on_status: &mut impl FnMut(Status)) -> Result<(), LoadError> {
        let (start, mut ramp, mut samples) = (Instant::now(), Ramp::new(self.plan.ramp), interval(SAMPLE));
        let order = Order { publishers: self.plan.publishers, subscribers: self.plan.subscribers };
        loop {
            if self.tally.is_hopeless() {
                return Err(self.give_up());
            }
            let begun = self.begun();
            if begun.attempted == order.all() && begun.pending == 0 {
                return Ok(());
            }
            let may_begin = order.may_begin(begun);
            ramp.open(may_begin);
            tokio::select! {
                () = ramp.next(), if may_begin => self.begin(begun.attempted, begun.attempted < order.publishers),
                // Clients that have ended are not kept until the end of the run.
                Some(_) = self.tasks.join_next() => {}
                progress = self.progress.1.recv() => progress.into_iter().for_each(|progress| self.tally.take(progress)),
                _ = samples.tick() => on_status(self.status(Phase::Joining, start).await),
            }
        }
    }

    fn begun(&self) -> Begun {
        let Joins { attempted, succeeded, .. } = self.tally.joins;
        Begun { attempted, succeeded, pending: self.tally.pending() }
    }

    fn give_up(&mut self) -> LoadError {
        let Joins { failed, attempted, .. } = self.tally.joins;
        LoadError::Joins { failed, attempted, last: self.tally.take_last() }
    }

    fn begin(&mut self, number: u32, is_publisher: bool) {
        let stop = if is_publisher { self.stop_all.subscribe() } else { self.new_subscriber() };
        self.begin_until(number, is_publisher, stop);
    }

    fn begin_until(&mut self, number: u32, is_publisher: bool, stop: watch::Receiver<bool>) {
        let meeting = if is_publisher { number } else { number - self.plan.publishers } % self.plan.meetings;
        let client = Client {
            engine: self.engine.clone(),
            address: self.plan.target.address(meeting, self.plan.meetings),
            token: self.plan.token_of(is_publisher).map(ToOwned::to_owned),
            peer_id: format!("{}-{number}", self.name),
            limit: self.plan.step_limit,
            role: self.role(meeting, is_publisher),
        };
        self.tally.joins.attempted += 1;
        self.tasks.spawn(client.run(self.progress.0.clone(), stop));
    }

    fn role(&self, meeting: u32, is_publisher: bool) -> Role {
        if is_publisher {
            Role::Publisher { settings: self.source(), receivers: self.plan.subscribers_of(meeting) }
        } else {
            Role::Subscriber { streams: self.plan.streams_of(meeting) }
        }
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
                Some(_) = self.tasks.join_next() => {}
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

    /// Until the last ones have joined and receive what they should, no longer than the time limit of a step.
    async fn wait_for_media(&mut self, on_status: &mut impl FnMut(Status)) {
        let start = Instant::now();
        let end = sleep_until((start + self.plan.step_limit).into());
        tokio::pin!(end);
        let mut samples = interval(SAMPLE);
        while !self.tally.is_settled() {
            tokio::select! {
                () = &mut end => break,
                Some(_) = self.tasks.join_next() => {}
                progress = self.progress.1.recv() => progress.into_iter().for_each(|progress| self.tally.take(progress)),
                _ = samples.tick() => on_status(self.status(Phase::Waiting, start).await),
            }
        }
        self.tally.close();
    }

    /// Publishers that join and leave one after the other. Returns after how long each was seen by those who were there before.
    async fn receive_newcomers(&mut self, on_status: &mut impl FnMut(Status)) -> Percentiles {
        self.engine.restart_count();
        let mut expected = 0;
        for _ in 0..self.plan.newcomers {
            let (stop, stopped) = watch::channel(false);
            let number = self.tally.joins.attempted;
            expected += u64::from(self.plan.subscribers_of(number % self.plan.meetings));
            self.begin_until(number, true, stopped);
            self.wait_for_pictures(expected, on_status).await;
            let _ = stop.send(true);
        }
        self.newcomers().await
    }

    /// Until a newcomer is seen by all, no longer than the time limit of a step.
    async fn wait_for_pictures(&mut self, expected: u64, on_status: &mut impl FnMut(Status)) {
        let start = Instant::now();
        while start.elapsed() < self.plan.step_limit {
            self.wait(Phase::Newcomers, NEWCOMER_INTERVAL, 0.0, on_status).await;
            if self.newcomers().await.count >= expected {
                return;
            }
        }
    }

    async fn newcomers(&self) -> Percentiles {
        self.engine.totals().await.newcomer.percentiles()
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
        let (before, own_before, start) = (probe.read(), own.read()?, Instant::now());
        let joined = self.tally.connected();
        self.engine.restart_count();
        self.wait(Phase::Measuring, self.plan.duration, self.plan.churn, on_status).await;
        let (totals, seconds) = (self.engine.totals().await, start.elapsed().as_secs_f64());
        let (after, own_used) = (probe.read(), own.read()?.since(&own_before));
        self.wait_for_media(on_status).await;
        let times = self.tally.joins();
        let newcomer = self.receive_newcomers(on_status).await;
        let has_expectation = !self.plan.simulcast && self.plan.churn == 0.0;
        let media = Media::new(&totals, seconds, has_expectation);
        let clients = Clients {
            meetings: self.plan.meetings,
            publishers: self.plan.publishers,
            subscribers: self.plan.subscribers,
        };
        Ok(Report {
            target: self.plan.target.as_str().to_owned(),
            clients,
            joins: Joins { time: times.time, newcomer, ..self.tally.joins() },
            server: Server::between(empty, before, after, &media, joined),
            media,
            generator: Generator::new(own_used.seconds().unwrap_or_default() / seconds, totals.lag.percentiles()),
        })
    }
}
