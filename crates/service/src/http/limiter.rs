//! Limits how many connections or streams are open, in total and per address.
//!
//! Its memory is bounded by the total: an address without permits is removed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A concurrency limit with an additional limit per address; clones share it.
#[derive(Clone, Debug)]
pub struct ConnectionLimiter {
    total: Arc<Semaphore>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_address: usize,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitReached {
    /// The total limit.
    Total,
    /// The limit of the address.
    Address,
}

impl LimitReached {
    /// Reason code for logs and metrics of connections.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Total => "TooManyConnections",
            Self::Address => "TooManyConnectionsOfAddress",
        }
    }
}

/// A permit, released when it is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    limiter: ConnectionLimiter,
    address: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionLimiter {
    /// Allows `total` permits, and `per_address` for one address.
    pub fn new(total: usize, per_address: usize) -> Self {
        Self { total: Arc::new(Semaphore::new(total)), taken: Arc::default(), per_address }
    }

    /// Allows `total` permits, of any address.
    pub fn in_total(total: usize) -> Self {
        Self::new(total, total)
    }

    /// Takes a permit. Without an address only the total limit applies.
    pub fn acquire(&self, address: Option<IpAddr>) -> Result<ConnectionPermit, LimitReached> {
        let permit = Arc::clone(&self.total).try_acquire_owned().map_err(|_| LimitReached::Total)?;
        if let Some(address) = address {
            let mut taken = self.lock();
            let count = taken.get(&address).copied().unwrap_or(0);
            if count >= self.per_address {
                return Err(LimitReached::Address);
            }
            taken.insert(address, count + 1);
        }
        Ok(ConnectionPermit { limiter: self.clone(), address, _permit: permit })
    }

    /// A panic cannot leave the counts half changed.
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        if let Entry::Occupied(mut entry) = self.limiter.lock().entry(address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_permits_and_released_addresses_are_removed() {
        let limiter = ConnectionLimiter::new(3, 2);
        let address = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
        let (first, second) = (limiter.acquire(address(1)).unwrap(), limiter.acquire(address(1)).unwrap());
        assert_eq!(limiter.acquire(address(1)).unwrap_err(), LimitReached::Address);
        let other = limiter.acquire(address(2)).unwrap();
        assert_eq!(limiter.acquire(address(3)).unwrap_err(), LimitReached::Total);
        drop((first, second, other));
        assert!(limiter.lock().is_empty());
        assert_eq!(limiter.total.available_permits(), 3);
    }

    #[test]
    fn a_slot_is_free_again_when_its_connection_has_ended() {
        let limiter = ConnectionLimiter::in_total(1);
        let first = limiter.acquire(None);
        assert!(first.is_ok());
        assert!(limiter.acquire(None).is_err());
        drop(first);
        assert!(limiter.acquire(None).is_ok());
    }
}
