use serde_json::{Value, json};

use super::*;
use crate::fixtures::{ScriptedServer, context as context_of, context_and_posts, meeting_object, status};
use convene_crds::reason;

const STATUS: &str = "PATCH /apis/convene.dev/v1alpha1/namespaces/crew/meetings/regatta/status";

fn notes() -> Vec<Note> {
    vec![Note::normal(reason::ASSIGNED, "bound")]
}

#[tokio::test]
async fn an_unchanged_status_is_neither_written_nor_reported() {
    let (server, client) = ScriptedServer::start(vec![]);
    let meeting = meeting_object(json!({}), json!({"participants": 3}));
    let (context, mut posts) = context_and_posts(&client);
    let outcome = apply_status(&context, &meeting, meeting.status.as_ref().unwrap(), &notes()).await.unwrap();
    assert_eq!(outcome, Outcome::Skipped);
    assert_eq!(posts.take(), []);
    server.assert_finished();
}

#[tokio::test]
async fn events_follow_the_write_of_the_status() {
    let meeting = meeting_object(json!({}), Value::Null);
    let written = serde_json::to_value(&meeting).unwrap();
    let (server, client) = ScriptedServer::start(vec![(STATUS, 200, written)]);
    let (context, mut posts) = context_and_posts(&client);
    let outcome = apply_status(&context, &meeting, &MeetingStatus::default(), &notes()).await.unwrap();
    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(posts.take(), notes());
    server.assert_finished();
}

#[tokio::test]
async fn a_meeting_that_is_gone_is_left_alone_and_an_outage_is_a_failure() {
    let meeting = meeting_object(json!({}), Value::Null);
    let (server, client) = ScriptedServer::start(vec![(STATUS, 404, status(404, "NotFound", ""))]);
    let (context, mut posts) = context_and_posts(&client);
    let outcome = apply_status(&context, &meeting, &MeetingStatus::default(), &notes()).await.unwrap();
    assert_eq!(outcome, Outcome::Skipped);
    assert_eq!(posts.take(), [], "what was not written is not reported");
    server.assert_finished();
    let (_, client) = ScriptedServer::start(vec![(STATUS, 500, status(500, "InternalError", "etcd is away"))]);
    let failure = apply_status(&context_of(&client), &meeting, &MeetingStatus::default(), &notes()).await.unwrap_err();
    assert_eq!(failure.reason(), "StatusNotWritten");
}
