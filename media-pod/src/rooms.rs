//! The pod's rooms: opened for the first participant, found for later ones, ended by the operator, removed when over. It makes no
//! decisions inside a room.

pub mod defaults;
pub(crate) mod error;
pub mod key;
pub(crate) mod moves;
mod retained;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use convene_protocol::admin::{LONGEST_WAIT_SECONDS, RoomList, RoomListQuery, RoomReport, RoomSites, RoomUpdate};
use convene_protocol::admission::MeetingGrant;
use convene_service::clock::unix_milliseconds;
use convene_service::clock::unix_now;
use mediasoup::prelude::RtpCodecCapability;
use tokio_util::sync::CancellationToken;

use crate::actor::handle::RoomHandle;
use crate::actor::list_version::ListVersion;
use crate::actor::media::MediaPlane;
use crate::actor::media::settings::Layout;
use crate::actor::observed::Reports;
use crate::actor::quota::ByteQuota;
use crate::actor::supervise::{self, RoomEnd, RoomSpec};
use crate::link::Dial;
use crate::link::frames::Hello;
use crate::metrics::Metrics;
use crate::room::{Command, ConnectionId, End, Limits, MeetingSettings, PeerId, Snapshot};
use crate::sfu::codecs::codecs_of;
use crate::sfu::workers::Workers;

use defaults::RoomDefaults;
use error::EnterError;
use key::RoomKey;
use retained::RetainedRooms;

/// Bytes queued for all clients of the pod, or kept for retransmission: an eighth of the memory limit in the chart.
const POD_BYTES: usize = 128 * 1024 * 1024;
/// Bytes queued for the clients of one room.
const ROOM_BYTES: usize = 32 * 1024 * 1024;
/// Longest time after a move during which participants may return to a locked room.
const LONGEST_RETURN_SECONDS: u64 = 300;

/// All rooms of the pod.
#[derive(Debug)]
pub struct Rooms {
    open: tokio::sync::Mutex<HashMap<RoomKey, OpenRoom>>,
    workers: Arc<Workers>,
    defaults: RoomDefaults,
    metrics: Metrics,
    version: ListVersion,
    /// The start of the process in Unix milliseconds, which distinguishes it from an earlier one.
    process: u64,
    /// Requested by the operator, and revocable.
    is_draining: AtomicBool,
    /// The process is shutting down.
    is_ending: AtomicBool,
    next_number: AtomicU64,
    /// State that ended rooms pass to their successors.
    retained: Mutex<RetainedRooms>,
    quota: ByteQuota,
}

#[derive(Clone, Debug)]
struct OpenRoom {
    /// Never reused: distinguishes a room from its successor with the same name.
    number: u64,
    uid: String,
    /// The meeting as it was when the room opened.
    meeting: Arc<MeetingGrant>,
    handle: RoomHandle,
    /// Cancelled when the room has been removed from the list.
    removed: CancellationToken,
}

impl Rooms {
    /// A pod without rooms.
    pub fn new(workers: Arc<Workers>, defaults: RoomDefaults, metrics: Metrics) -> Arc<Self> {
        let process = unix_milliseconds();
        Arc::new(Self {
            open: tokio::sync::Mutex::default(),
            workers,
            defaults,
            metrics,
            version: ListVersion::new(process),
            process,
            is_draining: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            next_number: AtomicU64::new(1),
            retained: Mutex::default(),
            quota: ByteQuota::new(POD_BYTES),
        })
    }

    /// The room of a meeting; opened with this layout if there is none. A room of an older meeting with the same name is ended first.
    /// A draining pod opens no room, but participants may reconnect to an open one.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        grant: &MeetingGrant,
        layout: Layout,
    ) -> Result<RoomHandle, EnterError> {
        if self.is_ending() {
            return Err(EnterError::Draining);
        }
        let key = RoomKey { namespace: grant.namespace.clone(), name: grant.name.clone() };
        let mut open = self.settled(&key, &grant.uid).await;
        if let Some(room) = open.get(&key).filter(|room| room.uid == grant.uid) {
            return Ok(room.handle.clone());
        }
        self.open_room(&mut open, key, grant, layout, None).await
    }

    /// Opens the room of a meeting that has none, with the state of its room on another pod if that has come.
    async fn open_room(
        self: &Arc<Self>,
        open: &mut HashMap<RoomKey, OpenRoom>,
        key: RoomKey,
        grant: &MeetingGrant,
        layout: Layout,
        snapshot: Option<Snapshot>,
    ) -> Result<RoomHandle, EnterError> {
        if self.is_draining() {
            return Err(EnterError::Draining);
        }
        if let Some(room) = open.get(&key) {
            // The room may be busy, and the other rooms must not wait for it.
            let old = room.handle.clone();
            tokio::spawn(async move { old.command(Command::End(End::Over)).await });
        }
        if layout == Layout::Piped && (self.workers.alive() < 2 || self.workers.plain_ports().is_none()) {
            return Err(EnterError::TooFewWorkers);
        }
        if open.len() >= self.defaults.max_rooms && !open.contains_key(&key) {
            return Err(EnterError::TooManyRooms { limit: self.defaults.max_rooms });
        }
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let handle = self.start(grant, layout, key.clone(), number, snapshot).await?;
        let (uid, meeting, removed) = (grant.uid.clone(), Arc::new(grant.clone()), CancellationToken::new());
        open.insert(key, OpenRoom { number, uid, meeting, handle: handle.clone(), removed });
        self.version.bump();
        Ok(handle)
    }

    /// The list, after waiting for the meeting's previous room, if it is over, to pass on its state: a successor without it would be
    /// unlocked.
    async fn settled(&self, key: &RoomKey, uid: &str) -> tokio::sync::MutexGuard<'_, HashMap<RoomKey, OpenRoom>> {
        loop {
            let open = self.open.lock().await;
            let ending = open.get(key).filter(|room| room.uid == uid && room.handle.is_over());
            let Some(removed) = ending.map(|room| room.removed.clone()) else { return open };
            drop(open);
            removed.cancelled().await;
        }
    }

    async fn start(
        self: &Arc<Self>,
        grant: &MeetingGrant,
        layout: Layout,
        key: RoomKey,
        number: u64,
        snapshot: Option<Snapshot>,
    ) -> Result<RoomHandle, EnterError> {
        let media_settings = self.defaults.media.with(&grant.media);
        let offer = self.workers.offer(&self.codecs(grant)).await;
        let offer = offer.map_err(|source| EnterError::Open { name: grant.name.clone(), source })?;
        let workers = Arc::clone(&self.workers);
        let (media, events) = MediaPlane::new(workers, layout, offer.codecs, media_settings, self.metrics.clone());
        tracing::info!(namespace = key.namespace, name = key.name, uid = grant.uid, "room opened");
        let rooms = Arc::downgrade(self);
        let reports = Reports { metrics: self.metrics.clone(), version: self.version.clone() };
        let retained = self.retained().take(&key, &grant.uid, Instant::now());
        let spec = RoomSpec {
            meeting: key.to_string(),
            capabilities: offer.capabilities,
            limits: self.limits(grant),
            settings: settings(grant, unix_now()),
            snapshot: snapshot.or(retained),
            quota: self.quota.child(ROOM_BYTES),
            dial: self.dial(grant),
        };
        let uid = grant.uid.clone();
        let on_end = move |end| remove(rooms, key, uid, number, end);
        Ok(supervise::start(spec, media, events, reports, on_end))
    }

    fn retained(&self) -> MutexGuard<'_, RetainedRooms> {
        self.retained.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory for messages that are queued for clients or kept for retransmission.
    pub(crate) fn quota(&self) -> ByteQuota {
        self.quota.clone()
    }

    /// The codecs that a meeting offers.
    pub(crate) fn codecs(&self, grant: &MeetingGrant) -> Vec<RtpCodecCapability> {
        codecs_of(self.codec_names(grant))
    }

    fn codec_names<'a>(&'a self, grant: &'a MeetingGrant) -> &'a [String] {
        if grant.codecs.is_empty() { &self.defaults.codecs } else { &grant.codecs }
    }

    /// Opens the links of a room, if the pod has ports for pipes.
    fn dial(&self, grant: &MeetingGrant) -> Option<Dial> {
        let pipes = self.workers.pipe_ports()?.clone();
        let (namespace, name) = (grant.namespace.clone(), grant.name.clone());
        let address = pipes.ip;
        let hello = Hello { namespace, name, address, codecs: self.codec_names(grant).to_vec(), media: grant.media };
        Some(Dial::new(hello, pipes, self.metrics.clone()))
    }

    fn limits(&self, grant: &MeetingGrant) -> Limits {
        let limits = self.defaults.limits.clone().for_people(grant.settings.max_participants as usize);
        Limits { empty_timeout: Duration::from_secs(grant.settings.empty_timeout_seconds), ..limits }
    }

    /// Defaults of rooms, which their meetings can override.
    pub(crate) fn defaults(&self) -> &RoomDefaults {
        &self.defaults
    }

    /// The open room of a meeting.
    pub async fn find(&self, key: &RoomKey) -> Option<RoomHandle> {
        let open = self.open.lock().await;
        open.get(key).filter(|room| !room.handle.is_over()).map(|room| room.handle.clone())
    }

    /// The handles of all rooms, sorted by key.
    pub async fn handles(&self) -> Vec<(RoomKey, RoomHandle)> {
        let open = self.open.lock().await;
        let mut all: Vec<_> = open.iter().map(|(key, room)| (key.clone(), room.handle.clone())).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// A unique number for a new connection or call.
    pub(crate) fn connection_id(&self) -> ConnectionId {
        ConnectionId(self.next_number.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns when the version of the list differs from `query.after`, or after `query.wait`.
    pub(crate) async fn wait_for_change(&self, query: RoomListQuery) {
        let at_most = Duration::from_secs(query.wait.min(LONGEST_WAIT_SECONDS));
        self.version.changed_from(query.after, at_most).await;
    }

    /// All open rooms, sorted by key.
    pub async fn list(&self) -> RoomList {
        // Read before the list, so that a concurrent change has a later version.
        let version = self.version.version();
        let open = self.open.lock().await;
        let report = |(key, room): (&RoomKey, &OpenRoom)| RoomReport {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            uid: room.uid.clone(),
            participants: u32::try_from(room.handle.participants()).unwrap_or(u32::MAX),
            recording: room.handle.stats().recorders > 0,
            settings: Some(room.handle.settings()),
            people: room.handle.people(),
            awaits_returning: room.handle.stats().awaits_returning,
            moving: room.handle.move_state().moving,
            restored: room.handle.move_state().restored,
            backup: Some(room.handle.backup_version()),
            awaits_backup: room.handle.stats().awaits_backup,
            sites: room.handle.sites(),
        };
        let mut rooms: Vec<_> = open.iter().map(report).collect();
        rooms.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        let (draining, ending) = (self.is_draining(), self.is_ending());
        RoomList { version, process: self.process, rooms, draining, ending, link: None }
    }

    /// Ends a room; false if there is none with this name (and uid, if given).
    pub async fn end(&self, key: &RoomKey, uid: Option<&str>, end: End) -> bool {
        match self.find_by_uid(key, uid).await {
            Some(handle) => handle.command(Command::End(end)).await,
            None => false,
        }
    }

    /// Updates a room; false if there is none with this name and uid.
    pub(crate) async fn update(&self, key: &RoomKey, update: RoomUpdate) -> bool {
        let RoomUpdate { uid, settings, returning } = update;
        match self.find_by_uid(key, Some(&uid)).await {
            Some(handle) => handle.update(settings, returning).await,
            None => false,
        }
    }

    /// Sets the other pods that serve a room; false if there is none with this name and uid, or this pod has no ports for pipes.
    pub(crate) async fn set_sites(&self, key: &RoomKey, sites: RoomSites) -> bool {
        match self.find_by_uid(key, Some(&sites.uid)).await {
            Some(handle) if self.workers.pipe_listen().is_some() => handle.set_sites(sites).await,
            _ => false,
        }
    }

    /// Removes a participant from a room; false if there is no such room or participant.
    pub async fn remove(&self, key: &RoomKey, uid: Option<&str>, peer: PeerId) -> bool {
        match self.find_by_uid(key, uid).await {
            Some(handle) => handle.remove(peer).await,
            None => false,
        }
    }

    async fn find_by_uid(&self, key: &RoomKey, uid: Option<&str>) -> Option<RoomHandle> {
        let open = self.open.lock().await;
        let room = open.get(key).filter(|room| uid.is_none_or(|uid| room.uid == uid));
        room.map(|room| room.handle.clone())
    }

    /// Whether the pod accepts no new participants: it is draining or shutting down.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed) || self.is_ending()
    }

    /// Whether the pod is shutting down.
    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }

    /// Starts or stops draining: a draining pod accepts no new participants, and keeps those it has.
    pub(crate) async fn set_draining(&self, is_draining: bool) {
        if self.is_draining.swap(is_draining, Ordering::Relaxed) != is_draining {
            tracing::info!(is_draining, "draining changed");
            self.version.bump();
            if is_draining {
                self.stop_preparing().await;
            }
        }
    }

    async fn stop_preparing(&self) {
        let rooms = self.handles().await;
        // A room may be busy, and the caller must not wait for it.
        tokio::spawn(async move {
            for (_, room) in rooms {
                room.command(Command::StopPreparing).await;
            }
        });
    }

    /// Shuts down: accepts no participants, and asks all participants to reconnect. Returns when all rooms are over, or after `at_most`.
    pub async fn drain(&self, at_most: Duration) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.version.bump();
        let handles: Vec<_> = self.open.lock().await.values().map(|room| room.handle.clone()).collect();
        let all_over = async {
            for handle in &handles {
                handle.command(Command::End(End::Moved)).await;
            }
            for handle in handles {
                handle.over().await;
            }
        };
        if tokio::time::timeout(at_most, all_over).await.is_err() {
            tracing::warn!("some rooms did not end in time");
        }
        self.version.close();
    }
}

fn settings(grant: &MeetingGrant, now: u64) -> MeetingSettings {
    let returning = grant.returning_until.and_then(|until| until.checked_sub(now)).filter(|left| *left > 0);
    MeetingSettings {
        returning: returning.map(|left| Duration::from_secs(left.min(LONGEST_RETURN_SECONDS))),
        title: grant.settings.title.clone(),
        is_locked: grant.settings.locked,
        has_chat: grant.chat,
        has_screen_share: grant.screen_share,
        has_backup: grant.has_backup,
    }
}

/// Removes an ended room from the list, unless its successor has replaced it already.
async fn remove(rooms: Weak<Rooms>, key: RoomKey, uid: String, number: u64, end: RoomEnd) {
    let Some(rooms) = rooms.upgrade() else { return };
    let mut open = rooms.open.lock().await;
    if let Some(snapshot) = end.snapshot {
        rooms.retained().keep(key.clone(), uid, snapshot, Instant::now());
    }
    if let Some(room) = open.get(&key).filter(|room| room.number == number) {
        room.removed.cancel();
        open.remove(&key);
        rooms.version.bump();
        tracing::info!(namespace = key.namespace, name = key.name, "room over");
    }
}
