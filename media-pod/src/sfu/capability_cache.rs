//! Cache of what routers offer, by their codecs, shared by all rooms: `RtpCapabilities` depend on the codecs alone. It queries no worker.

use std::sync::{Arc, Mutex, PoisonError};

use mediasoup::prelude::RtpCodecCapability;
use serde_json::Value;

/// Maximum number of cached sets of codecs; meetings use few.
const CAPACITY: usize = 64;

/// What the routers of a room offer.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// The codecs.
    pub(crate) codecs: Arc<[RtpCodecCapability]>,
    /// mediasoup's `RtpCapabilities`.
    pub(crate) capabilities: Arc<Value>,
}

/// Offers of routers.
#[derive(Debug, Default)]
pub(super) struct CapabilityCache(Mutex<Vec<Offer>>);

impl CapabilityCache {
    pub(super) fn get(&self, codecs: &[RtpCodecCapability]) -> Option<Offer> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|offer| *offer.codecs == *codecs).cloned()
    }

    pub(super) fn insert(&self, offer: &Offer) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < CAPACITY {
            known.push(offer.clone());
        }
    }
}
