//! The client's program, as it describes itself.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The client's program, as it describes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export, export_to = "messages.ts", optional_fields = nullable)]
pub struct Device {
    /// `chrome`, `firefox`, `safari`, … or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// Readable name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Readable version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}
