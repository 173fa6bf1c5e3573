//! The key pair of the suite, and admissions signed with it as the router signs them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use convene_protocol::admin::RoomSettings;
use convene_protocol::admission::{Admission, MeetingGrant, ParticipantGrant, Signer};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use serde_json::json;

const KID: &str = "attack";
/// Namespace of all meetings of the suite.
pub(crate) const NAMESPACE: &str = "attack";

/// Signs admissions; the pod trusts the public key.
#[derive(Clone)]
pub(crate) struct Keys {
    signer: Signer,
    jwks: String,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let signing = SigningKey::from_bytes(&rand::random());
        let pem = signing.to_pkcs8_pem(LineEnding::LF).expect("a new key can be encoded");
        let public = BASE64_URL_SAFE_NO_PAD.encode(signing.verifying_key().as_bytes());
        let jwks = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": public, "kid": KID }] }).to_string();
        let signer = Signer::from_pem(&pem, KID).expect("the key is Ed25519 in PKCS#8");
        Self { signer, jwks }
    }

    pub(crate) fn jwks(&self) -> &str {
        &self.jwks
    }

    /// A new admission for one participant.
    pub(crate) fn admit(&self, meeting: &MeetingGrant, participant: &ParticipantGrant) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let jti = format!("jti-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let admission = Admission { meeting: meeting.clone(), participant: participant.clone(), jti };
        self.signer.admission(&admission, unix_now()).expect("the key signs")
    }

    pub(crate) fn admin(&self) -> String {
        self.signer.admin(unix_now()).expect("the key signs")
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A meeting whose room ends one second after the last participant left.
pub(crate) fn meeting(name: &str) -> MeetingGrant {
    MeetingGrant {
        namespace: NAMESPACE.into(),
        name: name.into(),
        uid: format!("uid-{name}"),
        settings: RoomSettings {
            title: name.into(),
            max_participants: 100,
            empty_timeout_seconds: 1,
            ..RoomSettings::default()
        },
        ..MeetingGrant::default()
    }
}

/// A guest without any proof.
pub(crate) fn anonymous() -> ParticipantGrant {
    ParticipantGrant::default()
}

/// A guest with a guest id, at an address.
pub(crate) fn guest(id: &str, address: &str) -> ParticipantGrant {
    ParticipantGrant { guest: Some(id.into()), address: Some(address.into()), ..anonymous() }
}

/// A participant with an identity, at an address.
pub(crate) fn identity(id: &str, address: &str) -> ParticipantGrant {
    ParticipantGrant { identity: Some(id.into()), address: Some(address.into()), ..anonymous() }
}

pub(crate) fn moderator(participant: ParticipantGrant) -> ParticipantGrant {
    ParticipantGrant { moderator: true, ..participant }
}
