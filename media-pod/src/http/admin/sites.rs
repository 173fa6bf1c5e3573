//! Validates which other pods are to serve a room. Pure; it opens no link.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeSet;

use axum::http::StatusCode;
use convene_protocol::admin::{RoomSites, SiteTarget};
use convene_protocol::admission::MAX_TOKEN_BYTES;
use convene_service::http::problem::{Kind, Problem};
use thiserror::Error;

/// Pods that serve one room besides its own.
const MAX_SITES: usize = 31;
/// Participants that one pod serves in one room.
const MAX_CAPACITY: u32 = 100_000;

/// The list of pods is invalid.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum SitesError {
    /// Not a JSON object with the expected fields.
    #[error("the body is not a list of sites: {0}")]
    Malformed(String),
    /// Too many pods.
    #[error("there are {0} sites; at most 31 are allowed")]
    TooMany(usize),
    /// A pod that cannot be linked.
    #[error("the site {pod:?} is invalid: {problem}")]
    Site {
        /// Uid of the pod.
        pod: String,
        /// The problem.
        problem: &'static str,
    },
}

impl From<SitesError> for Problem {
    fn from(error: SitesError) -> Self {
        Self::new(Kind::new("InvalidSites", "Invalid sites", StatusCode::BAD_REQUEST), error.to_string())
    }
}

/// Reads and validates the body of the request.
pub(super) fn read(body: &[u8]) -> Result<RoomSites, SitesError> {
    let wanted: RoomSites = serde_json::from_slice(body)
        .map_err(|error| SitesError::Malformed(error.to_string().chars().take(200).collect()))?;
    if wanted.sites.len() > MAX_SITES {
        return Err(SitesError::TooMany(wanted.sites.len()));
    }
    let mut pods = BTreeSet::new();
    for site in &wanted.sites {
        let problem = if pods.insert(&site.pod) { problem_of(site) } else { Some("it is listed twice") };
        if let Some(problem) = problem {
            return Err(SitesError::Site { pod: site.pod.chars().take(64).collect(), problem });
        }
    }
    Ok(wanted)
}

fn problem_of(site: &SiteTarget) -> Option<&'static str> {
    let is_fingerprint = site.fingerprint.len() == 64 && site.fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
    let cases = [
        (site.pod.is_empty() || site.pod.len() > 64, "pod must be the uid of a Pod"),
        (site.port == 0, "port must not be 0"),
        (!is_fingerprint, "fingerprint must have 64 hexadecimal digits"),
        (site.capacity > MAX_CAPACITY, "capacity must be at most 100000"),
        (site.ticket.len() > MAX_TOKEN_BYTES, "the ticket is too long"),
    ];
    cases.into_iter().find(|(is_wrong, _)| *is_wrong).map(|(_, problem)| problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(pod: &str) -> SiteTarget {
        SiteTarget {
            pod: pod.into(),
            address: [10, 0, 0, 1].into(),
            port: 4000,
            fingerprint: "a".repeat(64),
            capacity: 100,
            ticket: "t".into(),
        }
    }

    fn read_sites(sites: Vec<SiteTarget>) -> Result<RoomSites, SitesError> {
        read(&serde_json::to_vec(&RoomSites { uid: "u".into(), capacity: 10, sites }).unwrap())
    }

    #[test]
    fn sites_are_bounded_and_different() {
        assert_eq!(read_sites(vec![site("a"), site("b")]).map(|wanted| wanted.sites.len()), Ok(2));
        let many = (0..40).map(|number| site(&number.to_string())).collect();
        assert_eq!(read_sites(many), Err(SitesError::TooMany(40)));
        let broken = [
            vec![site("a"), site("a")],
            vec![site("")],
            vec![site(&"x".repeat(65))],
            vec![SiteTarget { port: 0, ..site("a") }],
            vec![SiteTarget { fingerprint: "z".repeat(64), ..site("a") }],
            vec![SiteTarget { fingerprint: "a".repeat(63), ..site("a") }],
            vec![SiteTarget { capacity: u32::MAX, ..site("a") }],
            vec![SiteTarget { ticket: "t".repeat(MAX_TOKEN_BYTES + 1), ..site("a") }],
        ];
        for sites in broken {
            assert!(matches!(read_sites(sites), Err(SitesError::Site { .. })));
        }
        for malformed in ["", "[]", "{}", r#"{"uid":"u","capacity":-1,"sites":[]}"#] {
            assert!(matches!(read(malformed.as_bytes()), Err(SitesError::Malformed(_))), "{malformed}");
        }
    }

    #[test]
    fn tickets_are_not_shown() {
        let site = SiteTarget { ticket: "secret".into(), ..site("a") };
        assert!(!format!("{site:?}").contains("secret"));
    }
}
