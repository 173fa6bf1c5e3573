//! The move of a meeting between media pods, as its status shows it.

#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// A move of the meeting, with participants in the call, from one media pod to another.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MeetingMove {
    /// Media pod that the meeting leaves.
    pub from: MovePod,
    /// Media pod that the meeting moves to.
    pub to: MovePod,
    /// Time at which the move began.
    pub since: Time,
    /// Copying (the new pod receives chat, lock, lobby, permissions and raised hands; participants are on the old pod), Moving
    /// (participants are connected to both pods until they receive everything from the new one), Done (all have left the old pod), or
    /// Fallback (the move was cancelled or failed; participants reconnect if their pod has changed).
    pub phase: MeetingMovePhase,
    /// Cause of the move; in phase Fallback, cause of the failure.
    pub reason: String,
    /// The same as a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// A media pod of a move.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MovePod {
    /// Name of the pod, in the namespace that Convene is installed in.
    pub name: String,
    /// UID of the pod. It distinguishes the pod from a later one of the same name.
    pub uid: String,
}

/// Phase of a move: Copying (the new pod receives chat, lock, lobby, permissions and raised hands; participants are on the old pod), Moving
/// (participants are connected to both pods until they receive everything from the new one), Done (all have left the old pod), or Fallback
/// (the move was cancelled or failed; participants reconnect if their pod has changed).
#[derive(schemars::JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeetingMovePhase {
    /// The new pod receives what the room knows; participants are on the old pod.
    Copying,
    /// Participants are connected to both pods until they receive everything from the new one.
    Moving,
    /// All have left the old pod.
    Done,
    /// The move was cancelled or failed; participants reconnect if their pod has changed.
    Fallback,
}

impl MeetingMove {
    /// Whether it is under way.
    pub const fn is_active(&self) -> bool {
        matches!(self.phase, MeetingMovePhase::Copying | MeetingMovePhase::Moving)
    }

    /// Whether `other` is this move, possibly in another phase.
    pub fn is_same_move(&self, other: &Self) -> bool {
        (&self.from.uid, &self.to.uid, &self.since) == (&other.from.uid, &other.to.uid, &other.since)
    }
}
