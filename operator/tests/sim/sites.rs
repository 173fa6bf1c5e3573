//! Meetings that several media pods serve: where the processes are linked, and what the operator tells their rooms.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::put,
};
use convene_protocol::admin::{LinkPoint, MoveQuery, RoomSites, SiteReport, SiteState};

use super::pods::{Desk, Inner, MeetingKey, Process};

pub(super) fn add_routes(router: Router<Desk>) -> Router<Desk> {
    router.route("/admin/v1/rooms/{namespace}/{name}/sites", put(use_sites))
}

/// Where other pods link to this process.
pub(super) fn link_of(process: &Process) -> LinkPoint {
    LinkPoint { port: 9443, fingerprint: format!("{:064x}", process.version >> 20) }
}

/// The process of a pod has ended, which the rooms that it served notice.
pub(super) fn lose(inner: &mut Inner, uid: &str) {
    for process in inner.processes.values_mut() {
        let sites = process.rooms.values_mut().flat_map(|room| &mut room.sites).filter(|site| site.pod == uid);
        let mut is_news = false;
        for site in sites {
            (site.state, site.participants) = (SiteState::Lost, 0);
            is_news = true;
        }
        process.version += u64::from(is_news);
    }
}

/// Each pod serves the same part of the participants. A link to a process that has ended cannot be opened.
async fn use_sites(
    State(desk): State<Desk>,
    Path(key): Path<MeetingKey>,
    Query(query): Query<MoveQuery>,
    Json(list): Json<RoomSites>,
) -> Result<StatusCode, StatusCode> {
    let linkable: Vec<_> = {
        let inner = desk.processes.lock();
        let is_alive = |pod: &str, fingerprint: &str| {
            inner.processes.get(pod).is_some_and(|process| link_of(process).fingerprint == fingerprint)
        };
        list.sites.iter().map(|site| is_alive(&site.pod, &site.fingerprint)).collect()
    };
    desk.processes.change(&desk.uid, |process| {
        let room = process.rooms.get_mut(&key).filter(|room| room.uid == query.uid && room.uid == list.uid)?;
        let share = room.participants / (u32::try_from(list.sites.len()).unwrap_or_default() + 1);
        let report = |(site, is_linkable): (&convene_protocol::admin::SiteTarget, bool)| SiteReport {
            pod: site.pod.clone(),
            state: if is_linkable { SiteState::Linked } else { SiteState::Lost },
            participants: if is_linkable { share } else { 0 },
        };
        room.sites = list.sites.iter().zip(linkable).map(report).collect();
        Some(StatusCode::NO_CONTENT)
    })
}
