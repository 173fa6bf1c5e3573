//! Codecs and bitrates of a meeting.

#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Codecs and bitrates that participants may use.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MeetingMedia {
    /// Codecs that participants may use. If empty, all codecs of the media pod, which are all except AV1. Opus is always included,
    /// because browsers require it. AV1 is forwarded with temporal layers only; clients that send it with spatial layers are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 7))]
    pub codecs: Vec<Codec>,

    /// Maximum bitrate that one participant may send, in kilobits per second, 50 to 100000. Defaults to the limit of the media pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 50, max = 100_000))]
    pub max_send_kbps: Option<u32>,

    /// Maximum bitrate that is sent to one participant, in kilobits per second, 50 to 100000. Defaults to the limit of the media pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 50, max = 100_000))]
    pub max_receive_kbps: Option<u32>,
}

/// Name of a codec, as in SDP.
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "these are names of codecs")]
pub enum Codec {
    #[serde(rename = "opus")]
    Opus,
    #[serde(rename = "PCMU")]
    Pcmu,
    #[serde(rename = "PCMA")]
    Pcma,
    #[serde(rename = "VP8")]
    Vp8,
    #[serde(rename = "VP9")]
    Vp9,
    #[serde(rename = "H264")]
    H264,
    #[serde(rename = "AV1")]
    Av1,
}

impl Codec {
    /// Its name in SDP.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H264",
            Self::Av1 => "AV1",
        }
    }
}
