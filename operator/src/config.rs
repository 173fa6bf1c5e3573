//! What the operator is told at its start, checked once and passed down; there are no globals.

use std::{net::SocketAddr, time::Duration};

use thiserror::Error;
use url::Url;

use crate::{
    leader::LeaseConfig,
    model::{ports::QUARANTINE, valid_pool::PodDefaults},
};

/// Everything the operator is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Namespace of pools, media pods and keys.
    pub namespace: String,
    /// What join URLs begin with, without a slash at the end.
    pub public_url: String,
    /// What media pods have in common.
    pub defaults: PodDefaults,
    /// Secret with the private admission key.
    pub admission_key_secret: String,
    /// Where health and metrics are served.
    pub listen: SocketAddr,
    /// The election among several operators. `None`: this one acts without asking, so it must be the only one.
    pub lease: Option<LeaseConfig>,
    /// How old the admission key may become before it is replaced. `None`: never replaced.
    pub key_rotation: Option<Duration>,
    /// How long things take that are not the cluster's doing.
    pub intervals: Intervals,
}

/// How long things take that are not the cluster's doing.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// How long a freed block of ports rests.
    pub rest: Duration,
    /// How often the number of people of one meeting is written at most.
    pub people: Duration,
    /// How soon a pool that lacks something is looked at again, if no watch speaks before.
    pub waiting: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        Self { rest: QUARANTINE, people: Duration::from_secs(3), waiting: Duration::from_secs(10) }
    }
}

/// A public URL that people could not open.
#[derive(Debug, Error)]
#[error(
    "{0:?} cannot be the public URL: it must begin with http:// or https:// and have a host, such as https://meet.example.com"
)]
pub struct PublicUrlError(String);

/// Checks the public URL and takes the slash from its end.
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
