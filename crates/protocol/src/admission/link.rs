//! Tickets for links between media pods: the operator signs which pod may use the media workers of which other one, for which meeting. The pod
//! that has the room shows the ticket to the other one, whose certificate it knows from the operator.
//!
//! Their audience differs from that of all other tokens.

use serde::{Deserialize, Serialize};

use super::error::AdmissionError;
#[cfg(feature = "verify")]
use super::keys::KeySet;
use super::signer::Signer;

/// Audience of link tickets.
const LINK_AUDIENCE: &str = "convene-pod-link";

/// The grant of a link ticket: one link, for one meeting, from one pod to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkGrant {
    /// Uid of the Meeting.
    pub room: String,
    /// Grows with each pod that has the meeting: a pod that had it earlier gets nothing new.
    pub epoch: u64,
    /// Uid of the Pod that has the room.
    pub home: String,
    /// Uid of the Pod whose media workers it may use.
    pub site: String,
    /// SHA-256 of the certificate of that pod's process ([`LinkPoint::fingerprint`](crate::admin::LinkPoint::fingerprint)): another process
    /// does not know which tickets have been used.
    pub fingerprint: String,
    /// Identifies the ticket, which is used once.
    pub jti: String,
}

impl Signer {
    /// A link ticket, valid for [`LIFETIME_SECONDS`](super::LIFETIME_SECONDS) from `now` (Unix seconds).
    pub fn link(&self, grant: &LinkGrant, now: u64) -> Result<String, AdmissionError> {
        self.sign(LINK_AUDIENCE, grant, now)
    }
}

#[cfg(feature = "verify")]
impl KeySet {
    /// The grant of a ticket for the pod with the uid `site`, and its expiry (both times in Unix seconds).
    pub fn verify_link(&self, token: &str, site: &str, now: u64) -> Result<(LinkGrant, u64), AdmissionError> {
        let (grant, end) = self.verify_with_end::<LinkGrant>(token, LINK_AUDIENCE, now)?;
        if grant.site == site { Ok((grant, end)) } else { Err(AdmissionError::Elsewhere) }
    }
}

#[cfg(test)]
#[cfg(feature = "verify")]
mod tests {
    use super::super::tests::{NOW, keys, signer};
    use super::*;

    #[test]
    fn a_ticket_is_for_one_pod_and_opens_nothing_else() {
        let (signer, keys) = (signer(), keys());
        let (home, site) = ("a".into(), "b".into());
        let grant = LinkGrant { room: "r".into(), epoch: 3, home, site, fingerprint: "f".into(), jti: "1".into() };
        let token = signer.link(&grant, NOW).unwrap();
        assert_eq!(keys.verify_link(&token, "b", NOW).map(|(grant, _)| grant), Ok(grant));
        assert_eq!(keys.verify_link(&token, "a", NOW).err(), Some(AdmissionError::Elsewhere));
        assert_eq!(keys.verify_link(&token, "b", NOW + 1000).err(), Some(AdmissionError::Expired));
        assert_eq!(keys.verify_admin(&token, NOW), Err(AdmissionError::Invalid));
        assert_eq!(keys.verify_handover(&token, "b", "r", NOW), Err(AdmissionError::Invalid));
        for other in [signer.admin(NOW).unwrap(), signer.handover("b", "r", NOW).unwrap()] {
            assert_eq!(keys.verify_link(&other, "b", NOW).err(), Some(AdmissionError::Invalid));
        }
    }
}
