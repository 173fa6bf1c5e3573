//! The `MeetingBackup` kind: what moderators decided in a call, kept where a crash of the media pod cannot take it. The operator writes and reads
//! it; users have no use for it.

#![allow(clippy::doc_markdown, reason = "kubectl explain prints these comments as they are")]
#![allow(unreachable_pub, reason = "the derive repeats the structs inside a private constant")]

use kube::{CustomResource, KubeSchema};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Content of the backup.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "convene.dev",
    version = "v1alpha1",
    kind = "MeetingBackup",
    plural = "meetingbackups",
    namespaced,
    derive = "PartialEq",
    doc = "What moderators decided in the call of the Meeting with the same name: lock, lobby, removed participants, permissions and used \
           invitations, and who may return. People appear as hashes of their identity, or else by the id that their client chose. The operator \
           writes it while the call lasts, gives it to the next media pod after a crash, and deletes it after the call.",
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct MeetingBackupSpec {
    /// State of the room as the media pod wrote it.
    #[schemars(schema_with = "any_object")]
    pub snapshot: serde_json::Value,
}

/// Only media pods read the content, and those of the next version may write other fields.
fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}
