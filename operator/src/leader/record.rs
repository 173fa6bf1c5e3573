//! The `Lease` object: how it is read, and how it is built when it is created, held and released. Pure.
//!
//! Its times are for users; nothing is decided by them. What others have set on the object (labels, owners) is kept.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::api::ObjectMeta;

use super::decide::{Sighting, Timing};

/// Reads a lease. `None` if it has no resource version, which no API server omits: no write could be safe.
pub(crate) fn read_sighting(lease: &Lease) -> Option<Sighting> {
    let version = lease.metadata.resource_version.clone()?;
    let spec = lease.spec.as_ref();
    let holder = spec.and_then(|spec| spec.holder_identity.clone()).filter(|holder| !holder.is_empty());
    let seconds = spec.and_then(|spec| spec.lease_duration_seconds).and_then(|seconds| u64::try_from(seconds).ok());
    Some(Sighting { version, holder, duration: Duration::from_secs(seconds.unwrap_or_default()) })
}

/// A new lease, held by `identity`.
pub(crate) fn build_new(name: &str, identity: &str, timing: &Timing, now: Timestamp) -> Lease {
    let bare = Lease { metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }, spec: None };
    let mut lease = build_held(&bare, identity, timing, now);
    spec_of(&mut lease).lease_transitions = Some(0);
    lease
}

/// `seen`, held by `identity` from `now` on or renewed by it.
pub(crate) fn build_held(seen: &Lease, identity: &str, timing: &Timing, now: Timestamp) -> Lease {
    let mut lease = seen.clone();
    let spec = spec_of(&mut lease);
    if spec.holder_identity.as_deref() != Some(identity) {
        spec.holder_identity = Some(identity.to_owned());
        spec.acquire_time = Some(MicroTime(now));
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default().max(0).saturating_add(1));
    }
    spec.lease_duration_seconds = Some(i32::try_from(timing.lease.as_secs().max(1)).unwrap_or(i32::MAX));
    spec.renew_time = Some(MicroTime(now));
    lease
}

pub(crate) fn build_released(seen: &Lease, now: Timestamp) -> Lease {
    let mut lease = seen.clone();
    let spec = spec_of(&mut lease);
    spec.holder_identity = Some(String::new());
    spec.renew_time = Some(MicroTime(now));
    lease
}

fn spec_of(lease: &mut Lease) -> &mut LeaseSpec {
    lease.spec.get_or_insert_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn lease(metadata: &Value, spec: &Value) -> Lease {
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_new_lease_names_its_holder() {
        let made = serde_json::to_value(build_new("jetty", "heron", &Timing::default(), at(0))).unwrap();
        assert_eq!(made["metadata"], json!({"name": "jetty"}));
        assert_eq!(
            made["spec"],
            json!({
                "holderIdentity": "heron", "leaseDurationSeconds": 10, "leaseTransitions": 0,
                "acquireTime": "2027-01-15T08:00:00.000000Z", "renewTime": "2027-01-15T08:00:00.000000Z",
            })
        );
    }

    #[test]
    fn a_change_of_hands_is_counted_and_a_renewal_is_not() {
        let metadata = json!({"name": "jetty", "resourceVersion": "7", "labels": {"pier": "1"}});
        let seen = lease(&metadata, &json!({"holderIdentity": "egret", "leaseTransitions": 4}));
        let taken = build_held(&seen, "heron", &Timing::default(), at(0));
        assert_eq!(taken.metadata, seen.metadata, "the resource version goes back with what it belongs to");
        let spec = taken.spec.clone().unwrap();
        assert_eq!((spec.holder_identity.as_deref(), spec.lease_transitions), (Some("heron"), Some(5)));
        let renewed = build_held(&taken, "heron", &Timing::default(), at(2)).spec.unwrap();
        assert_eq!(renewed, LeaseSpec { renew_time: Some(MicroTime(at(2))), ..spec });
    }

    #[test]
    fn a_lease_that_was_given_back_has_no_holder_and_keeps_its_version() {
        let seen = lease(&json!({"name": "jetty", "resourceVersion": "7"}), &json!({"holderIdentity": "heron"}));
        let released = build_released(&seen, at(0));
        assert_eq!(released.metadata, seen.metadata);
        assert_eq!(read_sighting(&released).unwrap().holder, None);
        assert_eq!(released.spec.unwrap().renew_time, Some(MicroTime(at(0))));
    }

    #[test]
    fn odd_leases_are_read() {
        let cases = [
            (json!({}), None, 0),
            (json!({"holderIdentity": ""}), None, 0),
            (json!({"holderIdentity": "egret", "leaseDurationSeconds": -5}), Some("egret"), 0),
            (json!({"holderIdentity": "egret", "leaseDurationSeconds": 15}), Some("egret"), 15),
        ];
        for (spec, holder, seconds) in cases {
            let found = read_sighting(&lease(&json!({"resourceVersion": "7"}), &spec)).unwrap();
            let expected = (holder.map(str::to_owned), Duration::from_secs(seconds));
            assert_eq!((found.holder, found.duration), expected, "{spec}");
        }
        assert_eq!(read_sighting(&lease(&json!({}), &json!({}))), None);
    }
}
