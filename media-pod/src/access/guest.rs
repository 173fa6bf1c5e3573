//! Guests of a standalone pod (--dev): a signed cookie that identifies a browser, and the grant derived from it. Pure except for random
//! keys and ids.
//!
//! A cookie proves only that its browser has visited before; its value never reaches other participants or the log.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderValue, header};
use convene_protocol::admission::ParticipantGrant;
use convene_service::prefix::client_prefix;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// Name of the cookie.
const COOKIE: &str = "convene-guest";
/// How long a browser keeps the cookie.
const MAX_AGE_SECONDS: u32 = 24 * 60 * 60;
/// Bytes of a guest's id.
const ID_BYTES: usize = 16;
/// Bytes of a signature.
const MAC_BYTES: usize = 32;
/// Maximum number of cookies with this name that are checked: other programs on this host may have set some.
const MAX_COOKIES: usize = 8;

/// Signs the cookies of one process; the next process does not accept them.
#[derive(Clone)]
pub struct GuestKey([u8; 32]);

impl std::fmt::Debug for GuestKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("GuestKey")
    }
}

impl GuestKey {
    /// A new random key.
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// The `Set-Cookie` value for a browser without a valid cookie.
    pub(crate) fn cookie_for(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        self.read(headers).is_none().then(|| self.cookie(rand::random()))
    }

    fn cookie(&self, id: [u8; ID_BYTES]) -> HeaderValue {
        let signature = self.mac(&id).finalize().into_bytes();
        let value = format!("{}{}", hex(&id), hex(&signature));
        let cookie = format!("{COOKIE}={value}; Path=/; Max-Age={MAX_AGE_SECONDS}; HttpOnly; SameSite=Lax");
        HeaderValue::try_from(cookie).expect("hexadecimal digits are valid in a header")
    }

    /// The guest id from the request's cookies. Cookies not signed with this key are ignored.
    fn read(&self, headers: &HeaderMap) -> Option<[u8; ID_BYTES]> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let values = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value);
        values.take(MAX_COOKIES).find_map(|value| self.verify(value))
    }

    fn verify(&self, value: &str) -> Option<[u8; ID_BYTES]> {
        let bytes: [u8; ID_BYTES + MAC_BYTES] = unhex(value)?;
        let (id, signature) = bytes.split_first_chunk()?;
        self.mac(id).verify_slice(signature).ok().map(|()| *id)
    }

    fn mac(&self, id: &[u8; ID_BYTES]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.chain_update(id)
    }
}

/// What is known about the browser that sends a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Visitor {
    id: Option<[u8; ID_BYTES]>,
    address: Option<IpAddr>,
}

impl Visitor {
    /// The visitor of a request.
    pub(crate) fn of(key: &GuestKey, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        Self { id: key.read(headers), address: peer.map(|peer| peer.0.ip()) }
    }

    /// The grant of a visitor: without admissions everyone moderates, and may receive plain RTP.
    pub(crate) fn grant(&self, namespace: &str, name: &str) -> ParticipantGrant {
        ParticipantGrant {
            moderator: true,
            receive_plain: true,
            guest: self.id.map(|id| guest_in(&id, namespace, name)),
            address: self.address.map(|address| client_prefix(address).to_string()),
            ..ParticipantGrant::default()
        }
    }
}

/// A guest's id in a meeting; it differs between meetings, so that guests cannot be correlated across them.
fn guest_in(id: &[u8; ID_BYTES], namespace: &str, name: &str) -> String {
    let digest = Sha256::new().chain_update(hex(id)).chain_update(namespace).chain_update("/").chain_update(name);
    hex(&digest.finalize()[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Decodes exactly `2 * BYTES` lower-case hexadecimal digits.
fn unhex<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let is_hex = text.len() == 2 * BYTES && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; BYTES];
    for (index, byte) in bytes.iter_mut().enumerate().filter(|_| is_hex) {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    is_hex.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: [u8; ID_BYTES] = *b"0123456789abcdef";

    fn key(byte: u8) -> GuestKey {
        GuestKey([byte; 32])
    }

    /// `name=value` of a cookie, as a browser sends it back.
    fn pair(key: &GuestKey) -> String {
        let cookie = key.cookie(ID);
        cookie.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap())).collect()
    }

    #[test]
    fn a_cookie_is_for_this_site_and_no_script() {
        let cookie = key(1).cookie(ID);
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("convene-guest=30313233343536373839616263646566"), "{cookie}");
        assert!(cookie.ends_with("; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"), "{cookie}");
        assert_eq!(pair(&key(1)).len(), "convene-guest=".len() + 2 * (ID_BYTES + MAC_BYTES));
    }

    #[test]
    fn only_cookies_of_this_key_count_wherever_they_stand() {
        let (ours, foreign) = (pair(&key(1)), pair(&key(2)));
        let forged = ours.replace("=3", "=4");
        let longer = format!("{ours}0");
        let cases: [(&[&str], bool); 10] = [
            (&[&ours], true),
            (&[&format!("a=b; {ours}; c=d")], true),
            (&["a=b", &ours], true),
            (&[&format!("{foreign}; {ours}")], true),
            (&[], false),
            (&[&foreign], false),
            (&[&forged], false),
            (&[&longer], false),
            (&[&ours.to_uppercase()], false),
            (&["convene-guest=", "convene-guest", ";;=", "convene-guest=é"], false),
        ];
        for (lines, expected) in cases {
            let headers = headers(lines);
            assert_eq!(key(1).read(&headers), expected.then_some(ID), "{lines:?}");
            assert_eq!(key(1).cookie_for(&headers).is_none(), expected, "renewed only where none counts: {lines:?}");
        }
        let flood = [foreign.as_str(); MAX_COOKIES];
        assert_eq!(key(1).read(&headers(&[&flood[..], &[&ours]].concat())), None, "not all of a flood are tried");
    }

    #[test]
    fn a_guest_has_a_different_id_in_every_meeting_and_the_same_when_it_returns() {
        let visitor = Visitor { id: Some(ID), address: None };
        let guest = |namespace, name| visitor.grant(namespace, name).guest.unwrap();
        assert_eq!(guest("", "hello"), guest("", "hello"));
        assert_eq!(guest("", "hello").len(), 32);
        assert_ne!(guest("", "hello"), guest("", "other"));
        assert_ne!(guest("team", "hello"), guest("", "team/hello/"));
        assert_eq!(Visitor::default().grant("", "hello").guest, None);
        assert!(Visitor::default().grant("", "hello").moderator);
    }

    #[test]
    fn an_address_is_that_of_the_connection_as_far_as_it_names_one_household() {
        let cases = [
            ("192.0.2.7:5", "192.0.2.7"),
            ("[::ffff:192.0.2.7]:5", "192.0.2.7"),
            ("[2001:db8:1:2:3:4:5:6]:5", "2001:db8:1:2::"),
            ("[::1]:5", "::"),
        ];
        for (peer, expected) in cases {
            let mut extensions = Extensions::new();
            extensions.insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
            let visitor = Visitor::of(&key(1), &HeaderMap::new(), &extensions);
            assert_eq!(visitor.grant("", "x").address.as_deref(), Some(expected), "{peer}");
        }
        assert_eq!(Visitor::of(&key(1), &HeaderMap::new(), &Extensions::new()), Visitor::default());
    }

    proptest! {
        #[test]
        fn no_cookie_that_was_not_made_counts(line in "(convene-guest=)?[ -~]{0,120}") {
            prop_assert_eq!(key(1).read(&headers(&[&line])), None);
        }

        #[test]
        fn digits_give_the_bytes_that_made_them(bytes: [u8; 16]) {
            prop_assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        }
    }
}
