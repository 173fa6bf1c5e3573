//! The pod's mediasoup workers: created at the start, replaced when they end; each new room is placed on the least loaded one.
//!
//! A worker is a thread of this process. Each has one `WebRtcServer` on one port of the block: it listens there itself for UDP, and the
//! guard ([`super::tcp`]) for TCP. It never moves a room from one worker to another.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_listener_primitives::HandlerId;
use mediasoup::prelude::{
    ListenInfo, Router, RouterOptions, RtpCodecCapability, WebRtcServer, Worker, WorkerManager, WorkerSettings,
};
use mediasoup::worker::{WorkerDump, WorkerLogLevel, WorkerLogTag};
use serde_json::json;
use tokio::sync::mpsc;

use super::capability_cache::{CapabilityCache, Offer};
use super::end_event::EndEvent;
pub use super::error::WorkersError;
use super::listen::{listen_ips, loopback_addresses, pipe_listen_info, server_options, tcp_ports};
use super::load::{Load, LoadGuard};
use super::tcp::credentials::Credentials;
use super::tcp::guard::TcpPort;
use super::tcp::limits::TcpLimits;
use super::thread::WorkerThread;
use super::udp;
use crate::metrics::Metrics;
use crate::network::endpoints::{Announcement, Endpoints};
use crate::network::port_block::PortBlock;

/// Version of the mediasoup crate, sent to clients.
pub(crate) const MEDIASOUP_VERSION: &str = "0.33.1";

/// Attempts to listen on a free port of the loopback interface, which another process may take in the meantime.
const LOOPBACK_ATTEMPTS: usize = 5;

/// The settings that the workers are created from.
#[derive(Clone, Debug)]
pub struct WorkerSpec {
    /// Number of workers.
    pub count: usize,
    /// Their ports, and those for plain transports.
    pub block: PortBlock,
    /// Local addresses to listen on; an unspecified one stands for all.
    pub listen_ips: Vec<IpAddr>,
    /// Addresses and ports that clients send media to.
    pub announced: Announcement,
    /// Limits on TCP connections to the media ports, of all workers together.
    pub tcp: TcpLimits,
    /// Where pipes to other pods end; `None`: there are none.
    pub pipes: Option<PipePorts>,
}

/// Where pipes to other pods end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipePorts {
    /// Address of this pod that other pods reach.
    pub ip: IpAddr,
    /// UDP ports, one for each pipe.
    pub ports: RangeInclusive<u16>,
}

/// The pod's workers.
#[derive(Debug)]
pub struct Workers {
    spec: WorkerSpec,
    endpoints: Endpoints,
    manager: WorkerManager,
    slots: Mutex<Vec<Option<Slot>>>,
    /// The TCP side of each worker's port, which remains when the worker is replaced.
    tcp_ports: Vec<TcpPort>,
    deaths: mpsc::UnboundedSender<usize>,
    metrics: Metrics,
    drops: Mutex<udp::Drops>,
    capabilities: CapabilityCache,
}

#[derive(Clone, Debug)]
struct Slot {
    worker: Worker,
    server: WebRtcServer,
    credentials: Credentials,
    rooms: Load,
    consumers: Load,
    thread: Arc<WorkerThread>,
    end: EndEvent,
}

/// A router on a worker, for one room. When it is dropped, the worker carries one room less.
#[derive(Debug)]
pub(crate) struct Placement {
    /// The worker's index.
    pub(crate) index: usize,
    /// The room's router.
    pub(crate) router: Router,
    /// The worker's server, for the room's transports.
    pub(crate) server: WebRtcServer,
    /// The port of the block at which the server is reachable.
    pub(crate) port: u16,
    /// The ICE credentials of the server's transports, for the TCP guard of the port.
    pub(crate) credentials: Credentials,
    /// Consumers on the worker, including those of other rooms.
    pub(crate) consumers: Load,
    end: EndEvent,
    _room: LoadGuard,
}

impl Placement {
    /// Calls back when the worker ends, or immediately if it has ended; not after the handler id is dropped.
    pub(crate) fn on_end(&self, callback: impl FnOnce() + Send + 'static) -> HandlerId {
        self.end.add(callback)
    }
}

/// A running worker, for transports that belong to no room.
pub(super) struct Running {
    pub(super) worker: Worker,
    pub(super) server: WebRtcServer,
    /// Where the credentials of its transports are registered.
    pub(super) credentials: Credentials,
    pub(super) port: u16,
}

/// One worker as `/stats` shows it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkerReport {
    pub(crate) port: u16,
    /// Whether it is running.
    pub(crate) alive: bool,
    /// Rooms on it; a room on several workers counts on each of them.
    pub(crate) rooms: usize,
    pub(crate) consumers: usize,
    /// CPU time of its thread, in seconds.
    pub(crate) cpu_seconds: Option<f64>,
}

impl Workers {
    /// Starts all workers; fails if a port of the block is taken.
    pub async fn start(spec: WorkerSpec, metrics: Metrics) -> Result<Arc<Self>, WorkersError> {
        udp::log_limits();
        let ports = spec.block.worker_ports(spec.count)?;
        let (deaths, died) = mpsc::unbounded_channel();
        let slots = Mutex::new(vec![None; spec.count]);
        let endpoints = endpoints(&spec);
        let tcp_ports = tcp_ports(&endpoints, ports.clone(), spec.tcp, &metrics)?;
        let (manager, capabilities) = (WorkerManager::new(), CapabilityCache::default());
        let drops = Mutex::default();
        let workers =
            Arc::new(Self { spec, endpoints, manager, slots, tcp_ports, deaths, metrics, drops, capabilities });
        for (index, _) in ports.enumerate() {
            workers.fill(index).await?;
        }
        tokio::spawn(replace_dead(Arc::downgrade(&workers), died));
        Ok(workers)
    }

    /// The addresses that the workers listen on and those announced to clients.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Creates a router that offers `codecs` on the least loaded worker that is not in `excluded`.
    pub(crate) async fn place(
        &self,
        excluded: &[usize],
        codecs: &[RtpCodecCapability],
    ) -> Result<Placement, WorkersError> {
        let (index, slot) = self.least_loaded(excluded).ok_or(WorkersError::NoneAlive)?;
        // Counted before the first await, so that the placement of the next room takes it into account.
        let room = slot.rooms.add();
        let Slot { worker, server, credentials, consumers, end, .. } = slot;
        let options = RouterOptions::new(codecs.to_vec());
        // A task, which ends also if the room ends meanwhile: the worker would keep a router of which there is no handle.
        let creation = tokio::spawn(async move { (worker.create_router(options).await, room) });
        let (router, room) = creation.await.map_err(|source| WorkersError::RouterTask { source })?;
        let router = router.map_err(|source| WorkersError::Router { source })?;
        Ok(Placement { index, router, server, port: self.port(index), credentials, consumers, end, _room: room })
    }

    /// What a router with these codecs offers.
    pub(crate) async fn offer(&self, codecs: &[RtpCodecCapability]) -> Result<Offer, WorkersError> {
        if let Some(known) = self.capabilities.get(codecs) {
            return Ok(known);
        }
        let placement = self.place(&[], codecs).await?;
        let capabilities = Arc::new(json!(placement.router.rtp_capabilities()));
        let offer = Offer { codecs: codecs.into(), capabilities };
        self.capabilities.insert(&offer);
        Ok(offer)
    }

    /// Replaces a worker with a new one; its rooms are notified as if it had died. False when there is no such worker.
    pub fn retire(&self, index: usize) -> bool {
        // Removed from the list first, so that rooms that react to the event are not placed on it again.
        let slot = self.lock().get_mut(index).and_then(Option::take);
        slot.inspect(|slot| slot.end.fire()).is_some()
    }

    /// Consumers on the least loaded worker that is not in `excluded`; `None` when there is no other.
    pub(crate) fn lightest(&self, excluded: &[usize]) -> Option<usize> {
        self.least_loaded(excluded).map(|(_, slot)| slot.consumers.count())
    }

    /// Ports for plain transports and pipes.
    pub(crate) fn plain_ports(&self) -> Option<RangeInclusive<u16>> {
        self.spec.block.plain_ports(self.spec.count)
    }

    /// Where pipes to other pods end, if there are any.
    pub(crate) fn pipe_ports(&self) -> Option<&PipePorts> {
        self.spec.pipes.as_ref()
    }

    /// A socket for a pipe to another pod.
    pub(crate) fn pipe_listen(&self) -> Option<ListenInfo> {
        self.spec.pipes.as_ref().map(|PipePorts { ip, ports }| pipe_listen_info(*ip, ports.clone()))
    }

    /// All running workers.
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

    /// mediasoup's dump of each worker, to find leaks.
    pub async fn dumps(&self) -> Vec<WorkerDump> {
        let workers: Vec<Worker> = self.lock().iter().flatten().map(|slot| slot.worker.clone()).collect();
        let mut dumps = Vec::new();
        for worker in workers {
            dumps.extend(worker.dump().await.ok());
        }
        dumps
    }

    /// Number of running workers.
    pub(crate) fn alive(&self) -> usize {
        self.lock().iter().flatten().count()
    }

    /// Each worker, in order of its port.
    pub(crate) fn report(&self) -> Vec<WorkerReport> {
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

    /// Counts the packets that the kernel dropped since the last call, because the receive buffer of a media socket was full.
    pub(crate) fn count_drops(&self) {
        let mut drops = self.drops.lock().unwrap_or_else(PoisonError::into_inner);
        self.metrics.udp_dropped.inc_by(drops.count(&self.spec.block));
    }

    fn least_loaded(&self, excluded: &[usize]) -> Option<(usize, Slot)> {
        let slots = self.lock();
        let alive = slots.iter().enumerate().filter_map(|(index, slot)| Some((index, slot.as_ref()?)));
        let others = alive.filter(|(index, _)| !excluded.contains(index));
        let lightest = others.min_by_key(|(_, slot)| (slot.consumers.count(), slot.rooms.count()));
        lightest.map(|(index, slot)| (index, slot.clone()))
    }

    async fn fill(&self, index: usize) -> Result<(), WorkersError> {
        let start = |source| WorkersError::Start { index, source };
        let thread = Arc::<WorkerThread>::default();
        let worker = self.manager.create_worker(self.settings(&thread)).await.map_err(start)?;
        let (server, credentials) = self.serve(&worker, index).await?;
        let (end, deaths) = (EndEvent::default(), self.deaths.clone());
        let on_end = end.add(move || {
            let _ = deaths.send(index);
        });
        on_end.detach();
        let event = end.clone();
        worker.on_dead(move |_| event.fire()).detach();
        self.lock()[index] =
            Some(Slot { worker, server, credentials, rooms: Load::default(), consumers: Load::default(), thread, end });
        self.metrics.workers_alive.set(i64::try_from(self.alive()).unwrap_or(i64::MAX));
        Ok(())
    }

    /// Log settings are explicit because the crate's defaults log everything at debug level.
    fn settings(&self, thread: &Arc<WorkerThread>) -> WorkerSettings {
        let mut settings = WorkerSettings::default();
        settings.log_level = WorkerLogLevel::Warn;
        // The tags of ICE and DTLS log a warning for every client that leaves.
        settings.log_tags = vec![WorkerLogTag::Info];
        // Pipes between workers have no separate port range: without this setting they would listen outside the block.
        settings.rtc_port_range = self.plain_ports().unwrap_or(self.port(0)..=self.port(0));
        let thread = Arc::clone(thread);
        settings.thread_initializer = Some(Arc::new(move || thread.register()));
        settings
    }

    /// Creates the worker's server: on its port for UDP, and behind the guard of that port for TCP.
    async fn serve(&self, worker: &Worker, index: usize) -> Result<(WebRtcServer, Credentials), WorkersError> {
        let port = self.port(index);
        let mut attempts = 1..=LOOPBACK_ATTEMPTS;
        loop {
            let behind = loopback_addresses(&self.endpoints, &self.spec.block)?;
            match worker.create_webrtc_server(server_options(&self.endpoints, port, &behind)).await {
                Ok(server) => {
                    let credentials = Credentials::default();
                    self.tcp_ports[index].forward_to(behind, credentials.clone());
                    return Ok((server, credentials));
                }
                // The error does not tell which port is taken: one of the loopback interface, or the worker's own.
                Err(source) if attempts.next().is_none() => {
                    return Err(WorkersError::Listen { ips: listen_ips(&self.endpoints), port, source });
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

fn endpoints(spec: &WorkerSpec) -> Endpoints {
    let endpoints = spec.announced.endpoints(&spec.listen_ips, has_ipv6());
    if !endpoints.left_out.is_empty() {
        let (addresses, listen_ips) = (&endpoints.left_out, &spec.listen_ips);
        tracing::warn!(
            ?addresses,
            ?listen_ips,
            "these addresses are not announced: the pod does not listen in their address family"
        );
    }
    endpoints
}

/// Whether the machine has any IPv6 address; without one, listening fails.
fn has_ipv6() -> bool {
    std::fs::read_to_string("/proc/net/if_inet6").is_ok_and(|addresses| !addresses.trim().is_empty())
}

/// Replaces workers that have ended. The port is free again only when the dead thread's sockets are closed.
async fn replace_dead(workers: std::sync::Weak<Workers>, mut died: mpsc::UnboundedReceiver<usize>) {
    while let Some(index) = died.recv().await {
        let Some(workers) = workers.upgrade() else { return };
        tracing::error!(worker = index, "a media worker ended; its rooms move to other workers");
        workers.metrics.worker_deaths.inc();
        workers.tcp_ports[index].close();
        workers.lock()[index] = None;
        workers.metrics.workers_alive.set(i64::try_from(workers.alive()).unwrap_or(i64::MAX));
        if let Err(error) = workers.fill(index).await {
            tracing::warn!(worker = index, %error, "could not replace the media worker; retrying");
            tokio::time::sleep(Duration::from_secs(1)).await;
            let _ = workers.deaths.send(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::FutureExt;

    use super::*;

    /// One worker, on a port that is free.
    async fn one_worker() -> Arc<Workers> {
        for port in 20_000..20_100 {
            let (ip, block) = (IpAddr::from(Ipv4Addr::LOCALHOST), PortBlock::new(port, port).unwrap());
            let announced = Announcement { addresses: vec![ip.to_string()], ..Announcement::default() };
            let spec =
                WorkerSpec { count: 1, block, listen_ips: vec![ip], announced, tcp: TcpLimits::default(), pipes: None };
            if let Ok(workers) = Workers::start(spec, Metrics::default()).await {
                return workers;
            }
        }
        panic!("no port is free");
    }

    #[tokio::test]
    async fn a_router_whose_room_ends_meanwhile_is_closed() {
        let workers = one_worker().await;
        assert!(workers.place(&[], &[]).now_or_never().is_none(), "it was requested");
        assert_eq!(workers.report()[0].rooms, 1, "it still counts");
        let is_left = async || !workers.dumps().await[0].router_ids.is_empty() || workers.report()[0].rooms > 0;
        let closed = async { while is_left().await {} };
        tokio::time::timeout(Duration::from_secs(20), closed).await.expect("nothing is left");
    }
}
