//! Compares Origin and Host headers of calls, without ports: the demo's application, which makes them, is served at another port. Other
//! requests are compared with ports, by [`convene_service::http::origin`]. Pure.

use axum::http::Uri;
use axum::http::uri::Authority;

/// Whether an `Origin` has the host of a `Host` header. Ports and schemes may differ, because TLS may be terminated in front of the pod.
pub(super) fn is_of_host(origin: &str, host: &str) -> bool {
    let origin: Option<Uri> = origin.parse().ok();
    let host: Option<Authority> = host.parse().ok();
    match (origin.as_ref().and_then(Uri::host), host.as_ref().map(Authority::host)) {
        (Some(origin), Some(host)) => origin.eq_ignore_ascii_case(host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_counts_and_nothing_else() {
        let cases = [
            ("https://sfu.example.org:4443", "sfu.example.org:4443", true),
            ("http://sfu.example.org", "SFU.example.org:8080", true),
            ("https://192.0.2.1:4443", "192.0.2.1", true),
            ("https://[2001:db8::1]:4443", "[2001:db8::1]:4443", true),
            ("https://evil.example.org", "sfu.example.org", false),
            ("https://sfu.example.org.evil.example", "sfu.example.org", false),
            ("null", "sfu.example.org", false),
            ("", "sfu.example.org", false),
            ("", "", false),
            ("https://sfu.example.org", "", false),
            ("not a uri", "not a uri", false),
        ];
        for (origin, host, expected) in cases {
            assert_eq!(is_of_host(origin, host), expected, "{origin} at {host}");
        }
    }
}
