//! Which pages of other sites may use a program: compares the `Origin` header with the program's own host and a configured list.
//!
//! Clients that are not browsers send no `Origin`, and none is required: they could send any value. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use axum::http::{HeaderMap, Uri, header};
use thiserror::Error;

/// Origins that are allowed in addition to the program's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins {
    origins: Vec<String>,
    all: bool,
}

/// The text is not an origin.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not an origin; write it as browsers do, for example https://app.example.org, or * for all")]
pub struct OriginError(String);

impl AllowedOrigins {
    /// Parses a list of origins; `*` allows all.
    pub fn parse<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<Self, OriginError> {
        let mut allowed = Self::default();
        for text in list.into_iter().map(str::trim).filter(|text| !text.is_empty()) {
            if text == "*" {
                allowed.all = true;
                continue;
            }
            allowed.origins.push(normalized(text).ok_or_else(|| OriginError(text.to_owned()))?);
        }
        Ok(allowed)
    }

    /// Whether the origin is in the list.
    pub fn lists(&self, origin: &str) -> bool {
        self.all || normalized(origin).is_some_and(|origin| self.origins.contains(&origin))
    }

    /// The allowed origins and the program's own as a source list for a content security policy.
    pub fn sources(&self) -> String {
        if self.all {
            return "*".to_owned();
        }
        ["'self'"].into_iter().chain(self.origins.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    }

    /// Whether a listed origin has this host, or all are allowed. Ports are ignored.
    pub fn names_host(&self, host: &str) -> bool {
        let is_named = |origin: &String| origin.parse().ok().as_ref().and_then(Uri::host) == Some(host);
        self.all || self.origins.iter().any(is_named)
    }

    /// Whether a page that sends these headers may open a signaling WebSocket; `host` is the host in the client's request.
    pub fn admits(&self, headers: &HeaderMap, host: Option<&str>) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        origins.next().is_none() && (self.lists(origin) || host.is_some_and(|host| is_of_host(origin, host)))
    }
}

/// Whether the browser loaded the page that sends these headers over https; `None` if the page is not of the program's own host.
pub fn is_own_page_secure(headers: &HeaderMap, host: Option<&str>) -> Option<bool> {
    let origin =
        headers.get(header::ORIGIN)?.to_str().ok().filter(|origin| is_of_host(origin, host.unwrap_or_default()))?;
    Some(origin.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("https:")))
}

/// Schemes may differ: a proxy may terminate TLS in front of the program.
fn is_of_host(origin: &str, host: &str) -> bool {
    let Some(origin) = normalized(origin) else { return false };
    ["http", "https"].iter().any(|scheme| {
        let own = normalized(&format!("{scheme}://{host}"));
        own.as_deref().and_then(without_scheme) == without_scheme(&origin)
    })
}

fn without_scheme(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, host)| host)
}

/// The origin in lower case without the default port of its scheme; `None` if it is not an origin, such as `null`.
fn normalized(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, rest) = text.split_once("://")?;
    let port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority().filter(|authority| authority.as_str() == rest && !rest.contains('@'))?;
    let host = authority.host();
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte)) {
        return None;
    }
    match authority.port_u16().filter(|given| *given != port) {
        Some(given) => Some(format!("{scheme}://{host}:{given}")),
        None => Some(format!("{scheme}://{host}")),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_own_host_and_listed_origins_may_and_others_may_not() {
        let allowed = AllowedOrigins::parse(["https://app.example.org", " http://localhost:5173 ", ""]).unwrap();
        let cases = [
            (None, true),
            (Some("https://meet.example.org"), true),
            (Some("http://meet.example.org"), true),
            (Some("https://meet.example.org:443"), true),
            (Some("https://MEET.example.org"), true),
            (Some("https://meet.example.org:8443"), false),
            (Some("https://app.example.org"), true),
            (Some("https://app.example.org:443"), true),
            (Some("http://app.example.org"), false),
            (Some("http://localhost:5173"), true),
            (Some("http://localhost"), false),
            (Some("https://meet.example.org.evil.example"), false),
            (Some("https://evil.example/meet.example.org"), false),
            (Some("https://meet.example.org@evil.example"), false),
            (Some("null"), false),
            (Some("*"), false),
            (Some(""), false),
        ];
        for (origin, expected) in cases {
            let headers = origin.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin))).into_iter().collect();
            assert_eq!(allowed.admits(&headers, Some("meet.example.org")), expected, "{origin:?}");
        }
    }

    #[test]
    fn hosts_of_listed_origins_are_known() {
        let allowed = AllowedOrigins::parse(["https://App.example.org:3000"]).unwrap();
        for (host, expected) in [("app.example.org", true), ("example.org", false), ("", false)] {
            assert_eq!(allowed.names_host(host), expected, "{host:?}");
        }
        assert!(AllowedOrigins::parse(["*"]).unwrap().names_host("any.example"));
        assert!(!AllowedOrigins::default().names_host("app.example.org"));
    }

    #[test]
    fn two_origins_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(header::ORIGIN, HeaderValue::from_static("https://meet.example.org"));
        headers.append(header::ORIGIN, HeaderValue::from_static("https://evil.example"));
        assert!(!AllowedOrigins::default().admits(&headers, Some("meet.example.org")));
    }

    #[test]
    fn a_star_allows_all_and_nonsense_is_named() {
        assert!(AllowedOrigins::parse(["*"]).unwrap().lists("https://other.example"));
        for wrong in [
            "app.example.org",
            "https://app.example.org/",
            "ftp://a",
            "https://",
            "https://a b",
            "https://a;b",
            "https://*.example.org",
        ] {
            assert!(AllowedOrigins::parse([wrong]).unwrap_err().to_string().contains(wrong), "{wrong}");
        }
    }
}
