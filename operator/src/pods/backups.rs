//! Stores what moderators decided in a room in a `MeetingBackup`, and gives it to the next room after a crash of the media pod.
//!
//! It never reads the content, and never logs it. `model/backups` decides what to do.

mod error;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use convene_crds::{
    Meeting, MeetingBackup, MeetingPhase,
    facts::{MeetingFacts, has_backup},
};
use convene_protocol::{
    admin::{BACKUP_MOVE, RoomList, RoomReport},
    handover::{RoomBackup, RoomMemory, SNAPSHOT_VERSION, SnapshotModeration},
};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};

pub(crate) use self::error::BackupError;
use crate::{
    cluster::cache::{ClusterCache, Guarded},
    metrics::OperatorMetrics,
    model::{
        backups::{BackupStep, PodProcess, Unsupported},
        ledger::{MeetingKey, key_of},
        media_pod::MediaPod,
    },
    pods::link::{MoveStep, PodLink, PodLinkError},
};

/// Field manager, for server-side apply.
const FIELD_MANAGER: &str = "convene-operator/backup";
/// A change of people alone that waits for the next time.
const NOT_DUE: &str = "waiting";
/// Rooms of a pod that are handled at the same time.
const CONCURRENCY: usize = 8;
/// How long the people of a backup may return, in addition to the usual minute.
const RETURN_SECONDS: u32 = 60;

/// Does what is necessary for the backups of the rooms on the media pods.
pub(crate) struct BackupKeeper<'a> {
    pub(crate) cache: &'a ClusterCache,
    pub(crate) link: &'a PodLink,
    pub(crate) metrics: &'a OperatorMetrics,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Done {
    /// For the metrics.
    what: &'static str,
    /// Whether the Meeting's status has to follow.
    is_news: bool,
}

/// How a room took the stored state.
enum Filled {
    /// It has it now. `is_stored`: whether there was one.
    Done { is_stored: bool },
    /// Participants are in it: its state is the one to keep.
    InUse,
}

type Outcome = Result<Done, BackupError>;

impl BackupKeeper<'_> {
    /// Handles the list of a pod's rooms. Returns whether something is left to do, because it failed or was not due yet.
    pub(crate) async fn settle(&self, pod: &MediaPod, list: &RoomList) -> bool {
        let at = &PodProcess::new(&pod.uid, list);
        let run = async |(meeting, step): (Arc<Guarded<Meeting>>, BackupStep)| match &meeting.0 {
            Ok(meeting) => self.run(step, pod, at, meeting).await,
            Err(_) => false,
        };
        let left = stream::iter(self.plan(at, list)).map(run).buffer_unordered(CONCURRENCY);
        left.filter(|is_left| std::future::ready(*is_left)).count().await > 0
    }

    /// The steps for the rooms of this pod.
    fn plan(&self, at: &PodProcess, list: &RoomList) -> Vec<(Arc<Guarded<Meeting>>, BackupStep)> {
        let cut_off = self.cache.state().backups.note_missing(at, list, Timestamp::now());
        let cut_off = cut_off.into_iter().filter_map(|(key, uid)| self.find(&key, &uid, &at.pod_uid));
        let listed = list.rooms.iter().filter(|room| room.backup.is_some());
        let listed = listed.filter_map(|room| self.plan_room(at, room));
        listed.chain(cut_off.map(|meeting| (meeting, BackupStep::Restore))).collect()
    }

    fn plan_room(&self, at: &PodProcess, room: &RoomReport) -> Option<(Arc<Guarded<Meeting>>, BackupStep)> {
        let guarded = self.cache.meeting(&room.namespace, &room.name)?;
        let meeting = guarded.0.as_ref().ok().filter(|meeting| uid_of(meeting) == room.uid)?;
        let is_over = meeting.status.as_ref().is_some_and(|status| status.phase == Some(MeetingPhase::Ended));
        let state = self.cache.state();
        let step = match state.ledger.pod_of(meeting) {
            Some(place) if place.uid != at.pod_uid => BackupStep::Keep,
            Some(_) => state.backups.plan(at, room, has_backup(meeting)),
            None if is_over => BackupStep::Keep,
            None => state.backups.plan_without_place(at, room),
        };
        drop(state);
        (step != BackupStep::Keep).then_some((guarded, step))
    }

    /// The Meeting with this UID, if it is on this pod.
    fn find(&self, key: &MeetingKey, uid: &str, pod_uid: &str) -> Option<Arc<Guarded<Meeting>>> {
        let guarded = self.cache.meeting(&key.namespace, &key.name)?;
        let meeting = guarded.0.as_ref().ok().filter(|meeting| uid_of(meeting) == uid)?;
        let is_here = self.cache.state().ledger.pod_of(meeting).is_some_and(|place| place.uid == pod_uid);
        is_here.then_some(guarded)
    }

    /// Returns whether something is left to do.
    async fn run(&self, step: BackupStep, pod: &MediaPod, at: &PodProcess, meeting: &Meeting) -> bool {
        let outcome = match step {
            BackupStep::Keep => return false,
            BackupStep::Store => self.store(pod, at, meeting).await,
            BackupStep::Restore => self.restore(pod, at, meeting).await,
        };
        self.note(meeting, &outcome);
        outcome.is_err() || outcome.is_ok_and(|done| done.what == NOT_DUE)
    }

    /// Fills the room on the pod that a meeting is about to be bound to, so that it need not wait later. A failure delays nothing: without its
    /// backup the room admits no client, and reports that it waits.
    pub(crate) async fn prepare(&self, meeting: &Meeting, pod_uid: &str) {
        let pod = {
            let state = self.cache.state();
            let exists = state.backups.may_exist(uid_of(meeting), has_backup(meeting));
            state.views.pods().find(|pod| exists && pod.uid == pod_uid).cloned()
        };
        if let Some(pod) = pod {
            let filled = self.fill(&pod, meeting).await;
            self.note(meeting, &filled.map(|_| Done { what: "prepared", is_news: false }));
        }
    }

    /// Deletes the backup of a meeting that has ended.
    pub(crate) async fn end(&self, meeting: &Meeting) {
        if self.cache.state().backups.may_exist(uid_of(meeting), has_backup(meeting)) {
            self.note(meeting, &self.delete(meeting).await);
        }
    }

    /// Deletes the backups of meetings whose rooms have ended.
    pub(crate) async fn forget(&self) {
        let ended = self.cache.state().backups.ended(Timestamp::now());
        for (key, uid, pod_uid) in ended {
            let found = self.find(&key, &uid, &pod_uid);
            if let Some(Ok(meeting)) = found.as_ref().map(|guarded| &guarded.0) {
                self.note(meeting, &self.delete(meeting).await);
            }
        }
    }

    fn note(&self, meeting: &Meeting, outcome: &Outcome) {
        let label = match outcome {
            Ok(done) => done.what,
            Err(error) => error.reason(),
        };
        self.metrics.steps.with_label_values(&["backup", label]).inc();
        let key = key_of(&meeting.metadata);
        if self.cache.meeting(&key.namespace, &key.name).is_none() {
            // It was deleted meanwhile.
            return self.cache.state().backups.forget(uid_of(meeting));
        }
        match outcome {
            Ok(Done { is_news: true, .. }) => self.cache.enqueue_meeting(&Arc::new(key)),
            Ok(_) => {}
            Err(error) => {
                let error = error as &dyn std::error::Error;
                let MeetingKey { namespace, name } = key;
                tracing::warn!(error, kind = "Meeting", namespace, name, "a step of a backup failed, retrying");
            }
        }
    }

    /// Reads the state from the pod and writes it.
    async fn store(&self, pod: &MediaPod, at: &PodProcess, meeting: &Meeting) -> Outcome {
        let (key, uid) = (key_of(&meeting.metadata), uid_of(meeting));
        let backup = self.link.backup(pod, &build_step(&key, uid)).await.map_err(BackupError::Pod)?;
        let (decisions, now) = (hash_of_decisions(&backup), Timestamp::now());
        if !self.cache.state().backups.is_due(uid, at, decisions, now) {
            return Ok(Done { what: NOT_DUE, is_news: false });
        }
        let (what, stored) = match self.write(meeting, &backup.snapshot).await {
            Ok(()) => ("stored", Ok(now)),
            Err(BackupError::Write { source, name }) if is_unknown_kind(&source) => {
                tracing::warn!(
                    kind = "Meeting",
                    name,
                    "the kind MeetingBackup is missing: upgrade the chart convene-crds"
                );
                ("KindMissing", Err(Unsupported))
            }
            Err(error) => return Err(error),
        };
        let state = (backup.version, decisions);
        let is_news = self.cache.state().backups.on_stored(&key, uid, at, state, stored);
        Ok(Done { what, is_news })
    }

    async fn write(&self, meeting: &Meeting, snapshot: &Value) -> Result<(), BackupError> {
        let name = meeting.name_any();
        let owner = json!({
            "apiVersion": Meeting::api_version(&()), "kind": Meeting::kind(&()), "name": name, "uid": meeting.metadata.uid,
        });
        let backup = json!({
            "apiVersion": MeetingBackup::api_version(&()),
            "kind": MeetingBackup::kind(&()),
            "metadata": {"name": name, "namespace": meeting.namespace(), "ownerReferences": [owner]},
            "spec": {"snapshot": snapshot},
        });
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let written = self.api(meeting).patch(&name, &parameters, &Patch::Apply(&backup)).await;
        written.map(drop).map_err(|source| BackupError::Write { name, source: Box::new(source) })
    }

    async fn restore(&self, pod: &MediaPod, at: &PodProcess, meeting: &Meeting) -> Outcome {
        match self.fill(pod, meeting).await? {
            Filled::InUse => self.store(pod, at, meeting).await,
            Filled::Done { is_stored } => {
                let key = key_of(&meeting.metadata);
                let is_news = self.cache.state().backups.on_restored(&key, uid_of(meeting), at, is_stored);
                Ok(Done { what: "restored", is_news })
            }
        }
    }

    /// Gives the stored state to the meeting's room on this pod, which is opened if necessary. Without a stored state, a room that waits for it
    /// receives an empty one. If the pod cannot read it, only moderators enter until one of them opens the lock.
    async fn fill(&self, pod: &MediaPod, meeting: &Meeting) -> Result<Filled, BackupError> {
        let stored = self.read(meeting).await?;
        let is_stored = stored.is_some();
        let filled = self.send(pod, meeting, stored.unwrap_or_else(|| build_state(false))).await;
        let unusable = |error: &PodLinkError| is_stored && error.is_unusable();
        match filled {
            Err(error) if unusable(&error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    pod = pod.name,
                    "an unusable backup: the meeting is locked"
                );
                self.send(pod, meeting, build_state(true)).await
            }
            filled => filled,
        }
        .map_or_else(
            |error| if error.is_conflict() { Ok(Filled::InUse) } else { Err(BackupError::Pod(error)) },
            |()| Ok(Filled::Done { is_stored }),
        )
    }

    async fn send(&self, pod: &MediaPod, meeting: &Meeting, state: Value) -> Result<(), PodLinkError> {
        let key = key_of(&meeting.metadata);
        let snapshot = build_snapshot(meeting, state, Timestamp::now());
        self.link.restore(pod, &build_step(&key, uid_of(meeting)), snapshot, RETURN_SECONDS).await
    }

    /// The stored state, unless it belongs to an earlier Meeting of the same name.
    async fn read(&self, meeting: &Meeting) -> Result<Option<Value>, BackupError> {
        let name = meeting.name_any();
        let found = self.api(meeting).get_opt(&name).await;
        let found = found.map_err(|source| BackupError::Read { name, source: Box::new(source) })?;
        let uid = meeting.metadata.uid.as_deref();
        let is_own = |backup: &MeetingBackup| backup.owner_references().iter().any(|owner| Some(&*owner.uid) == uid);
        Ok(found.filter(is_own).map(|backup| backup.spec.snapshot))
    }

    async fn delete(&self, meeting: &Meeting) -> Outcome {
        let name = meeting.name_any();
        match self.api(meeting).delete(&name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(answer)) if answer.is_not_found() => {}
            Err(source) => return Err(BackupError::Delete { name, source: Box::new(source) }),
        }
        let is_news = self.cache.state().backups.on_deleted(&key_of(&meeting.metadata), uid_of(meeting));
        Ok(Done { what: "deleted", is_news })
    }

    fn api(&self, meeting: &Meeting) -> Api<MeetingBackup> {
        Api::namespaced(self.cache.client.clone(), &meeting.namespace().unwrap_or_default())
    }
}

fn build_step<'a>(key: &'a MeetingKey, uid: &'a str) -> MoveStep<'a> {
    MoveStep { namespace: &key.namespace, name: &key.name, uid, id: BACKUP_MOVE }
}

fn uid_of(meeting: &Meeting) -> &str {
    meeting.metadata.uid.as_deref().unwrap_or_default()
}

/// The state of a room in which nothing was decided, except perhaps to lock it.
fn build_state(is_locked: bool) -> Value {
    let moderation = SnapshotModeration { locked: is_locked, ..SnapshotModeration::default() };
    json!({"v": SNAPSHOT_VERSION, "room": RoomMemory { moderation, ..RoomMemory::default() }})
}

/// A stored state, with the settings that the Meeting has now.
fn build_snapshot(meeting: &Meeting, mut state: Value, now: Timestamp) -> hyper::body::Bytes {
    let MeetingKey { namespace, name } = key_of(&meeting.metadata);
    let mut grant = MeetingFacts::from_meeting(meeting).grant(&namespace, &name, uid_of(meeting), now);
    (grant.returning_until, grant.has_backup) = (None, false);
    state["meeting"] = json!(grant);
    state.to_string().into()
}

/// Whether any participant may return counts as a decision, too: it begins with the lock.
fn hash_of_decisions(backup: &RoomBackup) -> u64 {
    let room = &backup.snapshot["room"];
    let has_people = room["people"].as_array().is_some_and(|people| !people.is_empty());
    let mut hasher = DefaultHasher::new();
    (room["moderation"].to_string(), has_people).hash(&mut hasher);
    hasher.finish()
}

/// The definitions on the cluster are older than this operator.
fn is_unknown_kind(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(answer) if answer.is_not_found())
}

#[cfg(test)]
mod tests;
