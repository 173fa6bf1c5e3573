//! Tickets: issued by the join API, so that an application's join token is presented once and not at every reconnection.
//!
//! Routers sign and verify them with the admission key, so any replica accepts the tickets of another; media pods refuse them,
//! because they have a different audience.

use serde::{Deserialize, Serialize};

use super::error::AdmissionError;
use super::grant::ParticipantGrant;
#[cfg(feature = "verify")]
use super::keys::KeySet;
use super::signer::Signer;

/// Audience of tickets.
const JOIN_AUDIENCE: &str = "convene-join";
/// Seconds for which a ticket opens connections.
pub const TICKET_SECONDS: u64 = 600;
/// Seconds after its end for which a ticket still proves that the same participant returns.
pub const RETURN_SECONDS: u64 = 24 * 3600;

/// A participant who may connect to a meeting, as the router has decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinTicket {
    /// Namespace of the Meeting.
    pub namespace: String,
    /// Name of the Meeting.
    pub name: String,
    /// Uid of the Meeting: a ticket does not outlive the object it was issued for.
    pub uid: String,
    /// The participant.
    pub participant: ParticipantGrant,
    /// For an identity: the join token that originally vouched for it. Without it this ticket cannot be renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched: Option<Vouched>,
}

/// The join token that a chain of tickets began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vouched {
    /// When it was presented, in Unix seconds.
    pub at: u64,
    /// Name (`kid`) of the join key that it was verified with.
    pub key: String,
}

impl Signer {
    /// A ticket, valid for [`TICKET_SECONDS`] from `now` (Unix seconds).
    pub fn ticket(&self, ticket: &JoinTicket, now: u64) -> Result<String, AdmissionError> {
        self.sign_for(JOIN_AUDIENCE, ticket, now, TICKET_SECONDS)
    }
}

#[cfg(feature = "verify")]
impl KeySet {
    /// The ticket in `token`, if it is valid at `now` (Unix seconds). The error [`AdmissionError::UnknownKey`] means
    /// that the key it names is not among these keys.
    pub fn verify_ticket(&self, token: &str, now: u64) -> Result<JoinTicket, AdmissionError> {
        self.verify(token, JOIN_AUDIENCE, now)
    }

    /// The same for a ticket that may have expired up to [`RETURN_SECONDS`] ago. It no longer grants access: it only proves which
    /// participant returns.
    pub fn verify_returning_ticket(&self, token: &str, now: u64) -> Result<JoinTicket, AdmissionError> {
        self.verify_late(token, JOIN_AUDIENCE, now, RETURN_SECONDS).map(|(ticket, _)| ticket)
    }
}

#[cfg(test)]
#[cfg(feature = "verify")]
mod tests {
    use super::super::tests::{NOW, PEM, keys, signer};
    use super::super::{Admission, CLOCK_SKEW_SECONDS, MeetingGrant};
    use super::*;
    use crate::admin::RoomSettings;

    #[test]
    fn a_ticket_comes_back_as_signed_for_ten_minutes_and_is_no_admission() {
        let (signer, keys) = (signer(), keys());
        let participant =
            ParticipantGrant { identity: Some("ada".into()), moderator: true, ..ParticipantGrant::default() };
        let ticket = JoinTicket {
            namespace: "team-a".into(),
            name: "board".into(),
            uid: "u".into(),
            participant,
            vouched: None,
        };
        let token = signer.ticket(&ticket, NOW).unwrap();
        let last = NOW + TICKET_SECONDS + CLOCK_SKEW_SECONDS - 1;
        assert_eq!(keys.verify_ticket(&token, last), Ok(ticket));
        assert_eq!(keys.verify_ticket(&token, last + 1), Err(AdmissionError::Expired));
        assert_eq!(keys.verify_returning_ticket(&token, last + RETURN_SECONDS), keys.verify_ticket(&token, NOW));
        assert_eq!(keys.verify_returning_ticket(&token, last + RETURN_SECONDS + 1), Err(AdmissionError::Expired));
        assert_eq!(
            keys.verify_admission_with_end(&token, NOW).map(|(admission, _)| admission),
            Err(AdmissionError::Invalid)
        );
        assert_eq!(keys.verify_admin(&token, NOW), Err(AdmissionError::Invalid));
        let other =
            Signer::from_pem(PEM, "other").unwrap().ticket(&keys.verify_ticket(&token, NOW).unwrap(), NOW).unwrap();
        assert_eq!(keys.verify_ticket(&other, NOW), Err(AdmissionError::UnknownKey));
        assert_eq!(keys.verify_ticket(&signer.admin(NOW).unwrap(), NOW), Err(AdmissionError::Invalid));
    }

    #[test]
    fn the_longest_names_of_all_fit_into_tickets_and_admissions() {
        let (signer, keys) = (signer(), keys());
        let participant = ParticipantGrant {
            identity: Some("😀".repeat(200)),
            name: Some("😀".repeat(200)),
            once: Some("o".repeat(253 + 1 + 128)),
            guest: Some("g".repeat(32)),
            address: Some("ffff:ffff:ffff:ffff::".into()),
            viewer: true,
            ..ParticipantGrant::default()
        };
        let (namespace, name, uid) = ("n".repeat(63), "m".repeat(253), "u".repeat(36));
        let meeting = MeetingGrant {
            namespace: namespace.clone(),
            name: name.clone(),
            uid: uid.clone(),
            // The title in the longest JSON escape of a character.
            settings: RoomSettings {
                title: "\u{1}".repeat(200),
                max_participants: 10_000,
                empty_timeout_seconds: 86_400,
                locked: true,
            },
            codecs: ["opus", "VP8", "VP9", "H264", "AV1", "PCMU", "PCMA"].map(ToOwned::to_owned).to_vec(),
            returning_until: Some(u64::MAX),
            ..MeetingGrant::default()
        };
        let vouched = Some(Vouched { at: u64::MAX, key: "k".repeat(253) });
        let ticket = JoinTicket { namespace, name, uid, participant: participant.clone(), vouched };
        let token = signer.ticket(&ticket, NOW).unwrap();
        assert_eq!(keys.verify_ticket(&token, NOW), Ok(ticket));
        let admission = Admission { meeting, participant, jti: "j".repeat(32) };
        let token = signer.admission(&admission, NOW).unwrap();
        assert_eq!(keys.verify_admission_with_end(&token, NOW).map(|(admission, _)| admission), Ok(admission));
    }
}
