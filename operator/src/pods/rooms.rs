//! The room reconciler: ends rooms whose meeting has ended, is gone or has moved, applies changed settings to the others, and learns how
//! many participants they have. It remembers the participants of locked meetings and passes them on to the new pod when a meeting moves.
//!
//! One follower per media pod keeps a long poll open, so that changes arrive immediately and idle pods cost nothing. Before a room is
//! ended, the Meeting is read from the API server: a lagging cache must not disconnect participants.

pub(crate) mod decide;
pub(crate) mod returning;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use convene_crds::Meeting;
use convene_protocol::admin::{EndReason, RoomList, RoomReport, RoomSettings, RoomUpdate};
use jiff::Timestamp;
use kube::Api;
use tokio_util::task::AbortOnDropHandle;

use self::{
    decide::{MeetingHome, RoomStep, compute_home, plan_room},
    returning::{Returning, Whereabouts},
};
use crate::{
    cluster::cache::ClusterCache,
    metrics::OperatorMetrics,
    model::{
        ledger::{MeetingKey, Occupancy},
        media_pod::{MediaPod, PodState},
    },
    pods::{
        backups::BackupKeeper,
        link::{PodLink, PodLinkError},
        sites::{SentLists, SiteKeeper},
    },
};

/// Pause between two responses of a pod: changes come in bursts, and one pass handles them all.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause after a pod that did not respond. After the first failure there is none: if its process has ended, the next connection is refused.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(2);
/// Pause while a pod refuses connections: its process restarts.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(250);
/// Refusals that are evidence of the end of a process: one alone may be an accident of the network.
const ENOUGH_REFUSALS: u32 = 2;
/// Refusals after which something else than its end must be the cause: 15 s, in which Kubernetes notices the end of a process.
const TOO_MANY_REFUSALS: u32 = 60;
/// Pause before steps of backups, and lists of other pods, that have failed or were not due are repeated.
const RETRY: Duration = Duration::from_secs(5);
/// Interval in which remembered participants, and backups of rooms that have ended, are checked for expiry.
const FORGET_EVERY: Duration = Duration::from_secs(30);

/// Shared by all followers.
#[derive(Clone)]
struct RoomReconciler {
    cache: Arc<ClusterCache>,
    link: PodLink,
    metrics: OperatorMetrics,
    /// Lists of other pods that rooms have received.
    sent_sites: SentLists,
    /// Participants of locked meetings. If both locks are needed, this one is taken before that of the ledger.
    returning: Arc<Mutex<Returning>>,
}

/// What a follower depends on: a change starts another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Followed {
    uid: String,
    /// After a reboot of its node a pod may have another one.
    address: Option<String>,
    /// Why it is silent. The question that was open when the pod fell silent may never be answered. When the pod responds again, its rooms are
    /// requested at once, because those of meetings that have moved must end.
    silence: Option<String>,
}

/// Runs until the process ends.
pub(crate) async fn run_room_reconciler(cache: Arc<ClusterCache>, link: PodLink, metrics: OperatorMetrics) {
    cache.wait_until_complete().await;
    let mut changes = cache.pods_changed.subscribe();
    let reconciler =
        RoomReconciler { cache, link, metrics, sent_sites: SentLists::default(), returning: Arc::default() };
    let mut forget = tokio::time::interval(FORGET_EVERY);
    let mut followers: HashMap<Followed, AbortOnDropHandle<()>> = HashMap::new();
    loop {
        let pods = reconciler.followed();
        followers.retain(|pod, follower| pods.contains_key(pod) && !follower.is_finished());
        for (key, pod) in pods {
            followers
                .entry(key)
                .or_insert_with(|| AbortOnDropHandle::new(tokio::spawn(reconciler.clone().follow(pod))));
        }
        tokio::select! {
            outcome = changes.changed() => if outcome.is_err() { return },
            _ = forget.tick() => {
                reconciler.forget();
                reconciler.backups().forget().await;
            }
        }
    }
}

impl RoomReconciler {
    /// The pods that may respond.
    fn followed(&self) -> HashMap<Followed, Arc<MediaPod>> {
        let state = self.cache.state();
        let may_answer = |pod: &&Arc<MediaPod>| pod.ip.is_some() && !matches!(pod.state, PodState::Dead(_));
        let key = |pod: &Arc<MediaPod>| Followed {
            uid: pod.uid.clone(),
            address: pod.ip.clone(),
            silence: pod.reason().filter(|_| pod.is_silent()).map(|why| why.message.clone()),
        };
        state.views.pods().filter(may_answer).map(|pod| (key(pod), Arc::clone(pod))).collect()
    }

    /// Follows one pod until it is aborted.
    async fn follow(self, pod: Arc<MediaPod>) {
        let mut moves = self.cache.pods_changed.subscribe();
        let mut known = RoomList::default();
        let mut failures = Failures::default();
        let mut is_work_left = false;
        loop {
            let change = self.await_change(&pod, &known, &mut moves);
            let limit = if is_work_left { RETRY } else { Duration::MAX };
            let Ok(change) = tokio::time::timeout(limit, change).await else {
                is_work_left = self.settle_state(&pod, &known).await;
                continue;
            };
            match change {
                Ok(None) => is_work_left = true,
                Ok(Some(list)) => {
                    failures = Failures::after_response();
                    self.cache.on_pod_response(&pod);
                    known = list;
                    self.report(&pod, &known);
                    self.settle(&pod, &known).await;
                    is_work_left = self.settle_state(&pod, &known).await;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    self.note_failure(&pod, &error, failures.count == 0);
                    match failures.note(&error) {
                        Evidence::None => {}
                        Evidence::Ended => {
                            // The versions of the next process start from the beginning.
                            known = RoomList::default();
                            self.cache.on_pod_ended(&pod);
                        }
                        Evidence::Withdrawn => self.cache.on_pod_response(&pod),
                    }
                    tokio::time::sleep(failures.pause()).await;
                }
            }
        }
    }

    /// Waits for the pod's next list. In the meantime a room of the last list may have to end because its meeting ended, or use other pods. `None`:
    /// something of that is left to do.
    async fn await_change(
        &self,
        pod: &MediaPod,
        known: &RoomList,
        moves: &mut tokio::sync::watch::Receiver<u64>,
    ) -> Result<Option<RoomList>, PodLinkError> {
        let change = self.link.await_rooms(pod, known.version);
        tokio::pin!(change);
        loop {
            tokio::select! {
                answer = &mut change => return answer.map(Some),
                // The sender is part of the cache, which `self` holds: it cannot be gone.
                _ = moves.changed() => {
                    self.settle(pod, known).await;
                    if self.sites().settle(pod, known).await {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn note_failure(&self, pod: &MediaPod, error: &PodLinkError, is_first: bool) {
        self.metrics.podlink_failures.with_label_values(&[error.reason()]).inc();
        // A pod that starts or terminates does not respond, which needs no attention.
        if pod.is_ready() && is_first {
            tracing::info!(
                error = error as &dyn std::error::Error,
                pod = pod.name,
                "could not follow the rooms of a media pod"
            );
        } else {
            tracing::debug!(error = error as &dyn std::error::Error, pod = pod.name, "could not reach media pod");
        }
    }

    fn backups(&self) -> BackupKeeper<'_> {
        BackupKeeper { cache: &self.cache, link: &self.link, metrics: &self.metrics }
    }

    fn sites(&self) -> SiteKeeper<'_> {
        let Self { cache, link, metrics, sent_sites: sent, .. } = self;
        SiteKeeper { cache, link, metrics, sent }
    }

    /// Brings what rooms know to where it belongs: their state to backups, and to them the list of the other pods that serve them. Returns
    /// whether something is left to do.
    async fn settle_state(&self, pod: &MediaPod, list: &RoomList) -> bool {
        let is_sites_left = self.sites().settle(pod, list).await;
        self.backups().settle(pod, list).await || is_sites_left
    }

    fn returning(&self) -> MutexGuard<'_, Returning> {
        // A panic while the lock was held leaves the value usable: each change is complete in itself.
        self.returning.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self) {
        self.sent_sites.retain(|uid| self.cache.state().ledger.has(uid));
        self.returning().forget(Timestamp::now(), |key, uid, pod_uid| self.find(key, uid, pod_uid));
    }

    fn find(&self, key: &MeetingKey, uid: &str, pod_uid: &str) -> Whereabouts {
        let Some(guarded) = self.cache.meeting(&key.namespace, &key.name) else { return Whereabouts::Nowhere };
        let Ok(meeting) = &guarded.0 else { return Whereabouts::Between };
        let home = compute_home(meeting, self.cache.state().ledger.pod_of(meeting).map(|pod| pod.uid.clone()));
        home.whereabouts(uid, pod_uid)
    }

    /// Records the rooms and their participants, and enqueues the objects that depend on them.
    fn report(&self, pod: &MediaPod, list: &RoomList) {
        self.returning().observe(&pod.uid, list, Timestamp::now());
        let rooms: HashMap<_, _> = list.rooms.iter().map(|room| (room.uid.clone(), occupancy_of(room))).collect();
        self.cache.on_move_report(pod, list);
        self.cache.on_site_report(pod, list);
        self.cache.on_room_report(pod, &rooms);
    }

    /// Ends and updates rooms as their meetings require.
    async fn settle(&self, pod: &MediaPod, list: &RoomList) {
        for room in &list.rooms {
            let home = self.home_of(room);
            match plan_room(&pod.uid, room, home.as_ref(), self.is_leaving(pod, room)) {
                RoomStep::Keep => {}
                RoomStep::End(_) => self.end_room(pod, room).await,
                RoomStep::Update { settings, awaits_returning } => {
                    let returning = awaits_returning.then(|| self.returning().participants_of(&room.uid));
                    self.update_room(pod, room, settings, returning).await;
                }
            }
        }
    }

    fn is_leaving(&self, pod: &MediaPod, room: &RoomReport) -> bool {
        self.cache.state().moves.is_leaving(&room.uid, &pod.uid, Timestamp::now())
    }

    fn home_of(&self, room: &RoomReport) -> Option<MeetingHome> {
        let guarded = self.cache.meeting(&room.namespace, &room.name)?;
        match &guarded.0 {
            Ok(meeting) => {
                let pod_uid = self.cache.state().ledger.pod_of(meeting).map(|pod| pod.uid.clone());
                Some(compute_home(meeting, pod_uid))
            }
            // A Meeting that cannot be parsed is left alone, and so are its participants.
            Err(_) => Some(MeetingHome { uid: room.uid.clone(), ..MeetingHome::default() }),
        }
    }

    async fn update_room(
        &self,
        pod: &MediaPod,
        room: &RoomReport,
        settings: RoomSettings,
        returning: Option<Vec<String>>,
    ) {
        let (namespace, name) = (&room.namespace, &room.name);
        let people = returning.as_ref().map(Vec::len);
        let update = RoomUpdate { uid: room.uid.clone(), settings, returning };
        match self.link.update_room(pod, namespace, name, &update).await {
            Ok(true) => {
                tracing::info!(kind = "Meeting", namespace, name, pod = pod.name, returning = people, "updated a room");
            }
            Ok(false) => {}
            Err(error) => log_failure(&error, room, pod, "could not change the settings of a room"),
        }
    }

    /// Confirms with the API server, then ends the room.
    async fn end_room(&self, pod: &MediaPod, room: &RoomReport) {
        let (namespace, name) = (&room.namespace, &room.name);
        let api: Api<Meeting> = Api::namespaced(self.cache.client.clone(), namespace);
        let home = match api.get_opt(name).await {
            Ok(meeting) => meeting.map(|meeting| {
                let pod_uid = meeting.status.as_ref().and_then(|status| status.pod.as_ref()).map(|pod| pod.uid.clone());
                compute_home(&meeting, pod_uid)
            }),
            Err(error) => {
                log_failure(&error, room, pod, "could not check whether a room must end");
                return;
            }
        };
        let RoomStep::End(why) = plan_room(&pod.uid, room, home.as_ref(), self.is_leaving(pod, room)) else { return };
        self.send_end(pod, room, why).await;
    }

    async fn send_end(&self, pod: &MediaPod, room: &RoomReport, why: EndReason) {
        let (namespace, name) = (&room.namespace, &room.name);
        match self.link.end_room(pod, namespace, name, &room.uid, why).await {
            Ok(()) => tracing::info!(kind = "Meeting", namespace, name, pod = pod.name, ?why, "ended a room"),
            Err(error) => log_failure(&error, room, pod, "could not end a room"),
        }
    }
}

/// The evidence that a failure gives about the process of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    None,
    /// It has ended.
    Ended,
    /// Kubernetes would have noticed its end by now: it runs, and something else refuses the connections.
    Withdrawn,
}

/// Failures of one pod since its last response.
#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    /// Whether the pod has ever responded: only then are refusals evidence that its process has ended. They may also be those of a network
    /// policy that keeps the operator out.
    has_responded: bool,
    count: u32,
    /// Refusals in a row.
    refusals: u32,
}

impl Failures {
    const fn after_response() -> Self {
        Self { has_responded: true, count: 0, refusals: 0 }
    }

    fn note(&mut self, error: &PodLinkError) -> Evidence {
        self.note_failure(error.is_refused())
    }

    const fn note_failure(&mut self, is_refused: bool) -> Evidence {
        self.count = self.count.saturating_add(1);
        self.refusals = if is_refused { self.refusals.saturating_add(1) } else { 0 };
        match self.refusals {
            ENOUGH_REFUSALS.. if !self.has_responded => Evidence::None,
            TOO_MANY_REFUSALS => {
                self.has_responded = false;
                Evidence::Withdrawn
            }
            ENOUGH_REFUSALS.. => Evidence::Ended,
            _ => Evidence::None,
        }
    }

    const fn pause(self) -> Duration {
        match (self.count, self.refusals) {
            (1, 0) => Duration::ZERO,
            (_, 1..TOO_MANY_REFUSALS) => PAUSE_AFTER_REFUSAL,
            _ => PAUSE_AFTER_FAILURE,
        }
    }
}

fn occupancy_of(room: &RoomReport) -> Occupancy {
    Occupancy { participants: room.participants, is_recorded: room.recording }
}

/// A failure is retried with the next change or response.
fn log_failure(error: &(dyn std::error::Error + 'static), room: &RoomReport, pod: &MediaPod, what: &str) {
    let (namespace, name) = (&room.namespace, &room.name);
    tracing::warn!(error, kind = "Meeting", namespace, name, pod = pod.name, "{what}, retrying");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(failures: &mut Failures, refusals: &[bool]) -> Vec<Evidence> {
        refusals.iter().map(|is_refused| failures.note_failure(*is_refused)).collect()
    }

    #[test]
    fn two_refusals_show_that_a_process_has_ended() {
        let found = evidence(&mut Failures::after_response(), &[false, true, false, true, true, true]);
        assert_eq!(found[..4], [Evidence::None; 4]);
        assert_eq!(found[4..], [Evidence::Ended; 2]);
    }

    #[test]
    fn a_pod_that_never_responded_is_not_judged() {
        assert!(evidence(&mut Failures::default(), &[true; 100]).iter().all(|one| *one == Evidence::None));
    }

    #[test]
    fn refusals_without_end_have_another_cause() {
        let found = evidence(&mut Failures::after_response(), &[true; 100]);
        assert_eq!(found.iter().filter(|one| **one == Evidence::Withdrawn).count(), 1);
        assert_eq!(found.iter().rposition(|one| *one == Evidence::Ended), Some(58), "and then no more");
    }

    #[test]
    fn after_the_first_failure_there_is_no_pause_and_after_refusals_a_short_one() {
        let mut failures = Failures::after_response();
        let mut pause = |is_refused| {
            failures.note_failure(is_refused);
            failures.pause()
        };
        assert_eq!(pause(false), Duration::ZERO);
        assert_eq!([pause(true), pause(true)], [PAUSE_AFTER_REFUSAL; 2]);
        assert_eq!(pause(false), PAUSE_AFTER_FAILURE);
    }
}
