//! Who of several operators acts: the one that holds a `Lease`. Made of what to do next (`decide`, pure), what the object says (`record`,
//! pure) and the requests (`keep`).
//!
//! Safety rests on two things. Every write carries the resource version that was read, so of two that write at once one is refused. And the
//! holder stops believing that it leads before anybody else may take the lease, counting from the *start* of its last good request, while the
//! others count from the moment they *saw* its effect; each uses its own monotonic clock, and no clock is ever compared with another. A
//! machine that is suspended as a whole may stop that clock: it learns of its loss with the next renewal, a request's time after it woke.

pub(crate) mod decide;
pub(crate) mod elector;
pub(crate) mod record;

use prometheus::{IntGauge, Registry};
use thiserror::Error;

/// Longest part of an identity that is the pod's name.
const LONGEST_POD_NAME: usize = 253;

/// What an operator that takes part in the election is told.
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// Name of the `Lease`, in the operator's namespace.
    pub name: String,
    /// Who we are: never the same twice, not even after a restart of the container.
    pub identity: String,
}

/// The name of a pod with something random after it: a container that starts anew in the same pod is somebody else.
pub fn build_identity(pod: Option<&str>, random: u32) -> String {
    let pod: String = pod.unwrap_or("operator").chars().take(LONGEST_POD_NAME).collect();
    format!("{pod}_{random:08x}")
}

/// A name that no `Lease` can have.
#[derive(Debug, Error)]
#[error(
    "{0:?} cannot be the name of a Lease: it must be at most 253 of a-z, 0-9, - and ., beginning and ending with a letter or digit"
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
    /// 1 while this operator acts.
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
    fn a_container_that_starts_anew_is_somebody_else() {
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
