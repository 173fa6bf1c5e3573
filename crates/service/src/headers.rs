//! Security headers of answers: what browsers may do with a page, and that data is no page.
//!
//! It sets no cookies and knows no routes.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The web app needs its own scripts, styles and sockets, media from memory, and nothing from elsewhere.
const WEB_APP_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data: blob:; media-src 'self' blob: mediastream:; worker-src 'self' blob:; font-src 'self'; \
     object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

const PAGE_HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, WEB_APP_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), autoplay=(self), fullscreen=(self), \
         screen-wake-lock=(self), geolocation=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// What programs read is no page: nothing in it is loaded, run or framed, whatever it is taken for.
const DATA_HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Adds the security headers that an answer does not set itself.
pub fn harden(headers: &mut HeaderMap) {
    let wanted = if is_data(headers) { &DATA_HEADERS[..] } else { &PAGE_HEADERS };
    for (name, value) in wanted {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

fn is_data(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    kind.starts_with(b"application/json") || kind.starts_with(b"application/problem+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_data_have_their_own_policies_and_an_answer_may_set_its_own() {
        let policy = |kind: &'static str, own: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            if let Some(own) = own {
                headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(own));
            }
            harden(&mut headers);
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
        };
        assert!(policy("text/html", None).contains("script-src 'self'"));
        assert!(policy("application/problem+json", None).starts_with("default-src 'none'"));
        assert_eq!(policy("text/html", Some("default-src 'none'")), "default-src 'none'");
    }
}
