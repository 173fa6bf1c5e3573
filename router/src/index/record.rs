//! The router's records of a Meeting and of a media pod: the few facts that routing needs, extracted once from the object.
//!
//! Pure: objects in, records out. It never routes a join; [`select`](crate::index::select) does.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::{IpAddr, SocketAddr};

use convene_crds::facts::{MeetingFacts, announced_addresses, is_ready, signaling_port};
use convene_crds::names::{CONDITION_ACCEPTED, CONDITION_ASSIGNED, CONDITION_READY, TRUE};
use convene_crds::{AccessPolicy, JoinAs, Meeting, MeetingPhase, MeetingStatus};
use convene_join_token::MeetingKey;
use convene_protocol::admission::MeetingGrant;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::error_boundary::InvalidObject;

/// The reason a meeting cannot be joined yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WaitReason {
    /// Reason code, as in a condition.
    pub(crate) reason: String,
    /// Message for administrators, as in a condition.
    pub(crate) message: String,
}

impl WaitReason {
    /// A reason code with its message.
    pub(crate) fn new(reason: &str, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), message: message.into() }
    }
}

/// The pod that a Meeting is assigned to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// Name of the pod.
    pub(crate) pod: String,
    /// Uid of the pod: a later pod with the same name is another pod.
    pub(crate) uid: String,
    /// Uid of the pod that the meeting was on before, if that was lost.
    pub(crate) instead_of: Option<String>,
}

impl Assignment {
    /// Whether this took the place of the pod with `uid` because that was lost. If a pod was lost, there was no handover, and clients
    /// belong on no other pod.
    pub(crate) fn has_lost(&self, uid: &str) -> bool {
        self.instead_of.is_some() && self.uid != uid
    }
}

/// The router's record of one Meeting.
#[allow(clippy::struct_excessive_bools, reason = "each is a separate fact about the object")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MeetingRecord {
    /// Namespace and name.
    pub(crate) key: MeetingKey,
    /// Uid of the object.
    pub(crate) uid: String,
    /// Title, settings and limits, as granted to media pods.
    pub(crate) facts: MeetingFacts,
    /// Lifecycle phase.
    pub(crate) phase: MeetingPhase,
    /// The object is being deleted.
    pub(crate) is_deleting: bool,
    /// The pod that it is assigned to.
    pub(crate) assignment: Option<Assignment>,
    /// The reason it is not ready, from its conditions.
    pub(crate) waiting: WaitReason,
    /// URL for browsers.
    pub(crate) join_url: Option<String>,
    /// Number of participants, as last reported by the operator.
    pub(crate) participants: Option<u32>,
    /// Whether the meeting is being recorded, as last reported by the operator.
    pub(crate) is_recorded: bool,
    /// Who may join.
    pub(crate) policy: AccessPolicy,
    /// Role in which participants join.
    pub(crate) join_as: JoinAs,
    /// Identities that are moderators, in addition to those with a moderator token.
    pub(crate) moderators: Vec<String>,
    /// Whether recorders may join.
    pub(crate) may_be_recorded: bool,
    /// The pool of its media pod.
    pub(crate) pool: String,
    /// Time from which participants can join.
    pub(crate) starts_at: Option<Timestamp>,
    /// Whether clients of the mediasoup demo may join.
    pub(crate) demo_clients: bool,
}

impl MeetingRecord {
    /// Reads a Meeting; `None` if its name is invalid, which the API server prevents.
    pub(crate) fn from_meeting(meeting: &Meeting) -> Option<Self> {
        let status = meeting.status.clone().unwrap_or_default();
        let record = Self::named(&meeting.metadata)?;
        Some(Self {
            facts: MeetingFacts::from_meeting(meeting),
            phase: status.phase.unwrap_or(MeetingPhase::Pending),
            waiting: waiting(&status),
            assignment: status.pod.map(|pod| Assignment { pod: pod.name, uid: pod.uid, instead_of: pod.instead_of }),
            join_url: status.join_url,
            participants: status.participants,
            is_recorded: status.recording,
            policy: meeting.spec.access.policy,
            join_as: meeting.spec.access.join_as,
            moderators: meeting.spec.access.moderators.clone(),
            may_be_recorded: meeting.spec.features.recording,
            pool: meeting.spec.pool.clone(),
            starts_at: meeting.spec.starts_at.as_ref().map(|time| time.0),
            demo_clients: meeting.spec.features.demo_clients,
            ..record
        })
    }

    /// A Meeting that cannot be parsed still exists: clients wait and learn the reason instead of "not found".
    pub(crate) fn from_invalid(invalid: &InvalidObject) -> Option<Self> {
        let message = format!("could not read the Meeting: {}", invalid.error);
        Self::named(&invalid.metadata)
            .map(|record| Self { waiting: WaitReason::new("MeetingInvalid", message), ..record })
    }

    fn named(metadata: &ObjectMeta) -> Option<Self> {
        let key = key_of(metadata)?;
        Some(Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            facts: MeetingFacts::unreadable(key.name()),
            key,
            phase: MeetingPhase::Pending,
            is_deleting: metadata.deletion_timestamp.is_some(),
            assignment: None,
            waiting: WaitReason::new("Pending", "the meeting has just been created"),
            join_url: None,
            participants: None,
            is_recorded: false,
            // Without an assignment nothing can be joined, and clients learn the reason; tickets are checked again when they connect.
            policy: AccessPolicy::Open,
            join_as: JoinAs::default(),
            moderators: Vec::new(),
            may_be_recorded: false,
            pool: String::new(),
            starts_at: None,
            demo_clients: false,
        })
    }

    /// The grant that tells media pods about the meeting, as of `now`.
    pub(crate) fn grant(&self, now: Timestamp) -> MeetingGrant {
        self.facts.grant(self.key.namespace(), self.key.name(), &self.uid, now)
    }
}

/// Namespace and name of an object, if they are valid.
pub(crate) fn key_of(metadata: &ObjectMeta) -> Option<MeetingKey> {
    MeetingKey::parse(metadata.namespace.as_deref()?, metadata.name.as_deref()?).ok()
}

/// The reason of the first condition on the way to Ready that is not true.
fn waiting(status: &MeetingStatus) -> WaitReason {
    [CONDITION_ACCEPTED, CONDITION_ASSIGNED, CONDITION_READY]
        .iter()
        .filter_map(|name| status.conditions.iter().find(|condition| condition.type_ == *name))
        .find(|condition| condition.status != TRUE)
        .map_or_else(
            || WaitReason::new("Pending", "the meeting is being assigned to a media pod"),
            |condition| WaitReason::new(&condition.reason, condition.message.clone()),
        )
}

/// The router's record of one media pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodRecord {
    /// Name of the pod.
    pub(crate) name: String,
    /// Uid of the pod.
    pub(crate) uid: String,
    /// Signaling address, once the pod has an IP.
    pub(crate) address: Option<SocketAddr>,
    /// Its readiness probe passes.
    pub(crate) is_ready: bool,
    /// The pod is being deleted and gets no new joins.
    pub(crate) is_terminating: bool,
    /// The first announced media address.
    pub(crate) announced: Option<IpAddr>,
}

impl PodRecord {
    /// Reads a Pod; `None` if it has no name or uid.
    pub(crate) fn from_pod(pod: &Pod) -> Option<Self> {
        Some(Self {
            name: pod.metadata.name.clone()?,
            uid: pod.metadata.uid.clone()?,
            address: pod_ip(pod).map(|ip| SocketAddr::new(ip, signaling_port(pod))),
            is_ready: is_ready(pod),
            is_terminating: pod.metadata.deletion_timestamp.is_some(),
            announced: announced_addresses(pod).next().and_then(|address| address.parse().ok()),
        })
    }
}

fn pod_ip(pod: &Pod) -> Option<IpAddr> {
    pod.status.as_ref()?.pod_ip.as_deref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures;

    fn meeting(value: serde_json::Value) -> MeetingRecord {
        MeetingRecord::from_meeting(&serde_json::from_value(value).unwrap()).unwrap()
    }

    #[test]
    fn a_meeting_without_status_waits_under_its_own_name() {
        let record = meeting(json!({
            "apiVersion": "convene.dev/v1alpha1", "kind": "Meeting",
            "metadata": {"namespace": "team-a", "name": "stand-up", "uid": "m-1"}, "spec": {"title": "  "}
        }));
        assert_eq!((record.facts.settings.title.as_str(), record.phase), ("stand-up", MeetingPhase::Pending));
        assert_eq!(record.waiting.reason, "Pending");
        assert_eq!(record.assignment, None);
        assert_eq!(record.grant(Timestamp::UNIX_EPOCH).settings.max_participants, 50);
        assert_eq!(record.grant(Timestamp::UNIX_EPOCH).settings.empty_timeout_seconds, 300);
    }

    #[test]
    fn a_meeting_that_may_be_recorded_is_not_one_that_is() {
        let mut object = fixtures::meeting_json("team-a", "stand-up", "m-1", None);
        object["spec"]["features"] = json!({"recording": true});
        let record = meeting(object.clone());
        assert_eq!((record.may_be_recorded, record.is_recorded), (true, false));
        object["spec"]["features"] = json!({"recording": false});
        object["status"]["recording"] = json!(true);
        let record = meeting(object);
        assert_eq!((record.may_be_recorded, record.is_recorded), (false, true));
    }

    #[test]
    fn the_first_condition_that_fails_says_what_it_waits_for() {
        let conditions = |accepted: &str, assigned: &str| {
            let condition = |name: &str, status: &str| {
                json!({"type": name, "status": status, "reason": format!("{name}Reason"), "message": format!("{name} message"),
                       "lastTransitionTime": "2026-01-01T00:00:00Z"})
            };
            // Not in order of precedence.
            json!([condition("Ready", "False"), condition("Assigned", assigned), condition("Accepted", accepted)])
        };
        for (accepted, assigned, reason) in [
            ("False", "False", "AcceptedReason"),
            ("True", "Unknown", "AssignedReason"),
            ("True", "True", "ReadyReason"),
        ] {
            let mut object = fixtures::meeting_json("team-a", "stand-up", "m-1", None);
            object["status"] = json!({"conditions": conditions(accepted, assigned)});
            assert_eq!(meeting(object).waiting.reason, reason);
        }
    }

    #[test]
    fn the_declared_port_of_a_pod_wins_over_the_usual_one() {
        let pod = |ports: serde_json::Value| {
            let mut object = fixtures::pod_json("media-0", "p-0", "10.1.2.3", 0, true);
            object["spec"]["containers"] = json!([{"name": "media-pod", "ports": ports}]);
            PodRecord::from_pod(&serde_json::from_value(object).unwrap()).unwrap().address.unwrap().to_string()
        };
        assert_eq!(
            pod(json!([{"name": "rtc", "containerPort": 40000}, {"name": "http", "containerPort": 28080}])),
            "10.1.2.3:28080"
        );
        assert_eq!(pod(json!([{"name": "rtc", "containerPort": 40000}])), "10.1.2.3:8080");
    }

    #[test]
    fn a_pod_without_address_or_condition_is_not_ready() {
        let pod = json!({"metadata": {"name": "media-0", "uid": "p-0"}});
        let record = PodRecord::from_pod(&serde_json::from_value(pod).unwrap()).unwrap();
        assert_eq!((record.address, record.is_ready, record.is_terminating), (None, false, false));
    }

    #[test]
    fn a_meeting_that_cannot_be_read_is_known_and_waits() {
        let guard: kube::core::DeserializeGuard<Meeting> = serde_json::from_value(json!({
            "metadata": {"namespace": "team-a", "name": "broken", "uid": "m-2"}, "spec": {"maxParticipants": "many"}
        }))
        .unwrap();
        let record = MeetingRecord::from_invalid(&guard.0.unwrap_err()).unwrap();
        assert_eq!(record.waiting.reason, "MeetingInvalid");
        assert!(record.waiting.message.contains("many"), "{}", record.waiting.message);
    }
}
