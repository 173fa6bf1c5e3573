//! The pod's mediasoup workers: made at the start, replaced when they end, the least loaded given to each new room.
//!
//! A worker is a thread of this process. Each has one `WebRtcServer` on one port of the block: by UDP it listens there itself, by TCP
//! the guard does ([`super::tcp`]).

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_listener_primitives::HandlerId;
use mediasoup::prelude::{
    Router, RouterOptions, RtpCodecCapability, WebRtcServer, Worker, WorkerManager, WorkerSettings,
};
use mediasoup::worker::{WorkerDump, WorkerLogLevel, WorkerLogTag};
use tokio::sync::mpsc;

use super::block::PortBlock;
use super::capabilities::Answers;
use super::ended::Ended;
pub use super::failure::WorkersError;
use super::listen::{doors, listen_ips, loopback_addresses, server_options};
use super::reach::{Announcement, Reach};
use super::tcp::credentials::Credentials;
use super::tcp::guard::TcpDoor;
use super::tcp::limits::TcpLimits;
use super::thread::WorkerThread;
use crate::metrics::Metrics;

/// Version of the mediasoup crate, told to clients.
pub const MEDIASOUP_VERSION: &str = "0.33.1";

/// Attempts to listen on ports of the loopback interface that nothing else takes meanwhile.
const LOOPBACK_ATTEMPTS: usize = 5;

/// How the workers are to be made.
#[derive(Clone, Debug)]
pub struct WorkerSpec {
    /// How many.
    pub count: usize,
    /// Their ports.
    pub block: PortBlock,
    /// Local addresses to listen on; an unspecified one stands for all of them.
    pub listen_ips: Vec<IpAddr>,
    /// What clients are told to send to.
    pub announced: Announcement,
    /// TCP connections of all workers together.
    pub tcp: TcpLimits,
}

/// The pod's workers.
#[derive(Debug)]
pub struct Workers {
    spec: WorkerSpec,
    reach: Reach,
    manager: WorkerManager,
    slots: Mutex<Vec<Option<Slot>>>,
    /// The TCP side of each worker's port; it stays when the worker is replaced.
    doors: Vec<TcpDoor>,
    deaths: mpsc::UnboundedSender<usize>,
    metrics: Metrics,
    pub(super) answers: Answers,
}

#[derive(Clone, Debug)]
struct Slot {
    worker: Worker,
    server: WebRtcServer,
    credentials: Credentials,
    rooms: Load,
    consumers: Load,
    thread: Arc<WorkerThread>,
    ended: Ended,
}

/// How many of something a worker carries.
#[derive(Clone, Debug, Default)]
pub struct Load(Arc<AtomicUsize>);

impl Load {
    /// How many.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// One more, until dropped.
    pub fn add(&self) -> Carried {
        self.0.fetch_add(1, Ordering::Relaxed);
        Carried(Arc::clone(&self.0))
    }
}

/// One of what a worker carries.
#[derive(Debug)]
pub struct Carried(Arc<AtomicUsize>);

impl Drop for Carried {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A router on a worker, for one room. Gives the room's place on the worker back when dropped.
#[derive(Debug)]
pub struct Place {
    /// The worker's number.
    pub index: usize,
    /// The room's router.
    pub router: Router,
    /// The worker's server, for the room's transports.
    pub server: WebRtcServer,
    /// The port of the block on which the server is reached.
    pub port: u16,
    /// What the guard of the port has to know of the server's transports.
    pub(crate) credentials: Credentials,
    /// Consumers on the worker, those of other rooms too.
    pub consumers: Load,
    ended: Ended,
    _room: Carried,
}

impl Place {
    /// Calls back when the worker has ended, or at once if it has; not after the handler's id is dropped.
    pub fn on_end(&self, callback: impl FnOnce() + Send + 'static) -> HandlerId {
        self.ended.add(callback)
    }
}

/// A worker that runs, for transports that belong to no room.
pub(super) struct Running {
    pub(super) worker: Worker,
    pub(super) server: WebRtcServer,
    /// Where the credentials of its transports are noted.
    pub(super) credentials: Credentials,
    pub(super) port: u16,
}

/// One worker as `/stats` shows it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerReport {
    /// Its port.
    pub port: u16,
    /// Whether it runs.
    pub alive: bool,
    /// Rooms on it; a room that spreads counts on each of its workers.
    pub rooms: usize,
    /// Consumers on it.
    pub consumers: usize,
    /// CPU time that its thread has used, in seconds.
    pub cpu_seconds: Option<f64>,
}

impl Workers {
    /// Starts all workers; fails when a port of the block cannot be had.
    pub async fn start(spec: WorkerSpec, metrics: Metrics) -> Result<Arc<Self>, WorkersError> {
        let ports = spec.block.worker_ports(spec.count)?;
        let (deaths, died) = mpsc::unbounded_channel();
        let slots = Mutex::new(vec![None; spec.count]);
        let reach = reach(&spec);
        let doors = doors(&reach, ports.clone(), spec.tcp, &metrics)?;
        let (manager, answers) = (WorkerManager::new(), Answers::default());
        let workers = Arc::new(Self { spec, reach, manager, slots, doors, deaths, metrics, answers });
        for (index, _) in ports.enumerate() {
            workers.fill(index).await?;
        }
        tokio::spawn(replace_dead(Arc::downgrade(&workers), died));
        Ok(workers)
    }

    /// Where to listen, and what clients are told.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Makes a router that offers `codecs` on the least loaded worker, those in `but` left out.
    pub async fn place(&self, but: &[usize], codecs: &[RtpCodecCapability]) -> Result<Place, WorkersError> {
        let (index, slot) = self.least_loaded(but).ok_or(WorkersError::NoneAlive)?;
        // Counted before anything is waited for, so that the next room sees it.
        let room = slot.rooms.add();
        let router = slot.worker.create_router(RouterOptions::new(codecs.to_vec())).await;
        let router = router.map_err(|source| WorkersError::Router { source })?;
        let Slot { server, credentials, consumers, ended, .. } = slot;
        Ok(Place { index, router, server, port: self.port(index), credentials, consumers, ended, _room: room })
    }

    /// Takes a worker out of use and puts a new one in its place: its rooms hear that it has ended, as if it had died.
    /// False when there is no such worker.
    pub fn retire(&self, index: usize) -> bool {
        // Out of the list first: whoever comes back when told must not be placed on it again.
        let slot = self.lock().get_mut(index).and_then(Option::take);
        slot.inspect(|slot| slot.ended.call()).is_some()
    }

    /// Consumers on the least loaded worker, those in `but` left out; `None` when there is no other.
    pub fn lightest(&self, but: &[usize]) -> Option<usize> {
        self.least_loaded(but).map(|(_, slot)| slot.consumers.count())
    }

    /// Ports for plain transports and pipes.
    pub fn plain_ports(&self) -> Option<RangeInclusive<u16>> {
        self.spec.block.plain_ports(self.spec.count)
    }

    /// Every worker that runs.
    pub(super) fn running(&self) -> Vec<Running> {
        let slots = self.lock();
        let alive = slots.iter().enumerate().filter_map(|(index, slot)| Some((index, slot.as_ref()?)));
        let running = |(index, slot): (usize, &Slot)| Running {
            worker: slot.worker.clone(),
            server: slot.server.clone(),
            credentials: slot.credentials.clone(),
            port: self.port(index),
        };
        alive.map(running).collect()
    }

    /// What each worker says of itself, for tests and for people who look for leaks.
    pub async fn dumps(&self) -> Vec<WorkerDump> {
        let workers: Vec<Worker> = self.lock().iter().flatten().map(|slot| slot.worker.clone()).collect();
        let mut dumps = Vec::new();
        for worker in workers {
            dumps.extend(worker.dump().await.ok());
        }
        dumps
    }

    /// How many workers run.
    pub fn alive(&self) -> usize {
        self.lock().iter().flatten().count()
    }

    /// Each worker, in order of its port.
    pub fn report(&self) -> Vec<WorkerReport> {
        let slots = self.lock();
        let report = slots.iter().enumerate().map(|(index, slot)| WorkerReport {
            port: self.port(index),
            alive: slot.is_some(),
            rooms: slot.as_ref().map_or(0, |slot| slot.rooms.count()),
            consumers: slot.as_ref().map_or(0, |slot| slot.consumers.count()),
            cpu_seconds: slot.as_ref().and_then(|slot| slot.thread.cpu_seconds()),
        });
        report.collect()
    }

    fn least_loaded(&self, but: &[usize]) -> Option<(usize, Slot)> {
        let slots = self.lock();
        let alive = slots.iter().enumerate().filter_map(|(index, slot)| Some((index, slot.as_ref()?)));
        let others = alive.filter(|(index, _)| !but.contains(index));
        let lightest = others.min_by_key(|(_, slot)| (slot.consumers.count(), slot.rooms.count()));
        lightest.map(|(index, slot)| (index, slot.clone()))
    }

    async fn fill(&self, index: usize) -> Result<(), WorkersError> {
        let start = |source| WorkersError::Start { index, source };
        let thread = Arc::<WorkerThread>::default();
        let worker = self.manager.create_worker(self.settings(&thread)).await.map_err(start)?;
        let (server, credentials) = self.serve(&worker, index).await?;
        let (ended, deaths) = (Ended::default(), self.deaths.clone());
        let told = ended.add(move || {
            let _ = deaths.send(index);
        });
        told.detach();
        let all = ended.clone();
        worker.on_dead(move |_| all.call()).detach();
        self.lock()[index] = Some(Slot {
            worker,
            server,
            credentials,
            rooms: Load::default(),
            consumers: Load::default(),
            thread,
            ended,
        });
        self.metrics.workers_alive.set(i64::try_from(self.alive()).unwrap_or(i64::MAX));
        Ok(())
    }

    /// The crate's own defaults log everything at debug level.
    fn settings(&self, thread: &Arc<WorkerThread>) -> WorkerSettings {
        let mut settings = WorkerSettings::default();
        settings.log_level = WorkerLogLevel::Warn;
        // The tags of ICE and DTLS warn of every hang-up.
        settings.log_tags = vec![WorkerLogTag::Info];
        // Pipes between workers can be given no ports of their own: without this they would listen outside the block.
        settings.rtc_port_range = self.plain_ports().unwrap_or(self.port(0)..=self.port(0));
        let thread = Arc::clone(thread);
        settings.thread_initializer = Some(Arc::new(move || thread.note()));
        settings
    }

    /// The worker's server, by UDP on its port and by TCP behind the guard of that port.
    async fn serve(&self, worker: &Worker, index: usize) -> Result<(WebRtcServer, Credentials), WorkersError> {
        let port = self.port(index);
        let mut attempts = 1..=LOOPBACK_ATTEMPTS;
        loop {
            let behind = loopback_addresses(&self.reach, &self.spec.block)?;
            match worker.create_webrtc_server(server_options(&self.reach, port, &behind)).await {
                Ok(server) => {
                    let credentials = Credentials::default();
                    self.doors[index].lead_to(behind, credentials.clone());
                    return Ok((server, credentials));
                }
                // It does not say which port is taken: one of the loopback interface, or its own.
                Err(source) if attempts.next().is_none() => {
                    return Err(WorkersError::Listen { ips: listen_ips(&self.reach), port, source });
                }
                Err(_) => {}
            }
        }
    }

    fn port(&self, index: usize) -> u16 {
        let ports = self.spec.block.worker_ports(self.spec.count).ok();
        ports.and_then(|mut ports| ports.nth(index)).unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Option<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reach(spec: &WorkerSpec) -> Reach {
    let reach = spec.announced.reach(&spec.listen_ips, has_ipv6());
    if !reach.left_out.is_empty() {
        let (addresses, listen_ips) = (&reach.left_out, &spec.listen_ips);
        tracing::warn!(
            ?addresses,
            ?listen_ips,
            "not announced: nothing is listened on in the family of these addresses"
        );
    }
    reach
}

/// Whether the machine has any IPv6 address; where it has none, listening fails.
fn has_ipv6() -> bool {
    std::fs::read_to_string("/proc/net/if_inet6").is_ok_and(|addresses| !addresses.trim().is_empty())
}

/// Puts a new worker where one has ended. Its port is free again only after the dead thread's sockets are.
async fn replace_dead(workers: std::sync::Weak<Workers>, mut died: mpsc::UnboundedReceiver<usize>) {
    while let Some(index) = died.recv().await {
        let Some(workers) = workers.upgrade() else { return };
        tracing::error!(worker = index, "a media worker ended; its rooms move to the others");
        workers.metrics.worker_deaths.inc();
        workers.doors[index].shut();
        workers.lock()[index] = None;
        workers.metrics.workers_alive.set(i64::try_from(workers.alive()).unwrap_or(i64::MAX));
        if let Err(error) = workers.fill(index).await {
            tracing::warn!(worker = index, %error, "cannot replace the media worker yet");
            tokio::time::sleep(Duration::from_secs(1)).await;
            let _ = workers.deaths.send(index);
        }
    }
}
