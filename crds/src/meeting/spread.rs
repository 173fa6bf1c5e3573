//! Over how many media pods a meeting may be spread, and which ones serve it.

#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Spread of one meeting over several media pods.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// Maximum number of media pods that serve the meeting at the same time, 1 to 32. Defaults to 1. With more than one, pods are added
    /// as participants join, and `maxParticipants` may be as large as the capacity of that many pods. Requires `pipePorts` in the
    /// MediaPool, one for each other pod at least. Not for meetings with placement Dedicated. Can be changed at any time: participants on
    /// pods above a lower number reconnect. A meeting whose `maxParticipants` that many pods do not take fails.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 32))]
    pub max_pods: u32,
}

impl Default for Spread {
    fn default() -> Self {
        Self { max_pods: one() }
    }
}

impl Spread {
    /// Whether it is what a meeting without this field has.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

const fn one() -> u32 {
    1
}

/// A media pod that serves participants of a meeting whose room is on another pod.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MeetingSite {
    /// Name of the pod, in the namespace that Convene is installed in.
    pub name: String,
    /// UID of the pod. It distinguishes the pod from a later one of the same name.
    pub uid: String,
    /// Node the pod runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}
