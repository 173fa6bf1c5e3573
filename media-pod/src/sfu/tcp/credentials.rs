//! The ICE credentials of a worker's live transports, by which the guard recognizes their connections.
//!
//! Passwords never appear in `Debug` output or errors.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mediasoup::prelude::{IceParameters, Transport, WebRtcTransport};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::stun::BindingRequest;

/// Connections of one transport: as many as the worker keeps.
const MAX_CONNECTIONS: usize = 8;
/// The credentials from before an ICE restart remain valid until the client uses the new ones.
const MAX_FRAGMENTS: usize = 2;

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

/// Permission for one connection of a live transport.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    /// Cancelled when the transport has closed.
    pub(super) ended: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

/// Reasons a request gets no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PermitError {
    /// There is no transport with this username fragment.
    Unknown,
    /// The signature was made with another password.
    Signature,
    /// The transport has the maximum number of connections.
    Full,
}

impl Credentials {
    /// Registers the credentials of a transport until it closes. Must be called for every transport of the worker: mediasoup's server calls
    /// its callback for new transports only for the first one.
    pub(crate) fn register(&self, transport: &WebRtcTransport) {
        let id = transport.id().to_string();
        self.add(&id, transport.ice_parameters());
        let credentials = self.clone();
        transport.on_close(Box::new(move || credentials.forget(&id))).detach();
    }

    /// Adds credentials of a transport, in addition to its previous ones.
    pub(crate) fn add(&self, transport: &str, parameters: &IceParameters) {
        let IceParameters { username_fragment, password, .. } = parameters;
        self.lock().add(transport, username_fragment, password);
    }

    /// Adds the credentials from an ICE restart, unless the transport has closed in the meantime.
    pub(crate) fn restarted(&self, transport: &str, parameters: &IceParameters) {
        let mut known = self.lock();
        if known.by_transport.contains_key(transport) {
            known.add(transport, &parameters.username_fragment, &parameters.password);
        }
    }

    fn forget(&self, transport: &str) {
        self.lock().forget(transport);
    }

    /// Ends all connections: the worker has ended.
    pub(super) fn clear(&self) {
        let known = std::mem::take(&mut *self.lock());
        known.by_transport.values().for_each(|transport| transport.ended.cancel());
    }

    /// A permit for a connection of the transport whose credentials signed the request.
    pub(super) fn permit(&self, request: &BindingRequest<'_>) -> Result<ConnectionPermit, PermitError> {
        let known = self.lock();
        let (id, password) = known.by_fragment.get(request.username_fragment).ok_or(PermitError::Unknown)?;
        if !request.is_signed_with(password) {
            return Err(PermitError::Signature);
        }
        let transport = known.by_transport.get(id).ok_or(PermitError::Unknown)?;
        let permit = Arc::clone(&transport.connections).try_acquire_owned().map_err(|_| PermitError::Full)?;
        Ok(ConnectionPermit { ended: transport.ended.clone(), _permit: permit })
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
            connections: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        });
        transport.fragments.push(fragment.to_owned());
        if transport.fragments.len() > MAX_FRAGMENTS {
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

    fn permit(credentials: &Credentials, fragment: &str, password: &str) -> Result<ConnectionPermit, PermitError> {
        let bytes = frame(&format!("{fragment}:client"), password);
        credentials.permit(&read_first_frame(&bytes).unwrap().unwrap())
    }

    fn outcome(credentials: &Credentials, fragment: &str, password: &str) -> Option<PermitError> {
        permit(credentials, fragment, password).err()
    }

    #[test]
    fn a_transport_is_known_by_fragment_and_password_until_it_closes() {
        let credentials = Credentials::default();
        credentials.add("t1", &parameters("one", "secret"));
        assert_eq!(outcome(&credentials, "one", "secret"), None);
        assert_eq!(outcome(&credentials, "one", "guess"), Some(PermitError::Signature));
        assert_eq!(outcome(&credentials, "two", "secret"), Some(PermitError::Unknown));
        let permit = permit(&credentials, "one", "secret").unwrap();
        assert!(!permit.ended.is_cancelled());
        credentials.forget("t1");
        assert!(permit.ended.is_cancelled());
        assert_eq!(outcome(&credentials, "one", "secret"), Some(PermitError::Unknown));
    }

    #[test]
    fn an_ice_restart_adds_credentials_and_the_last_ones_stay_good() {
        let credentials = Credentials::default();
        credentials.restarted("t1", &parameters("zero", "p"));
        assert_eq!(outcome(&credentials, "zero", "p"), Some(PermitError::Unknown), "it had closed before");
        credentials.add("t1", &parameters("one", "p"));
        credentials.restarted("t1", &parameters("two", "p"));
        assert_eq!((outcome(&credentials, "one", "p"), outcome(&credentials, "two", "p")), (None, None));
        credentials.restarted("t1", &parameters("three", "p"));
        assert_eq!(outcome(&credentials, "one", "p"), Some(PermitError::Unknown));
        credentials.forget("t1");
        assert!(credentials.lock().by_fragment.is_empty() && credentials.lock().by_transport.is_empty());
    }

    #[test]
    fn a_transport_has_a_limited_number_of_connections() {
        let credentials = Credentials::default();
        credentials.add("t1", &parameters("one", "p"));
        let mut permits: Vec<_> = (0..MAX_CONNECTIONS).map(|_| permit(&credentials, "one", "p").unwrap()).collect();
        assert_eq!(outcome(&credentials, "one", "p"), Some(PermitError::Full));
        permits.pop();
        assert_eq!(outcome(&credentials, "one", "p"), None);
    }

    #[test]
    fn all_end_with_the_worker_and_no_password_is_shown() {
        let credentials = Credentials::default();
        credentials.add("t1", &parameters("one", "secret"));
        let permit = permit(&credentials, "one", "secret").unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials { transports: 1 }");
        credentials.clear();
        assert!(permit.ended.is_cancelled());
        assert_eq!(outcome(&credentials, "one", "secret"), Some(PermitError::Unknown));
    }
}
