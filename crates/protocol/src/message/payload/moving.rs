//! A meeting that moves to another media pod while its participants stay in the call. Not part of the mediasoup demo.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Payload of `moving`: the meeting continues on another pod, which the same address leads to from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct Moving {
    /// Opens the connection to the other pod, in place of the client's own ticket or token, which may have expired. Absent: the client uses its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// How long this connection still carries media, in seconds. 0: it is closed right after this message.
    #[ts(type = "number")]
    pub deadline_seconds: u64,
}
