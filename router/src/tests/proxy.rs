//! Signaling without errors: spliced, held, connected, closed.

use std::time::Duration;

use axum::http::StatusCode;
use convene_crds::MeetingPhase;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use super::peer::{Pod, Running, closed, echo, join, refused, until};
use crate::fixtures::{meeting_record, settings};
use crate::state::SignalSettings;

const JOIN: &str = "/signal/team-a/stand-up?peerId=abc&name=%C3%A9";

#[tokio::test]
async fn bytes_are_copied_both_ways_and_the_pod_learns_the_client() {
    let mut router = Running::start();
    let pod = Pod::start(&router.fixture.jwks).await;
    router.fixture.assign("media-0", pod.address);
    let headers = [
        ("origin", "https://meet.example.org"),
        ("cookie", "a=b"),
        ("authorization", "Basic bWluZTptaW5l"),
        ("x-forwarded-for", "203.0.113.9"),
    ];
    let mut client = join(router.address, JOIN, &headers).await.unwrap();

    assert_eq!(echo(&mut client, "hello").await, "hello");
    let long = "x".repeat(300_000);
    assert_eq!(echo(&mut client, &long).await, long);
    client.send(Message::binary(vec![0, 1, 2, 255])).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::binary(vec![0, 1, 2, 255]));
    assert_eq!(echo(&mut client, "ping me").await, "pong 13", "the pod's ping reaches the client, its pong the pod");

    let seen = pod.seen().remove(0);
    assert_eq!(seen.uri, JOIN);
    assert_eq!(seen.grant, meeting_record("team-a", "stand-up", None).grant(jiff::Timestamp::UNIX_EPOCH));
    assert_eq!(seen.headers["origin"], "https://meet.example.org");
    assert_eq!(seen.headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(seen.headers["x-forwarded-proto"], "http");
    assert!(!seen.headers.contains_key("cookie"));
    assert_eq!(seen.headers.get_all("authorization").iter().count(), 1);

    assert_eq!(router.fixture.app.metrics.open_sockets.get(), 1);
    client.close(None).await.unwrap();
    until("the socket is gone", || router.fixture.app.metrics.open_sockets.get() == 0).await;
    assert!(router.has_metric(r#"convene_router_joins_total{outcome="Connected"} 1"#));
}

#[tokio::test]
async fn a_join_is_held_until_the_meeting_has_a_ready_pod() {
    let mut router = Running::start();
    let pod = Pod::start(&router.fixture.jwks).await;
    let joining = router.held_join().await;
    router.fixture.assign("media-0", pod.address);
    let mut client = joining.await.unwrap().unwrap();
    assert_eq!(echo(&mut client, "hello").await, "hello");
    assert_eq!(router.fixture.app.metrics.held_joins.get(), 0);
}

#[tokio::test]
async fn a_join_is_held_while_its_pod_has_just_died_and_goes_to_the_next_one() {
    let mut router = Running::start();
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    router.fixture.assign("media-0", dead);
    let joining = router.held_join().await;
    let pod = Pod::start(&router.fixture.jwks).await;
    router.fixture.assign("media-1", pod.address);
    let mut client = joining.await.unwrap().unwrap();
    assert_eq!(echo(&mut client, "hello").await, "hello");
}

#[tokio::test]
async fn a_pod_that_recovers_at_its_address_is_retried_without_a_watch_event() {
    let mut router = Running::start();
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    router.fixture.assign("media-0", address);
    let joining = router.held_join().await;
    let _pod = Pod::on(TcpListener::bind(address).await.unwrap(), &router.fixture.jwks);
    assert_eq!(echo(&mut joining.await.unwrap().unwrap(), "hello").await, "hello");
}

#[tokio::test]
async fn when_the_pod_dies_the_client_is_disconnected_and_reaches_the_next_pod() {
    let mut router = Running::start();
    let (first, second) = (Pod::start(&router.fixture.jwks).await, Pod::start(&router.fixture.jwks).await);
    router.fixture.assign("media-0", first.address);
    let mut client = router.join(JOIN).await.unwrap();
    echo(&mut client, "hello").await;
    first.die().await;
    assert_eq!(closed(client).await, None, "no close frame: clients reconnect");
    until("the end is counted", || router.has_metric(r#"convene_router_socket_ends_total{reason="PodEnded"} 1"#)).await;
    router.fixture.assign("media-1", second.address);
    assert_eq!(echo(&mut router.join(JOIN).await.unwrap(), "again").await, "again");
}

#[tokio::test]
async fn a_pod_that_vanishes_without_a_word_is_noticed_by_its_deletion() {
    let mut router = Running::start();
    let pod = Pod::start(&router.fixture.jwks).await;
    router.fixture.assign("media-0", pod.address);
    let mut client = router.join(JOIN).await.unwrap();
    echo(&mut client, "hello").await;
    router.fixture.index.reset_pods([]);
    router.fixture.publish();
    assert_eq!(closed(client).await, Some((1012, "the media pod is gone; reconnect".into())));
    until("the end is counted", || router.has_metric(r#"convene_router_socket_ends_total{reason="PodGone"} 1"#)).await;
}

#[tokio::test]
async fn clients_of_a_meeting_that_has_lost_its_pod_reconnect_and_those_of_one_that_moves_stay() {
    let mut router = Running::start();
    let (first, second) = (Pod::start(&router.fixture.jwks).await, Pod::start(&router.fixture.jwks).await);
    router.fixture.assign("media-0", first.address);
    let mut client = router.join(JOIN).await.unwrap();
    router.fixture.assign("media-1", second.address);
    assert_eq!(echo(&mut client, "hello").await, "hello", "a handover");
    router.fixture.assign("media-0", first.address);
    router.fixture.replace("media-0", "media-1", second.address);
    assert_eq!(closed(client).await, Some((1012, "the media pod is gone; reconnect".into())));
    assert_eq!(echo(&mut router.join(JOIN).await.unwrap(), "again").await, "again");
    assert_eq!(second.seen().len(), 1);
}

#[tokio::test]
async fn a_join_leaves_a_pod_that_does_not_respond_as_soon_as_its_meeting_has_another_one() {
    let mut router = Running::start();
    let stuck = TcpListener::bind("127.0.0.1:0").await.unwrap();
    router.fixture.assign("media-0", stuck.local_addr().unwrap());
    let address = router.address;
    let joining = tokio::spawn(async move { join(address, JOIN, &[]).await });
    let (_connection, _) = stuck.accept().await.unwrap();
    let pod = Pod::start(&router.fixture.jwks).await;
    router.fixture.replace("media-0", "media-1", pod.address);
    let joined =
        tokio::time::timeout(Duration::from_secs(5), joining).await.expect("not after the time limit of a response");
    assert_eq!(echo(&mut joined.unwrap().unwrap(), "hello").await, "hello");
}

#[tokio::test]
async fn unknown_and_ended_meetings_are_final_for_the_client() {
    let mut router = Running::start();
    for path in [
        "/signal/team-a/board",
        "/signal/team-b/stand-up",
        "/signal/Team/x",
        "/signal/a%2fb/x",
        "/signal/..%2f/x",
        "/signal/t/%C3%A9",
        "/signal/t/%ff",
    ] {
        let client = router.join(path).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(closed(client).await, Some((4000, "meeting not found".into())), "{path}");
    }
    router.fixture.index.apply_meeting(crate::index::record::MeetingRecord {
        phase: MeetingPhase::Ended,
        ..meeting_record("team-a", "stand-up", None)
    });
    router.fixture.app.table.publish(router.fixture.index.clone());
    assert_eq!(closed(router.join(JOIN).await.unwrap()).await, Some((4000, "meeting ended".into())));
}

#[tokio::test]
async fn deleting_a_meeting_refuses_held_joins_finally() {
    let mut router = Running::start();
    let joining = router.held_join().await;
    router.fixture.index.reset_meetings([]);
    router.fixture.app.table.publish(router.fixture.index.clone());
    assert_eq!(closed(joining.await.unwrap().unwrap()).await, Some((4000, "meeting not found".into())));
}

#[tokio::test]
async fn a_router_that_has_just_started_holds_instead_of_denying() {
    let router = Running::start();
    router.fixture.app.table.publish(crate::index::routing_index::RoutingIndex::default());
    let joining = router.held_join().await;
    router.fixture.app.table.publish(router.fixture.index.clone());
    until("still held, now for its pod", || router.fixture.app.metrics.held_joins.get() == 1).await;
    joining.abort();
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_is_not_held_any_longer() {
    let router = Running::start();
    router.held_join().await.abort();
    until("no join is held", || router.fixture.app.metrics.held_joins.get() == 0).await;
    assert!(router.has_metric(r#"convene_router_joins_total{outcome="ClientGone"} 1"#));
    assert_eq!(router.fixture.app.held.available_permits(), settings().max_held);
    assert_eq!(router.fixture.app.sockets.available_permits(), settings().max_sockets);
}

#[tokio::test]
async fn a_join_that_times_out_gets_the_reason() {
    let router = Running::with(SignalSettings { hold_timeout: Duration::from_millis(30), ..settings() });
    let (status, problem) = refused(router.join(JOIN).await);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((&problem["reason"], &problem["instance"]), (&"Pending".into(), &"/signal/team-a/stand-up".into()));
    assert!(problem["detail"].as_str().unwrap().contains("being prepared"), "{problem}");
}

#[tokio::test]
async fn stopping_lets_sockets_and_held_joins_go_and_then_ends() {
    let mut router = Running::start();
    let joining = router.held_join().await;
    let pod = Pod::start(&router.fixture.jwks).await;
    router.fixture.index.apply_meeting(meeting_record("team-a", "other", Some(("media-0", "uid-media-0"))));
    router.fixture.index.apply_pod(crate::fixtures::pod_record("media-0", "uid-media-0", &pod.address.to_string()));
    router.fixture.app.table.publish(router.fixture.index.clone());
    let mut client = router.join("/signal/team-a/other").await.unwrap();
    echo(&mut client, "hello").await;

    router.fixture.app.stopping.cancel();
    assert_eq!(refused(joining.await.unwrap()).0, StatusCode::SERVICE_UNAVAILABLE);
    let (code, reason) = closed(client).await.unwrap();
    assert_eq!((code, reason.as_str()), (1012, "this router is shutting down; reconnect"), "clients reconnect");
    router.server.await.unwrap();
    assert!(router.fixture.app.tasks.is_empty());
}
