//! What routers can receive and send, for callers who ask before there is a room. Only the codecs matter, so it is asked of a worker once
//! for each set of them.

use std::sync::{Mutex, PoisonError};

use mediasoup::prelude::RtpCodecCapability;
use serde_json::{Value, json};

use super::workers::{Workers, WorkersError};

/// Sets of codecs that are remembered; meetings name few.
const MOST: usize = 64;

/// Answers of workers by the codecs.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<Vec<(Vec<RtpCodecCapability>, Value)>>);

impl Answers {
    fn get(&self, codecs: &[RtpCodecCapability]) -> Option<Value> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(of, _)| of == codecs).map(|(_, answer)| answer.clone())
    }

    fn note(&self, codecs: &[RtpCodecCapability], answer: &Value) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST {
            known.push((codecs.to_vec(), answer.clone()));
        }
    }
}

impl Workers {
    /// mediasoup's `RtpCapabilities` of a router that offers `codecs`.
    pub async fn rtp_capabilities(&self, codecs: &[RtpCodecCapability]) -> Result<Value, WorkersError> {
        if let Some(known) = self.answers.get(codecs) {
            return Ok(known);
        }
        let place = self.place(&[], codecs).await?;
        let answer = json!(place.router.rtp_capabilities());
        self.answers.note(codecs, &answer);
        Ok(answer)
    }
}
