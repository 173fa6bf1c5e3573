//! Handles what pods say about meetings that several of them serve: updates the ledger, and enqueues the affected objects.
//!
//! It decides nothing, and sends nothing to pods.

use std::collections::HashMap;

use convene_protocol::admin::{LinkPoint, RoomList};
use jiff::Timestamp;

use super::{CacheState, ClusterCache};
use crate::model::media_pod::MediaPod;

impl CacheState {
    /// Records where a pod is linked. Returns whether that is news.
    fn note_lender(&mut self, pod_uid: &str, link: Option<&LinkPoint>) -> bool {
        if self.lenders.get(pod_uid) == link {
            return false;
        }
        match link {
            Some(link) => self.lenders.insert(pod_uid.to_owned(), link.clone()),
            None => self.lenders.remove(pod_uid),
        };
        true
    }
}

impl ClusterCache {
    /// Handles a report of a pod about its rooms: where it is linked itself, and where the participants of its rooms are.
    pub(crate) fn on_site_report(&self, pod: &MediaPod, list: &RoomList) {
        let spread = list.rooms.iter().filter(|room| !room.sites.is_empty());
        let reports: HashMap<_, _> = spread.map(|room| (&*room.uid, room.sites.as_slice())).collect();
        let (is_news, changed) = {
            let mut state = self.state();
            let is_news = state.note_lender(&pod.uid, list.link.as_ref());
            (is_news, state.ledger.report_sites(&pod.uid, &reports, Timestamp::now()))
        };
        if is_news {
            self.rooms_changed();
            self.enqueue_meetings_on(&pod.uid);
            self.enqueue_waiting_meetings(&pod.pool);
        }
        if !changed.is_empty() {
            self.enqueue_pool(&pod.pool);
        }
        for key in &changed {
            self.enqueue_meeting(key);
        }
    }
}

#[cfg(test)]
mod tests;
