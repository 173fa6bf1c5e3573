//! Tokens for moving a meeting between media pods. Unlike other admin tokens they are bound to one pod and one room, because what they open
//! contains what the people of a meeting wrote and who they are.
//!
//! Their audience differs from that of other admin tokens, so neither opens what is for the other.

use serde::{Deserialize, Serialize};

use super::error::AdmissionError;
#[cfg(feature = "verify")]
use super::keys::KeySet;
use super::signer::Signer;

/// Audience of handover tokens.
const HANDOVER_AUDIENCE: &str = "convene-pod-handover";

#[derive(Serialize, Deserialize)]
struct HandoverBody {
    /// Uid of the Pod.
    pod: String,
    /// Uid of the Meeting.
    room: String,
}

impl Signer {
    /// A token for moving the room of the Meeting with the uid `room` to or from the Pod with the uid `pod`, valid for
    /// [`LIFETIME_SECONDS`](super::LIFETIME_SECONDS) from `now` (Unix seconds).
    pub fn handover(&self, pod: &str, room: &str, now: u64) -> Result<String, AdmissionError> {
        self.sign(HANDOVER_AUDIENCE, HandoverBody { pod: pod.to_owned(), room: room.to_owned() }, now)
    }
}

#[cfg(feature = "verify")]
impl KeySet {
    /// Whether `token` opens the handover of that room on that pod at `now` (Unix seconds).
    pub fn verify_handover(&self, token: &str, pod: &str, room: &str, now: u64) -> Result<(), AdmissionError> {
        let body = self.verify::<HandoverBody>(token, HANDOVER_AUDIENCE, now)?;
        if body.pod == pod && body.room == room { Ok(()) } else { Err(AdmissionError::Elsewhere) }
    }
}

#[cfg(test)]
#[cfg(feature = "verify")]
mod tests {
    use super::super::tests::{NOW, keys, signer};
    use super::*;

    #[test]
    fn a_handover_token_is_for_one_pod_and_one_room_and_no_other_route() {
        let (signer, keys) = (signer(), keys());
        let token = signer.handover("pod-1", "room-1", NOW).unwrap();
        assert_eq!(keys.verify_handover(&token, "pod-1", "room-1", NOW), Ok(()));
        for (pod, room) in [("pod-2", "room-1"), ("pod-1", "room-2"), ("", "")] {
            assert_eq!(keys.verify_handover(&token, pod, room, NOW), Err(AdmissionError::Elsewhere));
        }
        assert_eq!(keys.verify_handover(&token, "pod-1", "room-1", NOW + 1000), Err(AdmissionError::Expired));
        assert_eq!(keys.verify_admin(&token, NOW), Err(AdmissionError::Invalid));
        let admin = signer.admin(NOW).unwrap();
        assert_eq!(keys.verify_handover(&admin, "pod-1", "room-1", NOW), Err(AdmissionError::Invalid));
    }
}
