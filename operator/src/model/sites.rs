//! Which list of other media pods a room gets, and when it is sent again.
//!
//! Pure: the time is an argument. Which pods those are is decided in `meeting::spread`; `pods::sites` sends the list.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use convene_protocol::admin::{LinkPoint, SiteReport, SiteState};
use jiff::{SignedDuration, Timestamp};

/// Pause before a list is sent again because a pod is not linked, or because capacities have changed.
pub(crate) const PAUSE: SignedDuration = SignedDuration::from_secs(5);
/// A capacity that differs by less than one part in so many is not news.
const NOTABLE_PART: u32 = 10;

/// The pods that are to serve a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WantedSites {
    /// Capacity of the room's own pod.
    pub(crate) capacity: u32,
    /// The others, by UID.
    pub(crate) sites: BTreeMap<String, WantedSite>,
}

/// A pod that is to serve a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WantedSite {
    pub(crate) address: IpAddr,
    pub(crate) link: LinkPoint,
    pub(crate) capacity: u32,
}

/// A list that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentSites {
    /// Identifies the process that it was sent to.
    pub(crate) process: u64,
    pub(crate) wanted: WantedSites,
    pub(crate) at: Timestamp,
    /// Whether the room has it.
    pub(crate) is_accepted: bool,
}

/// When a list has to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Never,
    Later,
    Now,
}

/// When the list `wanted` has to be sent to a room that reports `reported`, if `sent` was the last one.
pub(crate) fn compute_due(
    wanted: &WantedSites,
    process: u64,
    reported: &[SiteReport],
    sent: Option<&SentSites>,
    now: Timestamp,
) -> Due {
    let Some(sent) = sent.filter(|sent| sent.process == process) else {
        let is_alone = wanted.sites.is_empty() && reported.is_empty();
        return if is_alone { Due::Never } else { Due::Now };
    };
    let is_same = are_same_pods(wanted, &sent.wanted);
    if is_same && sent.is_accepted && are_linked(wanted, reported) && !has_notable_capacity(wanted, &sent.wanted) {
        return Due::Never;
    }
    let has_rested = now.duration_since(sent.at) >= PAUSE;
    if is_same && !has_rested { Due::Later } else { Due::Now }
}

/// Whether both name the same processes of the same pods.
fn are_same_pods(wanted: &WantedSites, sent: &WantedSites) -> bool {
    let place = |sites: &WantedSites| -> Vec<_> {
        sites.sites.iter().map(|(uid, site)| (uid.clone(), site.address, site.link.clone())).collect()
    };
    place(wanted) == place(sent)
}

/// Whether the room is linked, or is being linked, to these pods and no others.
fn are_linked(wanted: &WantedSites, reported: &[SiteReport]) -> bool {
    let is_used = |site: &&SiteReport| site.state != SiteState::Lost;
    let used: BTreeSet<_> = reported.iter().filter(is_used).map(|site| site.pod.as_str()).collect();
    wanted.sites.keys().map(String::as_str).eq(used) && reported.iter().all(|site| is_used(&site))
}

fn has_notable_capacity(wanted: &WantedSites, sent: &WantedSites) -> bool {
    let is_notable = |now: u32, before: u32| now.abs_diff(before) > now.max(before) / NOTABLE_PART;
    let sites = wanted.sites.iter().filter_map(|(uid, site)| Some((site.capacity, sent.sites.get(uid)?.capacity)));
    sites.chain([(wanted.capacity, sent.capacity)]).any(|(now, before)| is_notable(now, before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(pods: &[&str], capacity: u32) -> WantedSites {
        let link = |pod: &str| LinkPoint { port: 9443, fingerprint: format!("process of {pod}") };
        let site = |pod: &&str| {
            let site = WantedSite { address: [10, 0, 0, 1].into(), link: link(pod), capacity };
            ((*pod).to_owned(), site)
        };
        WantedSites { capacity: 100, sites: pods.iter().map(site).collect() }
    }

    fn report(pods: &[(&str, SiteState)]) -> Vec<SiteReport> {
        let report =
            |(pod, state): &(&str, SiteState)| SiteReport { pod: (*pod).into(), state: *state, participants: 1 };
        pods.iter().map(report).collect()
    }

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_list_is_sent_when_it_is_news() {
        use SiteState::{Linked, Linking, Lost};
        let sent =
            |pods: &[&str], process| SentSites { process, wanted: wanted(pods, 100), at: time(100), is_accepted: true };
        let restarted = {
            let mut wanted = wanted(&["b"], 100);
            wanted.sites.get_mut("b").unwrap().link.fingerprint = "another process".into();
            wanted
        };
        let refused = SentSites { is_accepted: false, ..sent(&["b"], 1) };
        let both = [("b", Linked), ("c", Linking)];
        let cases = [
            ("most meetings", wanted(&[], 100), report(&[]), None, Due::Never),
            ("its first one", wanted(&["b"], 100), report(&[]), None, Due::Now),
            ("sent by another operator", wanted(&["b"], 100), report(&[("b", Linked)]), None, Due::Now),
            ("one that no operator wants", wanted(&[], 100), report(&[("b", Linked)]), None, Due::Now),
            ("as it was", wanted(&["b", "c"], 100), report(&both), Some(sent(&["b", "c"], 1)), Due::Never),
            ("to an earlier process", wanted(&["b"], 100), report(&[]), Some(sent(&["b"], 7)), Due::Now),
            ("one more", wanted(&["b", "c"], 100), report(&[("b", Linked)]), Some(sent(&["b"], 1)), Due::Now),
            ("one less", wanted(&["b"], 100), report(&both), Some(sent(&["b", "c"], 1)), Due::Now),
            ("its process is another one", restarted, report(&[("b", Linked)]), Some(sent(&["b"], 1)), Due::Now),
            ("a lost one", wanted(&["b"], 100), report(&[("b", Lost)]), Some(sent(&["b"], 1)), Due::Later),
            ("one that is missing", wanted(&["b"], 100), report(&[]), Some(sent(&["b"], 1)), Due::Later),
            ("it was refused", wanted(&["b"], 100), report(&[("b", Linked)]), Some(refused), Due::Later),
            ("a little less capacity", wanted(&["b"], 95), report(&[("b", Linked)]), Some(sent(&["b"], 1)), Due::Never),
            ("much less capacity", wanted(&["b"], 50), report(&[("b", Linked)]), Some(sent(&["b"], 1)), Due::Later),
        ];
        for (case, wanted, reported, sent, due) in cases {
            assert_eq!(compute_due(&wanted, 1, &reported, sent.as_ref(), time(101)), due, "{case}");
            let later = if due == Due::Later { Due::Now } else { due };
            assert_eq!(compute_due(&wanted, 1, &reported, sent.as_ref(), time(105)), later, "{case}, later");
        }
    }
}
