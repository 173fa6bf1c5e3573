//! The pod's rooms: opened by the first admission, found by later ones, ended from outside, forgotten when over.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use convene_protocol::admin::{LONGEST_WAIT_SECONDS, RoomList, RoomListQuery, RoomReport, RoomUpdate};
use convene_protocol::admission::MeetingGrant;
use mediasoup::prelude::RtpCodecCapability;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::admission::{unix_milliseconds, unix_now};
use crate::budget::Budget;
use crate::kept::KeptRooms;
use crate::metrics::Metrics;
use crate::news::News;
use crate::room::{Command, ConnectionId, End, Limits, MeetingSettings, PeerId};
use crate::sfu::codecs::{USUAL, codecs_of};
use crate::sfu::workers::Workers;
use crate::shell::{Beginning, Ended, Layout, MediaPlane, MediaSettings, OpenError, Reports, RoomHandle, Shell};

/// A meeting's name on this pod: namespace (empty without Kubernetes) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomKey {
    /// Namespace, empty for a pod that stands alone.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl fmt::Display for RoomKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.namespace.is_empty() { "" } else { "/" };
        write!(formatter, "{}{separator}{}", self.namespace, self.name)
    }
}

/// Bytes that may wait for all clients of the pod, and be kept to be sent again: an eighth of the memory that the chart allows.
const POD_BYTES: usize = 128 * 1024 * 1024;
/// Bytes that may wait for the clients of one room.
const ROOM_BYTES: usize = 32 * 1024 * 1024;
/// Longest time after a move in which people may come back into a locked room.
const LONGEST_RETURN_SECONDS: u64 = 300;

/// Why nobody can enter.
#[derive(Debug, Error)]
pub enum EnterError {
    /// The pod is being drained or about to end.
    #[error("this media pod takes nobody now")]
    Draining,
    /// The media plane cannot take the room.
    #[error("cannot open the room {name:?}")]
    Open {
        /// The room.
        name: String,
        /// Why.
        source: OpenError,
    },
    /// One more would be too many.
    #[error("this media pod has {most} rooms already")]
    TooManyRooms {
        /// The limit.
        most: usize,
    },
    /// Senders and receivers on different workers need two.
    #[error("usePipeTransports needs two media workers")]
    TooFewWorkers,
}

impl EnterError {
    /// A short constant for metric labels and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Draining => "Draining",
            Self::Open { source, .. } => source.reason(),
            Self::TooManyRooms { .. } => "TooManyRooms",
            Self::TooFewWorkers => "TooFewWorkers",
        }
    }
}

/// How many rooms the pod may have, and what each of them gets where its meeting says nothing else.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rooms at the same time.
    pub rooms: usize,
    /// How much it may have.
    pub limits: Limits,
    /// Codecs that are offered where the meeting names none.
    pub codecs: Vec<String>,
    /// How much of the network its media may use.
    pub media: MediaSettings,
}

impl Default for Settings {
    fn default() -> Self {
        let codecs = USUAL.split(',').map(str::to_owned).collect();
        Self { rooms: 5000, limits: Limits::default(), codecs, media: MediaSettings::default() }
    }
}

/// All rooms of the pod.
#[derive(Debug)]
pub struct Rooms {
    open: tokio::sync::Mutex<HashMap<RoomKey, OpenRoom>>,
    workers: Arc<Workers>,
    settings: Settings,
    metrics: Metrics,
    news: News,
    /// Asked for from outside, and may be taken back.
    is_draining: AtomicBool,
    /// The process is about to end.
    is_ending: AtomicBool,
    next_number: AtomicU64,
    /// What rooms that are over have left to those that follow them.
    kept: Mutex<KeptRooms>,
    budget: Budget,
}

#[derive(Clone, Debug)]
struct OpenRoom {
    /// Never used twice: tells a room from its successor of the same name.
    number: u64,
    uid: String,
    handle: RoomHandle,
    /// Cancelled when it is no longer in the list.
    forgotten: CancellationToken,
}

impl Rooms {
    /// No rooms yet.
    pub fn new(workers: Arc<Workers>, settings: Settings, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self {
            open: tokio::sync::Mutex::default(),
            workers,
            settings,
            metrics,
            news: News::new(unix_milliseconds()),
            is_draining: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            next_number: AtomicU64::new(1),
            kept: Mutex::default(),
            budget: Budget::new(POD_BYTES),
        })
    }

    /// The room for a meeting; opened with this layout if it is not. A room of an older meeting with the same name ends first.
    /// A pod that is being drained opens none, but those who are in one may come back to it.
    pub async fn enter(self: &Arc<Self>, grant: &MeetingGrant, layout: Layout) -> Result<RoomHandle, EnterError> {
        if self.is_ending() {
            return Err(EnterError::Draining);
        }
        let key = RoomKey { namespace: grant.namespace.clone(), name: grant.name.clone() };
        let mut open = self.settled(&key, &grant.uid).await;
        if let Some(room) = open.get(&key).filter(|room| room.uid == grant.uid) {
            return Ok(room.handle.clone());
        }
        if self.is_draining() {
            return Err(EnterError::Draining);
        }
        if let Some(room) = open.get(&key) {
            // It may be busy; all the others are not to wait for that.
            let old = room.handle.clone();
            tokio::spawn(async move { old.command(Command::End(End::Over)).await });
        }
        if layout == Layout::Piped && (self.workers.alive() < 2 || self.workers.plain_ports().is_none()) {
            return Err(EnterError::TooFewWorkers);
        }
        if open.len() >= self.settings.rooms && !open.contains_key(&key) {
            return Err(EnterError::TooManyRooms { most: self.settings.rooms });
        }
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let handle = self.start(grant, layout, key.clone(), number).await?;
        let forgotten = CancellationToken::new();
        open.insert(key, OpenRoom { number, uid: grant.uid.clone(), handle: handle.clone(), forgotten });
        self.news.tell();
        Ok(handle)
    }

    /// The list, once the meeting's last room has handed on what it knew if it is over: a successor without that would be unlocked.
    async fn settled(&self, key: &RoomKey, uid: &str) -> tokio::sync::MutexGuard<'_, HashMap<RoomKey, OpenRoom>> {
        loop {
            let open = self.open.lock().await;
            let ending = open.get(key).filter(|room| room.uid == uid && room.handle.is_over());
            let Some(forgotten) = ending.map(|room| room.forgotten.clone()) else { return open };
            drop(open);
            forgotten.cancelled().await;
        }
    }

    async fn start(
        self: &Arc<Self>,
        grant: &MeetingGrant,
        layout: Layout,
        key: RoomKey,
        number: u64,
    ) -> Result<RoomHandle, EnterError> {
        let settings = self.settings.media.with(&grant.media);
        let (workers, codecs) = (Arc::clone(&self.workers), self.codecs(grant));
        let opened = MediaPlane::open(workers, layout, codecs, settings, self.metrics.clone()).await;
        let (media, events) = opened.map_err(|source| EnterError::Open { name: grant.name.clone(), source })?;
        tracing::info!(namespace = key.namespace, name = key.name, uid = grant.uid, "room opened");
        let rooms = Arc::downgrade(self);
        let reports = Reports { metrics: self.metrics.clone(), news: self.news.clone() };
        let beginning = Beginning {
            meeting: key.to_string(),
            limits: self.limits(grant),
            terms: terms(grant, unix_now()),
            keepsake: self.kept().take(&key, &grant.uid, Instant::now()),
            budget: self.budget.part(ROOM_BYTES),
        };
        let uid = grant.uid.clone();
        let on_over = move |ended| forget(rooms, key, uid, number, ended);
        Ok(Shell::start(beginning, media, events, reports, on_over))
    }

    fn kept(&self) -> MutexGuard<'_, KeptRooms> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory for what waits for clients and for what may have to be sent again.
    pub fn budget(&self) -> Budget {
        self.budget.clone()
    }

    /// What a meeting offers.
    pub fn codecs(&self, grant: &MeetingGrant) -> Vec<RtpCodecCapability> {
        codecs_of(if grant.codecs.is_empty() { &self.settings.codecs } else { &grant.codecs })
    }

    fn limits(&self, grant: &MeetingGrant) -> Limits {
        let limits = self.settings.limits.clone().for_people(grant.max_participants as usize);
        Limits { empty_timeout: Duration::from_secs(grant.empty_timeout_seconds), ..limits }
    }

    /// What every room gets, where its meeting says nothing else.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The open room of a meeting.
    pub async fn find(&self, key: &RoomKey) -> Option<RoomHandle> {
        let open = self.open.lock().await;
        open.get(key).filter(|room| !room.handle.is_over()).map(|room| room.handle.clone())
    }

    /// Every open room with the way to it, sorted.
    pub async fn handles(&self) -> Vec<(RoomKey, RoomHandle)> {
        let open = self.open.lock().await;
        let mut all: Vec<_> = open.iter().map(|(key, room)| (key.clone(), room.handle.clone())).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// A number for a new connection.
    pub fn connection_id(&self) -> ConnectionId {
        ConnectionId(self.next_number.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns when the list has another version than the one that is known, or when the time to wait is up.
    pub async fn wait_for_news(&self, query: RoomListQuery) {
        let at_most = Duration::from_secs(query.wait.min(LONGEST_WAIT_SECONDS));
        self.news.other_than(query.after, at_most).await;
    }

    /// Every open room, sorted.
    pub async fn list(&self) -> RoomList {
        // First, so that what changes meanwhile has a later version.
        let version = self.news.version();
        let open = self.open.lock().await;
        let report = |(key, room): (&RoomKey, &OpenRoom)| RoomReport {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            uid: room.uid.clone(),
            participants: u32::try_from(room.handle.participants()).unwrap_or(u32::MAX),
            recording: room.handle.census().recorders > 0,
            settings: Some(room.handle.settings()),
            people: room.handle.people(),
            awaits_returning: room.handle.census().awaits_returning,
        };
        let mut rooms: Vec<_> = open.iter().map(report).collect();
        rooms.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        RoomList { version, rooms, draining: self.is_draining() }
    }

    /// Ends a room; false when there is none by that name (and uid, if given).
    pub async fn end(&self, key: &RoomKey, uid: Option<&str>, end: End) -> bool {
        match self.find_by_uid(key, uid).await {
            Some(handle) => handle.command(Command::End(end)).await,
            None => false,
        }
    }

    /// From now on a room goes by this; false when there is none by that name and uid.
    pub async fn update(&self, key: &RoomKey, update: RoomUpdate) -> bool {
        let RoomUpdate { uid, settings, returning } = update;
        match self.find_by_uid(key, Some(&uid)).await {
            Some(handle) => handle.update(settings, returning).await,
            None => false,
        }
    }

    /// Takes somebody out of a room; false when there is no such room or nobody of that id in it.
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

    /// Whether the pod takes nobody new: it is being drained, or about to end.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed) || self.is_ending()
    }

    /// Whether the pod is about to end.
    pub fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }

    /// Takes nobody new any more, or again. Those who are in stay.
    pub fn set_draining(&self, is_draining: bool) {
        if self.is_draining.swap(is_draining, Ordering::Relaxed) != is_draining {
            tracing::info!(is_draining, "whether this media pod takes new people has changed");
            self.news.tell();
        }
    }

    /// Takes nobody any more and sends everybody to come back elsewhere. Returns when all rooms are over or time is up.
    pub async fn drain(&self, at_most: Duration) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.news.tell();
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
        self.news.end();
    }
}

fn terms(grant: &MeetingGrant, now: u64) -> MeetingSettings {
    let returning = grant.returning_until.and_then(|until| until.checked_sub(now)).filter(|left| *left > 0);
    MeetingSettings {
        returning: returning.map(|left| Duration::from_secs(left.min(LONGEST_RETURN_SECONDS))),
        title: grant.title.clone(),
        is_locked: grant.locked,
        has_chat: grant.chat,
        has_screen_share: grant.screen_share,
    }
}

/// Takes a room that is over from the list, unless a successor has its place already.
async fn forget(rooms: Weak<Rooms>, key: RoomKey, uid: String, number: u64, ended: Ended) {
    let Some(rooms) = rooms.upgrade() else { return };
    let mut open = rooms.open.lock().await;
    if let Some(keepsake) = ended.keepsake {
        rooms.kept().keep(key.clone(), uid, keepsake, Instant::now());
    }
    if let Some(room) = open.get(&key).filter(|room| room.number == number) {
        room.forgotten.cancel();
        open.remove(&key);
        rooms.news.tell();
        tracing::info!(namespace = key.namespace, name = key.name, "room over");
    }
}
