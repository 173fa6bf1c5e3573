//! The ICE credentials of a worker's live transports, by which the guard knows connections that belong to one.
//!
//! Passwords are in no `Debug` output and no error.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mediasoup::prelude::{IceParameters, Transport, WebRtcTransport};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::stun::BindingRequest;

/// Connections of one transport: as many as the worker keeps.
const MOST_CONNECTIONS: usize = 8;
/// The credentials before an ICE restart are good until the client has taken the new ones.
const MOST_FRAGMENTS: usize = 2;

/// All credentials of one worker; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Credentials(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// Transport and password by username fragment.
    by_fragment: HashMap<String, (String, String)>,
    by_transport: HashMap<String, LiveTransport>,
}

struct LiveTransport {
    /// The newest last.
    fragments: Vec<String>,
    ended: CancellationToken,
    connections: Arc<Semaphore>,
}

/// What a connection may use while its transport lives.
#[derive(Debug)]
pub(super) struct Claim {
    /// Cancelled when the transport is gone.
    pub(super) ended: CancellationToken,
    _place: OwnedSemaphorePermit,
}

/// Why a request gets no claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unclaimed {
    /// There is no transport with this username fragment.
    Unknown,
    /// The signature was made with another password.
    Signature,
    /// The transport has as many connections as it may have.
    Full,
}

impl Credentials {
    /// Notes the credentials of a transport until it closes. To be called for every transport of the worker: the callback that mediasoup's
    /// server has for new ones is called for the first one alone.
    pub(crate) fn note(&self, transport: &WebRtcTransport) {
        let id = transport.id().to_string();
        self.add(&id, transport.ice_parameters());
        let credentials = self.clone();
        transport.on_close(Box::new(move || credentials.forget(&id))).detach();
    }

    /// Credentials that a transport has from now on, beside its last ones.
    pub(crate) fn add(&self, transport: &str, parameters: &IceParameters) {
        let IceParameters { username_fragment, password, .. } = parameters;
        self.lock().add(transport, username_fragment, password);
    }

    /// Adds the credentials that an ICE restart gave; a transport that has closed meanwhile stays forgotten.
    pub(crate) fn restarted(&self, transport: &str, parameters: &IceParameters) {
        let mut known = self.lock();
        if known.by_transport.contains_key(transport) {
            known.add(transport, &parameters.username_fragment, &parameters.password);
        }
    }

    fn forget(&self, transport: &str) {
        self.lock().forget(transport);
    }

    /// Ends everything: the worker is gone.
    pub(super) fn clear(&self) {
        let known = std::mem::take(&mut *self.lock());
        known.by_transport.values().for_each(|transport| transport.ended.cancel());
    }

    /// A place on the transport that a request names and is signed for.
    pub(super) fn claim(&self, request: &BindingRequest<'_>) -> Result<Claim, Unclaimed> {
        let known = self.lock();
        let (id, password) = known.by_fragment.get(request.username_fragment).ok_or(Unclaimed::Unknown)?;
        if !request.is_signed_with(password) {
            return Err(Unclaimed::Signature);
        }
        let transport = known.by_transport.get(id).ok_or(Unclaimed::Unknown)?;
        let place = Arc::clone(&transport.connections).try_acquire_owned().map_err(|_| Unclaimed::Full)?;
        Ok(Claim { ended: transport.ended.clone(), _place: place })
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, id: &str, fragment: &str, password: &str) {
        let transport = self.by_transport.entry(id.to_owned()).or_insert_with(|| LiveTransport {
            fragments: Vec::new(),
            ended: CancellationToken::new(),
            connections: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
        });
        transport.fragments.push(fragment.to_owned());
        if transport.fragments.len() > MOST_FRAGMENTS {
            self.by_fragment.remove(&transport.fragments.remove(0));
        }
        self.by_fragment.insert(fragment.to_owned(), (id.to_owned(), password.to_owned()));
    }

    fn forget(&mut self, id: &str) {
        let Some(transport) = self.by_transport.remove(id) else { return };
        transport.ended.cancel();
        for fragment in transport.fragments {
            self.by_fragment.remove(&fragment);
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("transports", &self.lock().by_transport.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::stun::read_first_frame;
    use super::super::stun::tests::frame;
    use super::*;

    fn parameters(fragment: &str, password: &str) -> IceParameters {
        IceParameters { username_fragment: fragment.into(), password: password.into(), ice_lite: Some(true) }
    }

    fn claim(credentials: &Credentials, fragment: &str, password: &str) -> Result<Claim, Unclaimed> {
        let bytes = frame(&format!("{fragment}:client"), password);
        credentials.claim(&read_first_frame(&bytes).unwrap().unwrap())
    }

    fn outcome(credentials: &Credentials, fragment: &str, password: &str) -> Option<Unclaimed> {
        claim(credentials, fragment, password).err()
    }

    #[test]
    fn a_transport_is_known_by_fragment_and_password_until_it_closes() {
        let credentials = Credentials::default();
        credentials.add("t1", &parameters("one", "secret"));
        assert_eq!(outcome(&credentials, "one", "secret"), None);
        assert_eq!(outcome(&credentials, "one", "guess"), Some(Unclaimed::Signature));
        assert_eq!(outcome(&credentials, "two", "secret"), Some(Unclaimed::Unknown));
        let claim = claim(&credentials, "one", "secret").unwrap();
        assert!(!claim.ended.is_cancelled());
        credentials.forget("t1");
        assert!(claim.ended.is_cancelled());
        assert_eq!(outcome(&credentials, "one", "secret"), Some(Unclaimed::Unknown));
    }

    #[test]
    fn an_ice_restart_adds_credentials_and_the_last_ones_stay_good() {
        let credentials = Credentials::default();
        credentials.restarted("t1", &parameters("zero", "p"));
        assert_eq!(outcome(&credentials, "zero", "p"), Some(Unclaimed::Unknown), "it had closed before");
        credentials.add("t1", &parameters("one", "p"));
        credentials.restarted("t1", &parameters("two", "p"));
        assert_eq!((outcome(&credentials, "one", "p"), outcome(&credentials, "two", "p")), (None, None));
        credentials.restarted("t1", &parameters("three", "p"));
        assert_eq!(outcome(&credentials, "one", "p"), Some(Unclaimed::Unknown));
        credentials.forget("t1");
        assert!(credentials.lock().by_fragment.is_empty() && credentials.lock().by_transport.is_empty());
    }

    #[test]
    fn a_transport_has_a_limited_number_of_connections() {
        let credentials = Credentials::default();
        credentials.add("t1", &parameters("one", "p"));
        let mut claims: Vec<_> = (0..MOST_CONNECTIONS).map(|_| claim(&credentials, "one", "p").unwrap()).collect();
        assert_eq!(outcome(&credentials, "one", "p"), Some(Unclaimed::Full));
        claims.pop();
        assert_eq!(outcome(&credentials, "one", "p"), None);
    }

    #[test]
    fn all_end_with_the_worker_and_no_password_is_shown() {
        let credentials = Credentials::default();
        credentials.add("t1", &parameters("one", "secret"));
        let claim = claim(&credentials, "one", "secret").unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials { transports: 1 }");
        credentials.clear();
        assert!(claim.ended.is_cancelled());
        assert_eq!(outcome(&credentials, "one", "secret"), Some(Unclaimed::Unknown));
    }
}
