//! The guest cookie: reads the id of a returning guest from a request, and builds the header that sets it.
//!
//! A cookie that is forged, foreign, expired or too long is ignored and not logged. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use axum::http::{HeaderMap, HeaderValue, header};
use convene_protocol::admission::{GUEST_SECONDS, GuestId, KeySet, MAX_GUEST_BYTES, Signer};
use convene_service::http::origin::is_own_page_secure;

use crate::edge::client::{ClientInfo, Scheme};

/// Name of the cookie over HTTP.
const PLAIN_NAME: &str = "convene-guest";
/// Name over HTTPS. Browsers accept a cookie with this prefix only from the host itself, so that another host of the domain cannot set it.
const SECURE_NAME: &str = "__Host-convene-guest";
/// Age after which a cookie is replaced.
const REFRESH_SECONDS: u64 = 24 * 3600;
/// Maximum number of cookies with the name that are tried; there should be one.
const MAX_TRIED: usize = 4;

/// A valid guest cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GuestCookie {
    /// The browser's id.
    pub(crate) id: GuestId,
    /// When the cookie expires (Unix seconds).
    pub(crate) end: u64,
}

impl GuestCookie {
    /// The cookie of the request, if it has a valid one.
    pub(crate) fn of(headers: &HeaderMap, client: &ClientInfo, keys: &KeySet, now: u64) -> Option<Self> {
        let name = name(is_secure(headers, client));
        cookies(headers, name).take(MAX_TRIED).find_map(|value| {
            let (id, end) = keys.verify_guest(value, now).ok()?;
            Some(Self { id, end })
        })
    }

    /// Whether the cookie need not be replaced yet.
    fn is_fresh(&self, now: u64) -> bool {
        self.end.saturating_sub(now) > GUEST_SECONDS - REFRESH_SECONDS
    }
}

/// The header that sets the cookie; `None` if the cookie is fresh, or the page is of another origin: there only the ticket carries the id.
pub(crate) fn build_set_cookie(
    id: &GuestId,
    held: Option<&GuestCookie>,
    headers: &HeaderMap,
    client: &ClientInfo,
    (signer, now): (&Signer, u64),
) -> Option<HeaderValue> {
    let is_of_other_origin =
        headers.contains_key(header::ORIGIN) && is_own_page_secure(headers, client.host.as_deref()).is_none();
    if is_of_other_origin || held.is_some_and(|cookie| cookie.id == *id && cookie.is_fresh(now)) {
        return None;
    }
    write(&signer.guest(id, now).ok()?, is_secure(headers, client))
}

fn write(token: &str, is_secure: bool) -> Option<HeaderValue> {
    let (name, secure) = (name(is_secure), if is_secure { "; Secure" } else { "" });
    let text = format!("{name}={token}; Path=/; Max-Age={GUEST_SECONDS}; HttpOnly; SameSite=Lax{secure}");
    let mut value = HeaderValue::try_from(text).ok()?;
    // Keeps the id out of Debug output.
    value.set_sensitive(true);
    Some(value)
}

fn name(is_secure: bool) -> &'static str {
    if is_secure { SECURE_NAME } else { PLAIN_NAME }
}

/// The origin of a page on the same host reveals the scheme, even if TLS is terminated by a proxy that is not trusted.
fn is_secure(headers: &HeaderMap, client: &ClientInfo) -> bool {
    client.scheme == Scheme::Https || is_own_page_secure(headers, client.host.as_deref()) == Some(true)
}

fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(found, value)| *found == name && value.len() <= MAX_GUEST_BYTES).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;
    use proptest::prelude::*;

    use super::*;
    use crate::edge::client::TrustedProxies;
    use crate::fixtures::admission_key;

    const NOW: u64 = 1_800_000_000;

    fn pair(kid: &str) -> (Signer, KeySet) {
        let key = admission_key(kid);
        (Signer::from_pem(&key.pem, &key.kid).unwrap(), KeySet::from_jwks(&key.jwks).unwrap())
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    /// The guest id in a request with these headers, and the cookie that its response sets.
    fn seen(lines: &[(&'static str, &str)], scheme: Scheme) -> (Option<GuestId>, Option<String>) {
        let (signer, keys) = pair("kid-1");
        let mut headers = headers(lines);
        headers.insert(header::HOST, HeaderValue::from_static("meet.example.org"));
        let client = ClientInfo::of(None, scheme, &headers, &TrustedProxies::default());
        let held = GuestCookie::of(&headers, &client, &keys, NOW);
        let id = held.as_ref().map_or_else(|| GuestId::new(9), |cookie| cookie.id.clone());
        let set = build_set_cookie(&id, held.as_ref(), &headers, &client, (&signer, NOW));
        (held.map(|cookie| cookie.id), set.map(|value| value.to_str().unwrap().to_owned()))
    }

    #[test]
    fn a_cookie_that_proves_nothing_counts_as_none() {
        let ((signer, _), (stranger, _)) = (pair("kid-1"), pair("kid-2"));
        let good = signer.guest(&GuestId::new(1), NOW).unwrap();
        let (head, body) = good.rsplit_once('.').unwrap();
        let cases = [
            ("good", format!("convene-guest={good}"), true),
            ("among others", format!("a=b; convene-guest={good}; c=d"), true),
            ("after a broken one", format!("convene-guest=x; convene-guest={good}"), true),
            ("after too many broken ones", format!("{}convene-guest={good}", "convene-guest=x; ".repeat(4)), false),
            ("none", "a=b".to_owned(), false),
            ("another name", format!("convene-guest2={good}"), false),
            ("the name of https", format!("__Host-convene-guest={good}"), false),
            ("empty", "convene-guest=".to_owned(), false),
            ("garbage", "convene-guest=a.b.c; ;;==".to_owned(), false),
            ("changed", format!("convene-guest={head}.A{body}"), false),
            ("another key", format!("convene-guest={}", stranger.guest(&GuestId::new(1), NOW).unwrap()), false),
            (
                "expired",
                format!("convene-guest={}", signer.guest(&GuestId::new(1), NOW - GUEST_SECONDS - 60).unwrap()),
                false,
            ),
            ("for admins", format!("convene-guest={}", signer.admin(NOW).unwrap()), false),
            ("too long", format!("convene-guest={}", "a".repeat(MAX_GUEST_BYTES + 1)), false),
        ];
        for (name, cookie, is_good) in cases {
            let (id, _) = seen(&[("cookie", &cookie)], Scheme::Http);
            assert_eq!(id, is_good.then(|| GuestId::new(1)), "{name}");
        }
    }

    #[test]
    fn the_cookie_is_set_where_it_is_missing_or_older_than_a_day() {
        let (signer, _) = pair("kid-1");
        let cookie = |age: u64| format!("convene-guest={}", signer.guest(&GuestId::new(1), NOW - age).unwrap());
        for (age, is_set) in [(0, false), (REFRESH_SECONDS - 1, false), (REFRESH_SECONDS, true), (GUEST_SECONDS, true)]
        {
            assert_eq!(seen(&[("cookie", &cookie(age))], Scheme::Http).1.is_some(), is_set, "{age}");
        }
        assert!(seen(&[], Scheme::Http).1.is_some());
        assert!(seen(&[("cookie", "convene-guest=x")], Scheme::Http).1.is_some());
    }

    #[test]
    fn by_https_the_cookie_is_bound_to_the_host_and_other_origins_get_none() {
        let (own, other) = (("origin", "https://meet.example.org"), ("origin", "https://app.example.org"));
        let plain = seen(&[], Scheme::Http).1.unwrap();
        assert!(
            plain.starts_with("convene-guest=") && plain.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax")
        );
        for secure in [seen(&[], Scheme::Https).1.unwrap(), seen(&[own], Scheme::Http).1.unwrap()] {
            assert!(
                secure.starts_with("__Host-convene-guest=") && secure.ends_with("; SameSite=Lax; Secure"),
                "{secure}"
            );
            let value = secure.split(';').next().unwrap();
            assert_eq!(seen(&[("cookie", value), own], Scheme::Http), (Some(GuestId::new(9)), None));
        }
        for scheme in [Scheme::Http, Scheme::Https] {
            assert_eq!(seen(&[other], scheme).1, None);
            assert_eq!(seen(&[("origin", "null")], scheme).1, None);
        }
    }

    proptest! {
        #[test]
        fn no_cookie_but_a_signed_one_gives_an_id(line in "(convene-guest=)?[ -~]{0,120}") {
            prop_assert_eq!(seen(&[("cookie", &line)], Scheme::Http).0, None);
        }
    }
}
