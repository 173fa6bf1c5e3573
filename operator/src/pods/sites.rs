//! Tells the rooms of meetings that several media pods serve which other pods those are, with a ticket for each.
//!
//! It never decides which pods they are, and never logs a ticket.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use convene_crds::Meeting;
use convene_protocol::{
    admin::{RoomList, RoomReport, RoomSites, SiteTarget},
    admission::{AdmissionError, LinkGrant},
};
use jiff::Timestamp;

use crate::{
    cluster::cache::{CacheState, ClusterCache},
    metrics::OperatorMetrics,
    model::{
        media_pod::MediaPod,
        sites::{Due, SentSites, WantedSite, WantedSites, compute_due},
    },
    pods::link::{MoveStep, PodLink, PodLinkError},
};

/// Name of the requests, for the token that they carry.
const SITES_MOVE: &str = "sites";

/// The lists that rooms have received from this process, by UID of the meeting. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SentLists(Arc<Mutex<HashMap<String, SentSites>>>);

impl SentLists {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, SentSites>> {
        // A panic while the lock was held leaves the value usable: each change is complete in itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets meetings that are gone.
    pub(crate) fn retain(&self, exists: impl Fn(&str) -> bool) {
        self.lock().retain(|uid, _| exists(uid));
    }
}

/// Sends rooms their lists of other pods.
pub(crate) struct SiteKeeper<'a> {
    pub(crate) cache: &'a ClusterCache,
    pub(crate) link: &'a PodLink,
    pub(crate) metrics: &'a OperatorMetrics,
    pub(crate) sent: &'a SentLists,
}

impl SiteKeeper<'_> {
    /// Handles the list of a pod's rooms. Returns whether something is left to do, because it failed or is not due yet.
    pub(crate) async fn settle(&self, pod: &MediaPod, list: &RoomList) -> bool {
        let mut is_left = false;
        for room in &list.rooms {
            let Some(wanted) = self.compute_wanted(pod, room) else { continue };
            let now = Timestamp::now();
            let due = {
                let sent = self.sent.lock();
                compute_due(&wanted, list.process, &room.sites, sent.get(&room.uid), now)
            };
            is_left |= match due {
                Due::Never => false,
                Due::Later => true,
                Due::Now => !self.send(pod, list.process, room, wanted, now).await,
            };
        }
        is_left
    }

    /// The pods that are to serve this room. `None`: the room is not the meeting's, or not all of them are known yet.
    fn compute_wanted(&self, pod: &MediaPod, room: &RoomReport) -> Option<WantedSites> {
        let guarded = self.cache.meeting(&room.namespace, &room.name)?;
        let meeting = guarded.0.as_ref().ok().filter(|meeting| meeting.metadata.uid.as_ref() == Some(&room.uid))?;
        let state = self.cache.state();
        let is_home = state.ledger.pod_of(meeting).is_some_and(|home| home.uid == pod.uid);
        let wanted = state.ledger.written_sites_of(meeting)?;
        if !is_home || room.moving.is_some() || (wanted.is_empty() && room.sites.is_empty()) {
            return None;
        }
        find_wanted(&state, meeting, pod, room, wanted)
    }

    /// Returns whether the room has the list now.
    async fn send(&self, pod: &MediaPod, process: u64, room: &RoomReport, wanted: WantedSites, now: Timestamp) -> bool {
        let RoomReport { namespace, name, uid, .. } = room;
        let step = MoveStep { namespace, name, uid, id: SITES_MOVE };
        let outcome = match self.sign(pod, room, &wanted, now) {
            Ok(list) => self.link.use_sites(pod, &step, &list).await,
            Err(error) => Err(PodLinkError::Sign(error)),
        };
        let label = outcome.as_ref().map_or_else(PodLinkError::reason, |()| "sent");
        self.metrics.steps.with_label_values(&[SITES_MOVE, label]).inc();
        let count = wanted.sites.len();
        match &outcome {
            Ok(()) => {
                tracing::info!(kind = "Meeting", namespace, name, pod = pod.name, sites = count, "spread a meeting");
            }
            Err(error) => {
                let error = error as &dyn std::error::Error;
                let what = "could not spread a meeting, retrying";
                tracing::warn!(error, kind = "Meeting", namespace, name, pod = pod.name, "{what}");
            }
        }
        let is_accepted = outcome.is_ok();
        self.sent.lock().insert(uid.clone(), SentSites { process, wanted, at: now, is_accepted });
        is_accepted
    }

    /// The list with a ticket for each pod. The epoch grows with each list: a pod that had the meeting before gets nothing new from them.
    fn sign(
        &self,
        home: &MediaPod,
        room: &RoomReport,
        wanted: &WantedSites,
        now: Timestamp,
    ) -> Result<RoomSites, AdmissionError> {
        let epoch = u64::try_from(now.as_millisecond()).unwrap_or_default();
        let target = |(uid, site): (&String, &WantedSite)| {
            let grant = LinkGrant {
                room: room.uid.clone(),
                epoch,
                home: home.uid.clone(),
                site: uid.clone(),
                fingerprint: site.link.fingerprint.clone(),
                jti: format!("{}.{epoch}", room.uid),
            };
            Ok(SiteTarget {
                pod: uid.clone(),
                address: site.address,
                port: site.link.port,
                fingerprint: site.link.fingerprint.clone(),
                capacity: site.capacity,
                ticket: self.link.link_ticket(&grant)?,
            })
        };
        let sites = wanted.sites.iter().map(target).collect::<Result<_, _>>()?;
        Ok(RoomSites { uid: room.uid.clone(), capacity: wanted.capacity, sites })
    }
}

/// `None`: it is not known how one of the pods is linked. It may be linked already, so the room must not get a list without it.
fn find_wanted(
    state: &CacheState,
    meeting: &Meeting,
    home: &MediaPod,
    room: &RoomReport,
    wanted: &[Arc<str>],
) -> Option<WantedSites> {
    let pool = state.views.pool(&meeting.spec.pool)?;
    let capacity = pool.pool.as_ref().ok()?.capacity.participants;
    let elsewhere: u32 = room.sites.iter().map(|site| site.participants).sum();
    let share = |uid: &str, own: u32| state.ledger.load_of(uid).remaining(capacity, own);
    let find = |uid: &Arc<str>| {
        let pod = state.views.pods().find(|pod| *pod.uid == **uid)?;
        let (address, link) = (pod.ip.as_deref()?.parse().ok()?, state.lenders.get(&**uid)?.clone());
        let own = room.sites.iter().find(|site| *site.pod == **uid).map_or(0, |site| site.participants);
        // One that does not take new meetings takes no new participants of this one.
        let capacity = if pod.is_open() { share(uid, own) } else { 0 };
        Some((uid.to_string(), WantedSite { address, link, capacity }))
    };
    let found = wanted.iter().filter(|uid| ***uid != *home.uid).map(find).collect::<Option<BTreeMap<_, _>>>()?;
    Some(WantedSites { capacity: share(&home.uid, room.participants.saturating_sub(elsewhere)), sites: found })
}

#[cfg(test)]
mod tests;
