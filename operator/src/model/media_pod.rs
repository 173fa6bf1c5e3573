//! A media pod as the operator sees it, and the state that follows from it.
//!
//! Pure: a view of a `Pod` object, computed once per change. It never queries the pod itself (see `pods::link`).

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::facts::{announced_addresses, condition, is_ready, signaling_port};
use convene_crds::names::{
    ANNOTATION_ANNOUNCED_PORTS, ANNOTATION_DRAINING, ANNOTATION_RTC_PORTS, FALSE, LABEL_EVICTABLE, LABEL_POD,
    LABEL_POOL, LABEL_REVISION, POD_CONDITION_MEDIA_REACHABLE, TRUE,
};
use convene_crds::{AssignedPod, MeetingSite};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerPort, ContainerState, ContainerStatus, Pod};
use kube::ResourceExt;

use crate::model::{conditions::ConditionValue, ports::PortRange, reason::Reason};
use convene_crds::reason;

mod draining;

pub(crate) use self::draining::Draining;

/// Container restarts after which a crashing pod is replaced. Until then it restarts in place, with its ports and its meetings.
pub(crate) const MAX_RESTARTS: i32 = 5;

/// The possible uses of a media pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PodState {
    /// Participants can join meetings on it.
    Ready,
    /// Not ready, but may become ready by itself.
    Starting(Reason),
    /// Its process has exited and restarts, with increasing backoff from the second time on, so its meetings should be moved.
    Crashing(Reason),
    /// It does not respond to the operator, whatever its object says, so its meetings should be moved. It may respond again.
    Silent(Reason),
    /// Being deleted.
    Terminating,
    /// Will never become ready again and must be replaced.
    Dead(Reason),
}

/// The result of the last probe of a pod's announced addresses, from the pod's own condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Whether media reaches the pod; `None` if it could not be probed.
    pub(crate) is_reachable: Option<bool>,
    /// Reason and message of the condition.
    pub(crate) reason: Reason,
}

impl Reached {
    /// The same, as a condition of the pod's meetings.
    pub(crate) fn to_value(&self) -> ConditionValue {
        match self.is_reachable {
            Some(true) => ConditionValue::True(self.reason.clone()),
            Some(false) => ConditionValue::False(self.reason.clone()),
            None => ConditionValue::Unknown(self.reason.clone()),
        }
    }
}

/// A media pod as the operator sees it.
#[allow(clippy::struct_excessive_bools, reason = "each says something else")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaPod {
    /// Name of the pod.
    pub(crate) name: String,
    /// UID of the pod: a later pod with the same name is a different one.
    pub(crate) uid: String,
    /// Pool it belongs to.
    pub(crate) pool: String,
    /// Whether its labels are intact.
    pub(crate) is_labelled: bool,
    /// Revision of the template it was created from.
    pub(crate) revision: String,
    /// Node it runs on, once scheduled.
    pub(crate) node: Option<String>,
    /// Address inside the cluster, once started.
    pub(crate) ip: Option<String>,
    /// All addresses inside the cluster.
    pub(crate) ips: Vec<String>,
    /// Port of signaling and admin API at that address.
    pub(crate) http_port: u16,
    /// Addresses announced to browsers, once known.
    pub(crate) addresses: Vec<String>,
    /// Ports for media.
    pub(crate) rtc_ports: Option<PortRange>,
    /// All ports it takes from its pool: those for media and, with host networking, the one for signaling.
    pub(crate) block: Option<PortRange>,
    /// Whether its ports are ports of the node.
    pub(crate) uses_node_ports: bool,
    /// Its current usability.
    pub(crate) state: PodState,
    /// Whether its process responds as far as is known, whatever else its state says: a pod that is being deleted may still have its rooms.
    pub(crate) is_serving: bool,
    /// When it was created.
    pub(crate) created: Option<Timestamp>,
    /// Announced ports, where they differ from its own.
    pub(crate) announced_ports: Option<String>,
    /// The reason it is draining, if it is.
    pub(crate) draining: Option<Draining>,
    /// Whether its label allows eviction, because it has no participants.
    pub(crate) is_evictable: bool,
    /// Result of the last probe.
    pub(crate) reached: Option<Reached>,
}

impl MediaPod {
    /// The view of `pod`.
    pub(crate) fn from_pod(pod: &Pod) -> Self {
        let rtc_ports = compute_rtc_ports(pod);
        let pool = compute_pool(pod);
        let http_port = signaling_port(pod);
        Self {
            name: pod.name_any(),
            uid: pod.uid().unwrap_or_default(),
            is_labelled: label(pod, LABEL_POOL) == pool && label(pod, LABEL_POD) == pod.name_any(),
            pool,
            revision: label(pod, LABEL_REVISION),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            ip: pod.status.as_ref().and_then(|status| status.pod_ip.clone()),
            ips: compute_ips(pod),
            http_port,
            addresses: announced_addresses(pod).map(str::to_owned).collect(),
            rtc_ports,
            block: rtc_ports.map(|ports| compute_block(pod, ports, http_port)),
            uses_node_ports: compute_uses_node_ports(pod),
            state: compute_state(pod),
            is_serving: is_ready(pod) && pod_can_be_reached(pod),
            created: pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
            announced_ports: annotation(pod, ANNOTATION_ANNOUNCED_PORTS).map(str::to_owned),
            draining: annotation(pod, ANNOTATION_DRAINING).map(Draining::parse),
            is_evictable: label(pod, LABEL_EVICTABLE) == "true",
            reached: compute_reached(pod),
        }
    }

    /// Whether new meetings may be assigned to it.
    pub(crate) fn is_open(&self) -> bool {
        self.is_ready() && self.draining.is_none()
    }

    /// Whether participants can join meetings on it.
    pub(crate) fn is_ready(&self) -> bool {
        self.state == PodState::Ready
    }

    /// Whether its rooms can still move to another pod with what they know.
    pub(crate) fn can_hand_over(&self) -> bool {
        self.is_ready() || (self.state == PodState::Terminating && self.is_serving)
    }

    /// Whether it is usable or may become usable.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.state, PodState::Ready | PodState::Starting(_) | PodState::Crashing(_) | PodState::Silent(_))
    }

    /// Whether it does not respond to the operator.
    pub(crate) const fn is_silent(&self) -> bool {
        matches!(self.state, PodState::Silent(_))
    }

    /// The same pod once its process is known to have ended although its object still says that it is ready. Kubernetes takes about a
    /// second to notice.
    pub(crate) fn to_ended(&self) -> Self {
        let message = format!("media pod {:?} refuses connections: its process has ended", self.name);
        let state = PodState::Crashing(Reason::new(reason::POD_CRASHING, message));
        Self { state, is_serving: false, ..self.clone() }
    }

    /// The same pod while it does not respond. Kubernetes takes more than a minute to report a lost node.
    pub(crate) fn to_silent(&self) -> Self {
        let node = self.node.as_deref().unwrap_or_default();
        let message = format!("media pod {:?} on node {node:?} does not respond: check the node", self.name);
        Self { state: PodState::Silent(Reason::new(reason::POD_SILENT, message)), is_serving: false, ..self.clone() }
    }

    /// The same pod when it responds again after it has been silent again and again.
    pub(crate) fn to_returning(&self) -> Self {
        let node = self.node.as_deref().unwrap_or_default();
        let message = format!(
            "media pod {:?} on node {node:?} responds again, but has been silent several times: it is used once it has responded for a while",
            self.name
        );
        Self { state: PodState::Silent(Reason::new(reason::POD_SILENT, message)), is_serving: false, ..self.clone() }
    }

    /// The reason it is not ready, if it is live.
    pub(crate) const fn reason(&self) -> Option<&Reason> {
        match &self.state {
            PodState::Starting(reason) | PodState::Crashing(reason) | PodState::Silent(reason) => Some(reason),
            PodState::Ready | PodState::Terminating | PodState::Dead(_) => None,
        }
    }

    /// The pod as the status of a Meeting names it that is on another pod.
    pub(crate) fn to_site(&self) -> MeetingSite {
        MeetingSite { name: self.name.clone(), uid: self.uid.clone(), node: self.node.clone() }
    }

    /// The pod as a Meeting's status names it.
    pub(crate) fn to_assigned(&self) -> AssignedPod {
        AssignedPod {
            name: self.name.clone(),
            uid: self.uid.clone(),
            node: self.node.clone(),
            ip: self.ip.clone(),
            port: Some(self.http_port),
            addresses: self.addresses.clone(),
            rtc_ports: self.rtc_ports.map(|ports| ports.to_string()),
            announced_ports: self.announced_ports.clone().filter(|ports| !ports.is_empty()),
            moved_at: None,
            instead_of: None,
        }
    }
}

fn compute_reached(pod: &Pod) -> Option<Reached> {
    let found = condition(pod, POD_CONDITION_MEDIA_REACHABLE)?;
    let known = [reason::MEDIA_REACHABLE, reason::MEDIA_UNREACHABLE, reason::UDP_BLOCKED, reason::PROBE_FAILED];
    let reported = found.reason.as_deref().unwrap_or_default();
    let reason = known.into_iter().find(|reason| *reason == reported).unwrap_or(reason::PROBE_FAILED);
    let reason = Reason::new(reason, found.message.clone().unwrap_or_default());
    let is_reachable = match found.status.as_str() {
        TRUE => Some(true),
        FALSE => Some(false),
        _ => None,
    };
    Some(Reached { is_reachable, reason })
}

fn annotation<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    pod.annotations().get(key).map(String::as_str)
}

fn label(pod: &Pod, key: &str) -> String {
    pod.labels().get(key).cloned().unwrap_or_default()
}

/// The pool that owns it: labels are easily edited, owner references are not.
fn compute_pool(pod: &Pod) -> String {
    let owner = pod.owner_references().iter().find(|owner| owner.kind == "MediaPool" && owner.controller == Some(true));
    owner.map_or_else(|| label(pod, LABEL_POOL), |owner| owner.name.clone())
}

/// The block from its spec, which is immutable; the annotation repeats it for users.
fn compute_rtc_ports(pod: &Pod) -> Option<PortRange> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let is_rtc = |port: &&ContainerPort| port.name.as_deref().is_some_and(|name| name.starts_with("rtc-"));
    let ports = containers.flat_map(|container| container.ports.iter().flatten()).filter(is_rtc);
    let numbers: Vec<u16> = ports.filter_map(|port| u16::try_from(port.container_port).ok()).collect();
    match (numbers.iter().min(), numbers.iter().max()) {
        (Some(first), Some(last)) => PortRange::new(*first, *last).ok(),
        _ => annotation(pod, ANNOTATION_RTC_PORTS).and_then(|text| text.parse().ok()),
    }
}

fn compute_ips(pod: &Pod) -> Vec<String> {
    let status = pod.status.as_ref();
    status.and_then(|status| status.pod_ips.as_ref()).into_iter().flatten().map(|ip| ip.ip.clone()).collect()
}

fn compute_uses_node_ports(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let mut ports = spec.containers.iter().flat_map(|container| container.ports.iter().flatten());
    spec.host_network.unwrap_or_default() || ports.any(|port| port.host_port.is_some())
}

/// With host networking the port after the media ports is the pod's too.
fn compute_block(pod: &Pod, rtc_ports: PortRange, http_port: u16) -> PortRange {
    let is_host_network = pod.spec.as_ref().and_then(|spec| spec.host_network).unwrap_or_default();
    if is_host_network && rtc_ports.last().checked_add(1) == Some(http_port) {
        return PortRange::new(rtc_ports.first(), http_port).unwrap_or(rtc_ports);
    }
    rtc_ports
}

fn compute_state(pod: &Pod) -> PodState {
    let name = pod.name_any();
    if pod.metadata.deletion_timestamp.is_some() {
        return PodState::Terminating;
    }
    let status = pod.status.as_ref();
    if let Some(phase @ ("Failed" | "Succeeded")) = status.and_then(|status| status.phase.as_deref()) {
        let cause = status.and_then(|status| status.message.clone().or_else(|| status.reason.clone()));
        let cause = cause.unwrap_or_else(|| phase.to_lowercase());
        return PodState::Dead(Reason::new(reason::POD_FAILED, format!("media pod {name:?} ended: {cause}")));
    }
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    let container = containers.and_then(|list| list.first());
    if let Some(crash) = container.and_then(|container| compute_crash(&name, container)) {
        return crash;
    }
    if is_ready(pod) && pod_can_be_reached(pod) {
        return PodState::Ready;
    }
    PodState::Starting(compute_start_reason(pod, &name, container))
}

fn pod_can_be_reached(pod: &Pod) -> bool {
    pod.status.as_ref().is_some_and(|status| status.pod_ip.is_some()) && compute_rtc_ports(pod).is_some()
}

fn compute_crash(name: &str, container: &ContainerStatus) -> Option<PodState> {
    let state = container.state.as_ref()?;
    // The kubelet reports this during most of the first pause, too.
    if state.terminated.is_some() {
        let message = format!("media pod {name:?} ended and is restarting: {}", compute_last_words(state));
        return Some(PodState::Crashing(Reason::new(reason::POD_CRASHING, message)));
    }
    let waiting = state.waiting.as_ref()?;
    if waiting.reason.as_deref() != Some("CrashLoopBackOff") {
        return None;
    }
    let words = container.last_state.as_ref().map_or_else(|| "no message".to_owned(), compute_last_words);
    let restarts = container.restart_count;
    let reason =
        Reason::new(reason::POD_CRASHING, format!("media pod {name:?} keeps crashing ({restarts} restarts): {words}"));
    Some(if restarts >= MAX_RESTARTS { PodState::Dead(reason) } else { PodState::Crashing(reason) })
}

/// The last message of a container; pods are configured so that this is the end of its log.
fn compute_last_words(state: &ContainerState) -> String {
    let Some(ended) = &state.terminated else { return "no message".to_owned() };
    let message = ended.message.as_deref().unwrap_or_default().trim();
    let last_line = message.lines().last().unwrap_or_default().trim();
    let why = if last_line.is_empty() { ended.reason.as_deref().unwrap_or("no message") } else { last_line };
    format!("exit code {}, {}", ended.exit_code, shorten(why, 300))
}

fn compute_start_reason(pod: &Pod, name: &str, container: Option<&ContainerStatus>) -> Reason {
    let scheduled = condition(pod, "PodScheduled");
    if let Some(refused) = scheduled.filter(|scheduled| scheduled.status == "False") {
        return compute_scheduler_reason(name, refused.message.as_deref().unwrap_or("the scheduler gave no reason"));
    }
    if let Some(reason) = container.and_then(|container| compute_image_reason(name, container)) {
        return reason;
    }
    let missing = compute_missing(pod, container);
    Reason::new(reason::POD_NOT_READY, format!("media pod {name:?} is not ready: {missing}"))
}

fn compute_scheduler_reason(name: &str, message: &str) -> Reason {
    let reason = if message.contains("free ports") { reason::PORTS_TAKEN } else { reason::UNSCHEDULABLE };
    Reason::new(reason, format!("media pod {name:?} cannot be scheduled: {}", shorten(message, 400)))
}

fn compute_image_reason(name: &str, container: &ContainerStatus) -> Option<Reason> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let cause = waiting.reason.as_deref()?;
    if !matches!(
        cause,
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError"
    ) {
        return None;
    }
    // The kubelet alternates between failing and backing off; both have the same cause and get the same message.
    let details = waiting.message.as_deref().unwrap_or(cause);
    let details = details.split_once("ErrImagePull: ").map_or(details, |(_, failure)| failure);
    let message =
        format!("could not pull image {:?} of media pod {name:?}: {}", container.image, shorten(details, 300));
    Some(Reason::new(reason::IMAGE_PULL_FAILED, message))
}

fn compute_missing(pod: &Pod, container: Option<&ContainerStatus>) -> String {
    if pod.spec.as_ref().is_none_or(|spec| spec.node_name.is_none()) {
        return "it is waiting for a node".to_owned();
    }
    if announced_addresses(pod).next().is_none() {
        return "it is waiting for the address to announce to browsers".to_owned();
    }
    match container.and_then(|container| container.state.as_ref()) {
        Some(ContainerState { running: Some(_), .. }) => "its readiness probe has not succeeded".to_owned(),
        Some(ContainerState { waiting: Some(waiting), .. }) => {
            let cause = waiting.reason.as_deref().unwrap_or("waiting");
            let details =
                waiting.message.as_deref().map(|text| format!(": {}", shorten(text, 300))).unwrap_or_default();
            format!("its container is being created ({cause}{details})")
        }
        _ => "its container is being created".to_owned(),
    }
}

/// Conditions and events have limited space, and the beginning says what is wrong.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let head: String = text.chars().take(limit).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests;
