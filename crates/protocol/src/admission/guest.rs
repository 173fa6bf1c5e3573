//! Guest ids: proof that a guest is the same one as before, without an account.
//!
//! A router gives each browser one random id, in a cookie that it signs with the admission key. A media pod gets another id for
//! each meeting, so that guests cannot be correlated across meetings. Cookies grant no access: they have their own audience.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::AdmissionError;
use super::grant::short_digest;
#[cfg(feature = "verify")]
use super::keys::KeySet;
use super::signer::Signer;
use crate::id::format_id;
#[cfg(feature = "verify")]
use crate::id::is_id;

/// Audience of guest cookies.
const GUEST_AUDIENCE: &str = "convene-guest";
/// Seconds for which a guest cookie is valid.
pub const GUEST_SECONDS: u64 = 30 * 24 * 3600;
/// Maximum length of a guest cookie, in bytes. Cookies of routers have about 300.
pub const MAX_GUEST_BYTES: usize = 1024;

/// The id of one browser, the same in all meetings. It stays between the router and that browser.
#[derive(Clone, PartialEq, Eq)]
pub struct GuestId(String);

#[derive(Serialize, Deserialize)]
struct GuestBody {
    id: String,
}

impl GuestId {
    /// An id of 128 random bits.
    pub fn new(random: u128) -> Self {
        Self(format_id(random))
    }

    /// The id of this guest in the meeting with that uid: it differs between meetings and cannot be traced back to this id.
    pub fn in_meeting(&self, uid: &str) -> String {
        short_digest(&format!("{}{uid}", self.0))
    }

    #[cfg(feature = "verify")]
    fn read(id: String) -> Result<Self, AdmissionError> {
        if is_id(&id) { Ok(Self(id)) } else { Err(AdmissionError::Invalid) }
    }
}

impl fmt::Debug for GuestId {
    /// Without the id, which is a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("GuestId(..)")
    }
}

impl Signer {
    /// The value of a guest cookie, valid for [`GUEST_SECONDS`] from `now` (Unix seconds).
    pub fn guest(&self, id: &GuestId, now: u64) -> Result<String, AdmissionError> {
        self.sign_for(GUEST_AUDIENCE, GuestBody { id: id.0.clone() }, now, GUEST_SECONDS)
    }
}

#[cfg(feature = "verify")]
impl KeySet {
    /// The guest's id in a cookie that is valid at `now`, and when the cookie expires (both Unix seconds).
    pub fn verify_guest(&self, cookie: &str, now: u64) -> Result<(GuestId, u64), AdmissionError> {
        if cookie.len() > MAX_GUEST_BYTES {
            return Err(AdmissionError::Malformed);
        }
        let (GuestBody { id }, end) = self.verify_with_end(cookie, GUEST_AUDIENCE, now)?;
        Ok((GuestId::read(id)?, end))
    }
}

#[cfg(test)]
#[cfg(feature = "verify")]
mod tests {
    use super::super::tests::{NOW, PEM, keys, signer};
    use super::super::{CLOCK_SKEW_SECONDS, JoinTicket, ParticipantGrant};
    use super::*;

    #[test]
    fn a_cookie_gives_its_id_for_thirty_days_and_opens_nothing() {
        let (signer, keys) = (signer(), keys());
        let id = GuestId::new(7);
        let cookie = signer.guest(&id, NOW).unwrap();
        assert!(cookie.len() < MAX_GUEST_BYTES / 2, "{} bytes", cookie.len());
        let last = NOW + GUEST_SECONDS + CLOCK_SKEW_SECONDS - 1;
        assert_eq!(keys.verify_guest(&cookie, last), Ok((id, NOW + GUEST_SECONDS)));
        assert_eq!(keys.verify_guest(&cookie, last + 1), Err(AdmissionError::Expired));
        assert_eq!(keys.verify_ticket(&cookie, NOW), Err(AdmissionError::Invalid));
        assert_eq!(
            keys.verify_admission_with_end(&cookie, NOW).map(|(admission, _)| admission),
            Err(AdmissionError::Invalid)
        );
        assert_eq!(keys.verify_admin(&cookie, NOW), Err(AdmissionError::Invalid));
    }

    #[test]
    fn other_tokens_of_the_same_key_and_ids_of_another_form_are_no_cookies() {
        let (signer, keys) = (signer(), keys());
        let participant = ParticipantGrant::default();
        let ticket =
            JoinTicket { namespace: "a".into(), name: "b".into(), uid: "u".into(), participant, vouched: None };
        let foreign = Signer::from_pem(PEM, "other").unwrap().guest(&GuestId::new(1), NOW).unwrap();
        assert_eq!(keys.verify_guest(&foreign, NOW), Err(AdmissionError::UnknownKey));
        for token in [signer.ticket(&ticket, NOW).unwrap(), signer.admin(NOW).unwrap()] {
            assert_eq!(keys.verify_guest(&token, NOW), Err(AdmissionError::Invalid));
        }
        for id in ["", "7", &"A".repeat(32), &"g".repeat(32), &"a".repeat(33)] {
            let token = signer.sign_for(GUEST_AUDIENCE, GuestBody { id: id.to_owned() }, NOW, 60).unwrap();
            assert_eq!(keys.verify_guest(&token, NOW), Err(AdmissionError::Invalid), "{id}");
        }
        let long = signer.sign_for(GUEST_AUDIENCE, GuestBody { id: "a".repeat(MAX_GUEST_BYTES) }, NOW, 60).unwrap();
        assert_eq!(keys.verify_guest(&long, NOW), Err(AdmissionError::Malformed));
    }

    #[test]
    fn each_meeting_knows_a_guest_by_another_id_and_no_debug_output_holds_one() {
        let (ada, bob) = (GuestId::new(1), GuestId::new(2));
        let ids =
            [ada.in_meeting("u-1"), ada.in_meeting("u-2"), bob.in_meeting("u-1"), bob.in_meeting("u-2"), ada.0.clone()];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!((distinct.len(), ids[0].len()), (ids.len(), 32));
        assert_eq!(ada.in_meeting("u-1"), GuestId::new(1).in_meeting("u-1"));
        assert!(!format!("{ada:?}").contains('1'));
    }
}
