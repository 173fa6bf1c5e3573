//! Tokens and tickets at the signaling route: what the pod receives, what it does not, and refusals.

use convene_crds::AccessPolicy;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::peer::{Client, Pod, Running, closed, echo};
use crate::fixtures::{Fixture, Log, join_token, settings, signed};

const SIGNAL: &str = "/signal/team-a/stand-up?peerId=abc";

async fn router(policy: AccessPolicy) -> (Running, Pod) {
    let mut router = Running::start();
    let pod = Pod::start(&router.fixture.jwks).await;
    router.fixture.assign("media-0", pod.address);
    router.fixture.change(|record| record.policy = policy);
    (router, pod)
}

/// Connects; returns the selected subprotocol.
async fn connect(router: &Running, path: &str, headers: &[(&'static str, String)]) -> (Client, String) {
    let mut request = format!("ws://{}{path}", router.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "protoo".parse().unwrap());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let (client, response) = connect_async(request).await.unwrap_or_else(|error| panic!("{path}: {error}"));
    (client, response.headers()["sec-websocket-protocol"].to_str().unwrap().to_owned())
}

async fn connect_with(router: &Running, token: &str) -> Client {
    connect(router, SIGNAL, &[("sec-websocket-protocol", format!("protoo, convene.token.{token}"))]).await.0
}

#[tokio::test]
async fn a_token_from_each_of_the_three_places_lets_in_and_reaches_no_pod_and_no_log() {
    let (router, pod) = router(AccessPolicy::Token).await;
    let token = join_token(&json!({"name": "Ada"}));
    let (log, _guard) = Log::start();
    let ways = [
        (SIGNAL.to_owned(), vec![("sec-websocket-protocol", format!("protoo, convene.token.{token}"))]),
        (SIGNAL.to_owned(), vec![("sec-websocket-protocol", format!("convene.token.{token}, protoo"))]),
        (SIGNAL.to_owned(), vec![("authorization", format!("Bearer {token}"))]),
        (format!("{SIGNAL}&access_token={token}"), vec![]),
        (format!("/signal/team-a/stand-up?access_token={token}&peerId=abc"), vec![]),
    ];
    for (path, headers) in &ways {
        let (mut client, protocol) = connect(&router, path, headers).await;
        assert_eq!(protocol, "protoo");
        assert_eq!(echo(&mut client, "hello").await, "hello");
    }
    let seen = pod.seen();
    assert_eq!(seen.len(), ways.len());
    for seen in &seen {
        assert_eq!((seen.uri.as_str(), seen.headers["sec-websocket-protocol"].to_str().unwrap()), (SIGNAL, "protoo"));
        assert!(!format!("{seen:?}").contains(&token));
        assert_eq!(
            (seen.participant.identity.as_deref(), seen.participant.name.as_deref()),
            (Some("ada"), Some("Ada"))
        );
    }
    let ids: std::collections::BTreeSet<_> = seen.iter().map(|seen| seen.jti.as_str()).collect();
    assert!(ids.len() == ways.len() && !ids.contains(""), "every admission is another one");
    assert!(log.text().contains("/signal/team-a/stand-up"), "{}", log.text());
    for part in token.split('.') {
        assert!(!log.text().contains(part), "{}", log.text());
    }
}

#[tokio::test]
async fn a_refusal_of_a_join_is_final() {
    let past = jiff::Timestamp::now().as_second() - 3600;
    let (router, pod) = router(AccessPolicy::Open).await;
    let cases = [
        ("garbage".to_owned(), "refused: TokenMalformed"),
        (join_token(&json!({"iat": past - 60, "exp": past})), "refused: TokenExpired"),
        (signed(&json!({}), "app", b"a shared secret of some other application"), "refused: TokenSignatureWrong"),
        (signed(&json!({}), "shop", b"a shared secret of some other application"), "refused: TokenKeyUnknown"),
        (join_token(&json!({"meeting": "team-a/board"})), "refused: TokenForOtherMeeting"),
        (join_token(&json!({"sub": "\u{202e}"})), "refused: TokenIdentityInvalid"),
        (join_token(&json!({"recorder": true})), "refused: RecordingOff"),
        (String::new(), "refused: TokenEmpty"),
    ];
    for (token, text) in cases {
        let client = connect_with(&router, &token).await;
        assert_eq!(closed(client).await, Some((4000, text.into())));
    }
    let two = format!("{SIGNAL}&access_token=a&access_token=b");
    assert_eq!(closed(connect(&router, &two, &[]).await.0).await, Some((4000, "refused: TokenAmbiguous".into())));
    assert!(router.has_metric(r#"convene_router_joins_total{outcome="TokenExpired"} 1"#));
    assert!(pod.seen().is_empty(), "no pod was asked");
}

#[tokio::test]
async fn joins_without_a_required_token_are_not_held() {
    let mut router = Running::start();
    router.fixture.change(|record| record.policy = AccessPolicy::Token);
    let client = connect(&router, SIGNAL, &[]).await.0;
    assert_eq!(closed(client).await, Some((4000, "a join token is needed".into())));
    assert_eq!(router.fixture.app.metrics.held_joins.get(), 0);
}

#[tokio::test]
async fn guests_wait_in_the_lobby_and_participants_with_a_token_do_not() {
    let (mut router, pod) = router(AccessPolicy::Lobby).await;
    router.fixture.change(|record| record.moderators = vec!["ada".into()]);
    echo(&mut connect(&router, SIGNAL, &[]).await.0, "hello").await;
    echo(&mut connect_with(&router, &join_token(&json!({}))).await, "hello").await;
    let who: Vec<_> = pod.seen().iter().map(|seen| (seen.participant.lobby, seen.participant.moderator)).collect();
    assert_eq!(who, [(true, false), (false, true)]);
}

async fn ticket(fixture: &Fixture, token: Option<&str>) -> String {
    let mut request = axum::http::Request::post("/api/v1/meetings/team-a/stand-up/join").header("host", "x");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer: Value = super::http::ask(fixture, request.body("".into()).unwrap()).await.json();
    answer["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_ticket_of_one_replica_connects_and_reconnects_at_another() {
    let (router, pod) = router(AccessPolicy::Token).await;
    let mut replica = Fixture::new(settings());
    replica.change(|record| record.policy = AccessPolicy::Token);
    let ticket = ticket(&replica, Some(&join_token(&json!({"moderator": true})))).await;
    for _ in 0..2 {
        echo(&mut connect_with(&router, &ticket).await, "hello").await;
    }
    assert!(pod.seen().iter().all(|seen| seen.participant.moderator && !format!("{seen:?}").contains(&ticket)));
}

#[tokio::test]
async fn a_guests_ticket_holds_no_longer_than_the_door_is_open() {
    let (mut router, pod) = router(AccessPolicy::Open).await;
    let ticket = ticket(&router.fixture, None).await;
    echo(&mut connect_with(&router, &ticket).await, "hello").await;
    router.fixture.change(|record| record.policy = AccessPolicy::Lobby);
    echo(&mut connect_with(&router, &ticket).await, "hello").await;
    router.fixture.change(|record| record.policy = AccessPolicy::Token);
    assert_eq!(closed(connect_with(&router, &ticket).await).await, Some((4000, "a join token is needed".into())));
    assert_eq!(pod.seen().iter().map(|seen| seen.participant.lobby).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn a_router_without_keys_asks_clients_to_retry() {
    let (router, _pod) = router(AccessPolicy::Open).await;
    let fresh = Running::start();
    let ticket = ticket(&router.fixture, None).await;
    fresh.fixture.app.signer.forget();
    let path = format!("{SIGNAL}&access_token={ticket}");
    let (status, problem) = super::peer::refused(fresh.join(&path).await);
    assert_eq!((status, &problem["reason"]), (503, &"KeysUnknown".into()));
}
