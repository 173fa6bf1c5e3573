//! Security headers of responses: what browsers may do with a page, and that data is not a page.
//!
//! It never sets cookies and knows no routes.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::http::origin::AllowedOrigins;

/// The web app loads scripts, styles, sockets and media from its own origin and from memory, and nothing else.
const WEB_APP_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data: blob:; media-src 'self' blob: mediastream:; worker-src 'self' blob:; font-src 'self'; \
     object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors ";

/// Where the app is embedded, the `allow` attribute of the embedding page delegates these permissions to it.
const PAGE_HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), autoplay=(self), fullscreen=(self), \
         screen-wake-lock=(self), geolocation=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Data for programs is not a page: browsers must not load, run or frame any of it.
const DATA_HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// The security headers of one program.
#[derive(Clone, Debug)]
pub struct SecurityHeaders {
    /// The content security policy of pages.
    policy: HeaderValue,
}

impl Default for SecurityHeaders {
    /// Only pages of the program itself may embed its pages.
    fn default() -> Self {
        Self::new(&AllowedOrigins::default())
    }
}

impl SecurityHeaders {
    /// Pages of `embedders` may embed the program's pages in a frame, besides its own.
    pub fn new(embedders: &AllowedOrigins) -> Self {
        let policy = HeaderValue::try_from(format!("{WEB_APP_POLICY}{}", embedders.sources()));
        Self { policy: policy.expect("origins are visible ASCII") }
    }

    /// Adds the security headers that the response does not set itself.
    pub fn harden(&self, headers: &mut HeaderMap) {
        if is_data(headers) {
            return add(headers, &DATA_HEADERS);
        }
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert_with(|| self.policy.clone());
        add(headers, &PAGE_HEADERS);
    }
}

fn add(headers: &mut HeaderMap, wanted: &[(HeaderName, &'static str)]) {
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
            SecurityHeaders::default().harden(&mut headers);
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
        };
        assert!(policy("text/html", None).contains("script-src 'self'"));
        assert!(policy("application/problem+json", None).starts_with("default-src 'none'"));
        assert_eq!(policy("text/html", Some("default-src 'none'")), "default-src 'none'");
    }

    #[test]
    fn pages_are_embedded_by_the_own_pages_and_by_those_that_are_named() {
        let ancestors = |embedders: &[&str], kind: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            SecurityHeaders::new(&AllowedOrigins::parse(embedders.iter().copied()).unwrap()).harden(&mut headers);
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
            policy.split("frame-ancestors ").nth(1).unwrap().to_owned()
        };
        assert_eq!(ancestors(&[], "text/html"), "'self'");
        let named = ["https://App.example.org", "http://localhost:3000"];
        assert_eq!(ancestors(&named, "text/html"), "'self' https://app.example.org http://localhost:3000");
        assert_eq!(ancestors(&["*", "https://app.example.org"], "text/html"), "*");
        assert_eq!(ancestors(&["*"], "application/json"), "'none'", "data is never framed");
    }
}
