//! The settings of the operator, checked once at start and passed down; there are no globals.

use std::{net::SocketAddr, time::Duration};

use thiserror::Error;
use url::Url;

use crate::{
    leader::LeaseConfig,
    model::{ports::QUARANTINE, valid_pool::PodDefaults},
};

/// All settings of the operator.
#[derive(Clone, Debug)]
pub struct Config {
    /// Namespace of pools, media pods and keys.
    pub namespace: String,
    /// The public URL of the router, without a trailing slash; join URLs begin with it.
    pub public_url: String,
    /// Settings that all media pods have in common.
    pub defaults: PodDefaults,
    /// Secret with the private admission key.
    pub admission_key_secret: String,
    /// Address for health and metrics.
    pub listen: SocketAddr,
    /// Leader election among several replicas. `None`: this one acts without it, so it must be the only one.
    pub lease: Option<LeaseConfig>,
    /// Age at which the admission key is rotated. `None`: never.
    pub key_rotation: Option<Duration>,
    /// Periods and pauses that do not depend on the cluster.
    pub intervals: Intervals,
}

/// Periods and pauses that do not depend on the cluster.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// How long a freed block of ports is held back.
    pub rest: Duration,
    /// Minimum time between two writes of a meeting's number of participants.
    pub people: Duration,
    /// Interval after which a pool that lacks something is reconciled again without a change.
    pub waiting: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        Self { rest: QUARANTINE, people: Duration::from_secs(3), waiting: Duration::from_secs(10) }
    }
}

/// A URL that clients could not open.
#[derive(Debug, Error)]
#[error(
    "{0:?} is not a valid public URL: it must begin with http:// or https:// and have a host, as in https://meet.example.com"
)]
pub struct PublicUrlError(String);

/// Checks the public URL and removes a trailing slash.
pub fn parse_public_url(text: &str) -> Result<String, PublicUrlError> {
    let url = Url::parse(text).map_err(|_| PublicUrlError(text.to_owned()))?;
    if !matches!(url.scheme(), "http" | "https")
        || url.host().is_none()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(PublicUrlError(text.to_owned()));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_urls_are_checked() {
        assert_eq!(parse_public_url("https://meet.example.com/").unwrap(), "https://meet.example.com");
        assert_eq!(parse_public_url("http://localhost:8080/team").unwrap(), "http://localhost:8080/team");
        for bad in ["", "meet.example.com", "ftp://meet.example.com", "https://", "https://a/?b", "https://a/#b"] {
            assert!(parse_public_url(bad).is_err(), "{bad}");
        }
    }
}
