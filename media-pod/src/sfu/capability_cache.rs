//! Cache of `RtpCapabilities` by codecs, for callers that query them before there is a room: they depend on the codecs alone. It queries
//! no worker.

use std::sync::{Mutex, PoisonError};

use mediasoup::prelude::RtpCodecCapability;
use serde_json::Value;

/// Maximum number of cached sets of codecs; meetings use few.
const CAPACITY: usize = 64;

/// Capabilities of routers, by their codecs.
#[derive(Debug, Default)]
pub(super) struct CapabilityCache(Mutex<Vec<(Vec<RtpCodecCapability>, Value)>>);

impl CapabilityCache {
    pub(super) fn get(&self, codecs: &[RtpCodecCapability]) -> Option<Value> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(of, _)| of == codecs).map(|(_, capabilities)| capabilities.clone())
    }

    pub(super) fn insert(&self, codecs: &[RtpCodecCapability], capabilities: &Value) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < CAPACITY {
            known.push((codecs.to_vec(), capabilities.clone()));
        }
    }
}
