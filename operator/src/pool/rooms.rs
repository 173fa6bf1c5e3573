//! The room keeper: ends rooms whose meeting is gone or lives elsewhere, and learns how many people are in the others.
//!
//! It asks every pod every few seconds, and at once when a Meeting is deleted or moved. Before it ends a room it asks the API server about the
//! Meeting itself: a cache that lags must not throw people out.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use convene_crds::Meeting;
use convene_protocol::admin::{EndReason, RoomReport};
use futures_util::{StreamExt, stream};
use kube::Api;
use tokio::time::MissedTickBehavior;

use crate::{
    media_pod::{MediaPod, PodState},
    metrics::OperatorMetrics,
    podlink::PodLink,
    world::World,
};

const PERIOD: Duration = Duration::from_secs(5);
const PODS_AT_ONCE: usize = 16;

/// What a room's end depends on: the UID of its Meeting, and of the pod that carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingHome {
    /// UID of the Meeting.
    pub uid: String,
    /// UID of the pod that carries it, if one does.
    pub pod_uid: Option<String>,
}

/// Why `room` on the pod with `pod_uid` must end, if it must. `home` is the Meeting that has the room's name now.
pub fn plan_room_end(pod_uid: &str, room: &RoomReport, home: Option<&MeetingHome>) -> Option<EndReason> {
    match home {
        Some(home) if home.uid != room.uid => Some(EndReason::Ended),
        Some(MeetingHome { pod_uid: Some(other), .. }) if other != pod_uid => Some(EndReason::Moved),
        Some(_) => None,
        None => Some(EndReason::Ended),
    }
}

/// Runs until the process ends.
pub async fn keep_rooms(world: Arc<World>, link: PodLink, metrics: OperatorMetrics) {
    world.wait_until_complete().await;
    let mut clock = tokio::time::interval(PERIOD);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            () = world.look_at_rooms.notified() => {}
        }
        keep_once(&world, &link, &metrics).await;
    }
}

async fn keep_once(world: &World, link: &PodLink, metrics: &OperatorMetrics) {
    let pods: Vec<MediaPod> = world.pods.state().iter().map(|pod| MediaPod::from_pod(pod)).collect();
    metrics.media_pods.set(i64::try_from(pods.len()).unwrap_or(i64::MAX));
    metrics.meetings.set(i64::try_from(world.meetings.len()).unwrap_or(i64::MAX));
    let asked = pods.into_iter().filter(|pod| pod.ip.is_some() && !matches!(pod.state, PodState::Dead(_)));
    let asked: Vec<_> = asked.map(|pod| ask_pod(link.clone(), pod, metrics.clone())).collect();
    let answers: Vec<_> = stream::iter(asked).buffer_unordered(PODS_AT_ONCE).collect().await;
    let homes = compute_homes(world);
    for (pod, rooms) in &answers {
        for room in rooms.iter().flatten() {
            if plan_room_end(&pod.uid, room, homes.get(&(room.namespace.clone(), room.name.clone()))).is_some() {
                end_room(world, link, pod, room).await;
            }
        }
    }
    report_participants(world, &answers);
}

async fn ask_pod(link: PodLink, pod: MediaPod, metrics: OperatorMetrics) -> (MediaPod, Option<Vec<RoomReport>>) {
    let rooms = observe_rooms(&link, &pod, &metrics).await;
    (pod, rooms)
}

async fn observe_rooms(link: &PodLink, pod: &MediaPod, metrics: &OperatorMetrics) -> Option<Vec<RoomReport>> {
    match link.list_rooms(pod).await {
        Ok(list) => Some(list.rooms),
        Err(error) => {
            metrics.podlink_failures.with_label_values(&[error.reason()]).inc();
            // A pod that starts or goes away does not answer, and nobody needs to look.
            let is_expected = !pod.is_ready();
            if is_expected {
                tracing::debug!(error = &error as &dyn std::error::Error, pod = pod.name, "media pod not reached");
            } else {
                tracing::warn!(error = &error as &dyn std::error::Error, pod = pod.name, "could not list rooms");
            }
            None
        }
    }
}

fn compute_homes(world: &World) -> BTreeMap<(String, String), MeetingHome> {
    let ledger = world.ledger();
    let meetings = world.readable_meetings();
    let readable = meetings.iter().filter_map(|meeting| meeting.0.as_ref().ok());
    readable
        .map(|meeting| {
            let meta = &meeting.metadata;
            let key = (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
            let pod_uid = ledger.pod_of(meeting).map(|pod| pod.uid.clone());
            (key, MeetingHome { uid: meta.uid.clone().unwrap_or_default(), pod_uid })
        })
        .collect()
}

/// Asks the API server once more, then ends the room.
async fn end_room(world: &World, link: &PodLink, pod: &MediaPod, room: &RoomReport) {
    let api: Api<Meeting> = Api::namespaced(world.client.clone(), &room.namespace);
    let home = match api.get_opt(&room.name).await {
        Ok(meeting) => meeting.map(|meeting| MeetingHome {
            uid: meeting.metadata.uid.unwrap_or_default(),
            pod_uid: meeting.status.and_then(|status| status.pod).map(|pod| pod.uid),
        }),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not make sure that a room must end, will try again"
            );
            return;
        }
    };
    let Some(why) = plan_room_end(&pod.uid, room, home.as_ref()) else { return };
    let (namespace, name) = (&room.namespace, &room.name);
    match link.end_room(pod, namespace, name, &room.uid, why).await {
        Ok(()) => tracing::info!(kind = "Meeting", namespace, name, pod = pod.name, ?why, "ended room"),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                namespace,
                name,
                pod = pod.name,
                "could not end room, will try again"
            );
        }
    }
}

/// Notes the numbers and asks for a look at the meetings whose number is new. A pod that did not answer leaves its meetings' numbers alone.
fn report_participants(world: &World, answers: &[(MediaPod, Option<Vec<RoomReport>>)]) {
    let mut counts: HashMap<&str, HashMap<&str, u32>> = HashMap::new();
    for (pod, rooms) in answers {
        if let Some(rooms) = rooms {
            counts.insert(&pod.uid, rooms.iter().map(|room| (room.uid.as_str(), room.participants)).collect());
        }
    }
    let meetings = world.readable_meetings();
    let mut ledger = world.ledger();
    let mut report = HashMap::new();
    let mut changed = Vec::new();
    for guarded in &meetings {
        let Ok(meeting) = &guarded.0 else { continue };
        let Some(uid) = meeting.metadata.uid.as_deref() else { continue };
        let Some(pod) = ledger.pod_of(meeting) else { continue };
        let known = ledger.participants_of(meeting);
        let count = counts.get(pod.uid.as_str()).map_or(known, |rooms| rooms.get(uid).copied().unwrap_or_default());
        let told = meeting.status.as_ref().and_then(|status| status.participants);
        if count > 0 || ledger.participants().contains_key(uid) || told != Some(0) {
            report.insert(uid.to_owned(), count);
        }
        if told != Some(count) {
            changed.push(Arc::clone(guarded));
        }
    }
    ledger.report_participants(report);
    drop(ledger);
    for meeting in changed {
        world.ask_meeting(&meeting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(uid: &str) -> RoomReport {
        RoomReport { namespace: "team".into(), name: "standup".into(), uid: uid.into(), participants: 2, settings: None }
    }

    fn home(uid: &str, pod_uid: Option<&str>) -> MeetingHome {
        MeetingHome { uid: uid.into(), pod_uid: pod_uid.map(Into::into) }
    }

    #[test]
    fn a_room_ends_with_its_meeting_and_moves_with_it() {
        let cases = [
            ("in its place", Some(home("m1", Some("p1"))), None),
            ("between two pods", Some(home("m1", None)), None),
            ("on another pod", Some(home("m1", Some("p2"))), Some(EndReason::Moved)),
            ("deleted", None, Some(EndReason::Ended)),
            ("deleted and made anew", Some(home("m2", Some("p1"))), Some(EndReason::Ended)),
        ];
        for (case, home, wanted) in cases {
            assert_eq!(plan_room_end("p1", &room("m1"), home.as_ref()), wanted, "{case}");
        }
    }
}
