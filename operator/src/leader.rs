//! Leader election: of several replicas the holder of a `Lease` acts. `decide` (pure) chooses the next step, `record` (pure) reads and
//! builds the object, and `elector` sends the requests.
//!
//! Safety rests on two rules. Every write carries the resource version that was read, so of two concurrent writes one is rejected. And the
//! holder stops believing that it leads before any other replica may take the lease, counting from the *start* of its last successful
//! request, while the others count from the moment they *saw* its effect; each uses its own monotonic clock, and clocks are never compared.
//! A machine that is suspended as a whole may stop that clock: its replica learns of the loss at the next renewal, one request after it
//! resumes.

pub(crate) mod decide;
pub(crate) mod elector;
pub(crate) mod record;

use prometheus::{IntGauge, Registry};
use thiserror::Error;

/// Maximum length of the pod's name in an identity.
const LONGEST_POD_NAME: usize = 253;

/// Settings of a replica that takes part in the election.
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// Name of the `Lease`, in the operator's namespace.
    pub name: String,
    /// Identity of this replica: unique, even across restarts of the container.
    pub identity: String,
}

/// The name of a pod with a random suffix: a container that restarts in the same pod has another identity.
pub fn build_identity(pod: Option<&str>, random: u32) -> String {
    let pod: String = pod.unwrap_or("operator").chars().take(LONGEST_POD_NAME).collect();
    format!("{pod}_{random:08x}")
}

/// A name that is not valid for a `Lease`.
#[derive(Debug, Error)]
#[error(
    "{0:?} is not a valid Lease name: use at most 253 characters of a-z, 0-9, - and ., beginning and ending with a letter or digit"
)]
pub struct LeaseNameError(String);

/// Checks the name of a `Lease`.
pub fn parse_lease_name(text: &str) -> Result<String, LeaseNameError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let parts_fit = text.split('.').all(|part| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(|byte| is_plain(*byte))
            && bytes.last().is_some_and(|byte| is_plain(*byte))
            && bytes.iter().all(|byte| is_plain(*byte) || *byte == b'-')
    });
    if parts_fit && text.len() <= 253 { Ok(text.to_owned()) } else { Err(LeaseNameError(text.to_owned())) }
}

/// Metrics of the election.
#[derive(Clone, Debug)]
pub(crate) struct LeaseMetrics {
    /// 1 while this replica is the leader.
    pub leading: IntGauge,
}

impl LeaseMetrics {
    /// Registers them.
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let leading = IntGauge::new("convene_operator_leading", "1 while this operator acts, 0 while it stands by")?;
        registry.register(Box::new(leading.clone()))?;
        Ok(Self { leading })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_restarts_has_another_identity() {
        assert_eq!(build_identity(Some("convene-operator-7d-x"), 7), "convene-operator-7d-x_00000007");
        assert_ne!(build_identity(None, 1), build_identity(None, 2));
    }

    #[test]
    fn lease_names_are_checked() {
        for good in ["convene-operator", "a", "a.b-c.9"] {
            assert_eq!(parse_lease_name(good).unwrap(), good);
        }
        for bad in ["", "A", "a/b", "-a", "a-", "a..b", "a b", "ä", &"a".repeat(254)] {
            assert!(parse_lease_name(bad).is_err(), "{bad}");
        }
    }
}
