//! Whether a client is a browser that shows a page: it gets HTML where a program gets a problem in JSON. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use axum::http::{HeaderMap, header};

/// Whether the response should be a page: browsers accept HTML when a user opens a URL, programs do not.
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|list| list.split(',')).any(|kind| kind.trim().to_ascii_lowercase().starts_with("text/html"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn browsers_get_pages_and_programs_do_not() {
        let cases = [
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), true),
            (Some("application/xhtml+xml, Text/HTML;q=0.9"), true),
            (Some("*/*"), false),
            (Some("application/json"), false),
            (Some("text/event-stream"), false),
            (Some(""), false),
            (None, false),
        ];
        for (accept, expected) in cases {
            let headers = accept.map(|accept| (header::ACCEPT, HeaderValue::from_static(accept))).into_iter().collect();
            assert_eq!(wants_page(&headers), expected, "{accept:?}");
        }
    }
}
