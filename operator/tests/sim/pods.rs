//! The processes in the media pods: they have rooms with participants and serve the admin API, each at its own address on loopback.
//!
//! Participants rejoin when they are disconnected or their pod is gone: `crowds` is how many want to be in each meeting.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::{delete, get, post, put},
};
use convene_protocol::admin::{
    EndReason, EndRoomQuery, ProbeTargets, RoomList, RoomListQuery, RoomReport, RoomSettings, RoomUpdate,
};
use tokio::{sync::watch, task::AbortHandle};

/// Namespace and name of a Meeting.
pub(crate) type MeetingKey = (String, String);

/// One process.
#[derive(Debug)]
pub(super) struct Process {
    address: SocketAddr,
    pub(super) rooms: BTreeMap<MeetingKey, RoomReport>,
    pub(super) version: u64,
    /// The version that the operator received last.
    told: u64,
    is_draining: bool,
    server: AbortHandle,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) processes: BTreeMap<String, Process>,
    crowds: BTreeMap<MeetingKey, u32>,
    /// Meetings to be recorded.
    recorded: BTreeSet<MeetingKey>,
    /// UIDs of pods that do not respond, because the network loses everything they send.
    mute: BTreeSet<String>,
    /// Rooms with participants that were ended, and why.
    ended: Vec<(MeetingKey, EndReason)>,
    /// Rooms that received the participants from before the move of their meeting to the pod.
    told: Vec<(MeetingKey, Vec<String>)>,
    /// Whether the processes are of a version without moves.
    pub(super) is_old: bool,
}

impl Inner {
    /// Changes the room of a meeting wherever it is open; long polls return if it has changed.
    fn change_rooms(&mut self, key: &MeetingKey, change: impl Fn(&mut RoomReport)) {
        for process in self.processes.values_mut() {
            let Some(room) = process.rooms.get_mut(key) else { continue };
            let before = room.clone();
            change(room);
            process.version += u64::from(*room != before);
        }
    }
}

/// All processes of a cluster, by UID of their pod.
#[derive(Debug)]
pub(crate) struct Processes {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
}

/// As a pod lists the participants of a locked room.
fn people_of(key: &MeetingKey, count: u32) -> Vec<String> {
    (0..count).map(|number| format!("{}-{number:04}", key.1)).collect()
}

static ADDRESSES: AtomicU32 = AtomicU32::new(0);

/// The next free address of 127.64.0.0/10.
fn next_address() -> Ipv4Addr {
    let number = ADDRESSES.fetch_add(1, Ordering::Relaxed) % 0x3f_fff0 + 1;
    Ipv4Addr::from(0x7f40_0000 + number)
}

impl Processes {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), changed: watch::Sender::default() })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics while it holds the processes")
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn touch(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Starts the process of a pod and returns its address. `port` 0: any.
    pub(crate) fn start(self: &Arc<Self>, uid: &str, port: u16) -> SocketAddr {
        if let Some(process) = self.lock().processes.get(uid) {
            return process.address;
        }
        let listener = TcpListener::bind((next_address(), port)).expect("the address is free");
        listener.set_nonblocking(true).expect("sockets can do that");
        let address = listener.local_addr().expect("is bound");
        let app = build_app(Arc::clone(self), uid);
        let listener = tokio::net::TcpListener::from_std(listener).expect("runs within a runtime");
        let server = tokio::spawn(async move { axum::serve(listener, app).await }).abort_handle();
        let version = u64::from(rand::random::<u32>()) << 20 | 1;
        let process = Process { address, rooms: BTreeMap::new(), version, told: 0, is_draining: false, server };
        self.lock().processes.insert(uid.to_owned(), process);
        self.touch();
        address
    }

    /// Ends the process of a pod, and its rooms.
    pub(crate) fn end(&self, uid: &str) {
        let mut inner = self.lock();
        if let Some(process) = inner.processes.remove(uid) {
            process.server.abort();
            super::sites::lose(&mut inner, uid);
        }
        drop(inner);
        self.touch();
    }

    /// Whether the network loses everything that this pod sends.
    pub(crate) fn mute(&self, uid: &str, is_mute: bool) {
        let mut inner = self.lock();
        if is_mute {
            inner.mute.insert(uid.to_owned());
        } else {
            inner.mute.remove(uid);
        }
    }

    fn is_mute(&self, uid: &str) -> bool {
        self.lock().mute.contains(uid)
    }

    /// Pods with a process.
    pub(crate) fn uids(&self) -> BTreeSet<String> {
        self.lock().processes.keys().cloned().collect()
    }

    pub(crate) fn is_draining(&self, uid: &str) -> bool {
        self.lock().processes.get(uid).is_some_and(|process| process.is_draining)
    }

    /// Processes whose rooms have changed since the operator received them.
    pub(crate) fn unreported(&self) -> usize {
        self.lock().processes.values().filter(|process| process.told != process.version).count()
    }

    /// Participants in the rooms of a pod.
    pub(crate) fn people_in(&self, uid: &str) -> u32 {
        let inner = self.lock();
        inner.processes.get(uid).map_or(0, |process| process.rooms.values().map(|room| room.participants).sum())
    }

    /// All rooms, with the UIDs of their pods.
    pub(crate) fn rooms(&self) -> Vec<(String, RoomReport)> {
        let inner = self.lock();
        let rooms = inner.processes.iter().map(|(uid, process)| (uid, process.rooms.values()));
        rooms.flat_map(|(uid, rooms)| rooms.map(|room| (uid.clone(), room.clone()))).collect()
    }

    /// Rooms that were ended so far with participants in them.
    pub(crate) fn ended(&self) -> Vec<(MeetingKey, EndReason)> {
        self.lock().ended.clone()
    }

    /// Rooms that have received participants who may rejoin, and these participants.
    pub(crate) fn told(&self) -> Vec<(MeetingKey, Vec<String>)> {
        self.lock().told.clone()
    }

    /// Sets how many participants want to be in this meeting.
    pub(crate) fn gather(&self, namespace: &str, name: &str, count: u32) {
        let key = (namespace.to_owned(), name.to_owned());
        let mut inner = self.lock();
        inner.change_rooms(&key, |room| (room.participants, room.people) = (count, people_of(&key, count)));
        inner.crowds.insert(key, count);
        drop(inner);
        self.touch();
    }

    /// Sets whether this meeting is recorded.
    pub(crate) fn record(&self, namespace: &str, name: &str, is_recorded: bool) {
        let key = (namespace.to_owned(), name.to_owned());
        let mut inner = self.lock();
        inner.change_rooms(&key, |room| room.recording = is_recorded);
        if is_recorded {
            inner.recorded.insert(key);
        } else {
            inner.recorded.remove(&key);
        }
        drop(inner);
        self.touch();
    }

    /// Meetings whose participants are not connected.
    pub(crate) fn outside(&self) -> Vec<MeetingKey> {
        let inner = self.lock();
        let is_in = |key: &MeetingKey| {
            inner.processes.values().any(|process| process.rooms.get(key).is_some_and(|room| room.participants > 0))
        };
        inner.crowds.iter().filter(|(key, count)| **count > 0 && !is_in(key)).map(|(key, _)| key.clone()).collect()
    }

    /// A moderator decides something in the room of a meeting, which its backup contains from now on.
    pub(crate) fn decide(&self, namespace: &str, name: &str, decision: u64) {
        let key = (namespace.to_owned(), name.to_owned());
        self.lock().change_rooms(&key, |room| room.backup = Some(decision));
        self.touch();
    }

    /// The crowd of a meeting opens its URL and is sent to this pod. `has_backup`: the room has to know what was decided before it admits anyone.
    pub(crate) fn join(&self, pod_uid: &str, meeting_uid: &str, key: &MeetingKey, has_backup: bool) {
        let mut inner = self.lock();
        let (count, recording) = (inner.crowds.get(key).copied().unwrap_or_default(), inner.recorded.contains(key));
        let Some(process) = inner.processes.get_mut(pod_uid).filter(|process| !process.is_draining) else { return };
        let (namespace, name) = key.clone();
        // What it knows of people came with a move.
        let before = process.rooms.get(key).filter(|room| room.uid == meeting_uid).cloned().unwrap_or_default();
        let (restored, backup) = (before.restored, before.backup);
        let awaits_backup = has_backup && restored.is_none() && backup.unwrap_or_default() == 0;
        if before.awaits_backup && awaits_backup {
            return;
        }
        let count = if awaits_backup { 0 } else { count };
        let backup = if awaits_backup { Some(0) } else { backup };
        let room = RoomReport {
            namespace,
            name,
            uid: meeting_uid.to_owned(),
            participants: count,
            recording,
            settings: Some(RoomSettings::default()),
            people: people_of(key, count),
            awaits_returning: restored.is_none(),
            restored,
            backup,
            awaits_backup,
            ..RoomReport::default()
        };
        process.rooms.insert(key.clone(), room);
        process.version += 1;
        drop(inner);
        self.touch();
    }

    pub(super) fn change<T>(&self, uid: &str, change: impl FnOnce(&mut Process) -> Option<T>) -> Result<T, StatusCode> {
        let mut inner = self.lock();
        let process = inner.processes.get_mut(uid).ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        let answer = change(process).ok_or(StatusCode::NOT_FOUND)?;
        process.version += 1;
        drop(inner);
        self.touch();
        Ok(answer)
    }

    fn end_room(&self, uid: &str, key: MeetingKey, query: &EndRoomQuery) -> Result<(), StatusCode> {
        let room = self.change(uid, |process| {
            let room = process.rooms.get(&key)?;
            if query.uid.as_ref().is_some_and(|wanted| *wanted != room.uid) {
                return None;
            }
            process.rooms.remove(&key)
        })?;
        let mut inner = self.lock();
        if room.participants > 0 {
            if query.reason == EndReason::Ended {
                inner.crowds.remove(&key);
            }
            inner.ended.push((key, query.reason));
        }
        Ok(())
    }
}

#[derive(Clone)]
pub(super) struct Desk {
    pub(super) processes: Arc<Processes>,
    pub(super) uid: String,
}

fn build_app(processes: Arc<Processes>, uid: &str) -> Router {
    let desk = Desk { processes, uid: uid.to_owned() };
    super::sites::add_routes(super::moves::add_routes(Router::new()))
        .route("/admin/v1/rooms", get(list_rooms))
        .route("/admin/v1/rooms/{namespace}/{name}", delete(end_room).patch(update_room))
        .route("/admin/v1/drain", put(drain).delete(undrain))
        .route("/admin/v1/probe", post(probe))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn_with_state(desk.clone(), lose))
        .with_state(desk)
}

/// A request or response of a mute pod is lost for good.
async fn lose(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    if desk.processes.is_mute(&desk.uid) {
        return std::future::pending().await;
    }
    let response = next.run(request).await;
    if desk.processes.is_mute(&desk.uid) {
        return std::future::pending().await;
    }
    response
}

async fn list_rooms(
    State(desk): State<Desk>,
    Query(query): Query<RoomListQuery>,
) -> Result<Json<RoomList>, StatusCode> {
    let end = tokio::time::Instant::now() + Duration::from_secs(query.wait.min(30));
    let mut changed = desk.processes.subscribe();
    loop {
        changed.mark_unchanged();
        let list = list_once(&desk)?;
        let is_news = query.wait == 0 || list.version != query.after;
        if is_news || tokio::time::timeout_at(end, changed.changed()).await.is_err() {
            note_reported(&desk, list.version);
            return Ok(Json(list));
        }
    }
}

fn note_reported(desk: &Desk, version: u64) {
    if let Some(process) = desk.processes.lock().processes.get_mut(&desk.uid) {
        process.told = version;
    }
    desk.processes.touch();
}

fn list_once(desk: &Desk) -> Result<RoomList, StatusCode> {
    let inner = desk.processes.lock();
    let process = inner.processes.get(&desk.uid).ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(RoomList {
        version: process.version,
        process: process.version >> 20,
        rooms: process.rooms.values().cloned().collect(),
        draining: process.is_draining,
        ending: false,
        link: (!inner.is_old).then(|| super::sites::link_of(process)),
    })
}

async fn end_room(
    State(desk): State<Desk>,
    Path(key): Path<MeetingKey>,
    Query(query): Query<EndRoomQuery>,
) -> Result<StatusCode, StatusCode> {
    desk.processes.end_room(&desk.uid, key, &query).map(|()| StatusCode::NO_CONTENT)
}

async fn update_room(
    State(desk): State<Desk>,
    Path(key): Path<MeetingKey>,
    Json(update): Json<RoomUpdate>,
) -> Result<StatusCode, StatusCode> {
    let status = desk.processes.change(&desk.uid, |process| {
        let room = process.rooms.get_mut(&key).filter(|room| room.uid == update.uid)?;
        room.settings = Some(update.settings);
        room.awaits_returning &= update.returning.is_none();
        Some(StatusCode::NO_CONTENT)
    })?;
    desk.processes.lock().told.extend(update.returning.map(|people| (key, people)));
    Ok(status)
}

async fn drain(State(desk): State<Desk>) -> Result<StatusCode, StatusCode> {
    set_draining(&desk, true)
}

async fn undrain(State(desk): State<Desk>) -> Result<StatusCode, StatusCode> {
    set_draining(&desk, false)
}

fn set_draining(desk: &Desk, is_draining: bool) -> Result<StatusCode, StatusCode> {
    desk.processes.change(&desk.uid, |process| {
        process.is_draining = is_draining;
        Some(StatusCode::NO_CONTENT)
    })
}

async fn probe() -> Json<ProbeTargets> {
    Json(ProbeTargets { seconds: 10, targets: Vec::new() })
}
