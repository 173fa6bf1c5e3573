//! The join route: which clients get a ticket, and the refusals of others.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use convene_crds::{AccessPolicy, IceServer, MeetingPhase};
use convene_protocol::admission::{JoinTicket, KeySet, ParticipantGrant, Vouched};
use serde_json::{Value, json};

use super::http::{Answer, ask};
use crate::fixtures::{Fixture, Log, join_token, settings, signed};
use crate::index::routing_index::RoutingIndex;
use crate::join::ice::IceCredentials;
use crate::join::state::{PoolRecord, Pools};

const JOIN: &str = "/api/v1/meetings/team-a/stand-up/join";

async fn post(fixture: &Fixture, path: &str, token: Option<&str>, body: &str) -> Answer {
    let mut request = Request::post(path).header("host", "meet.example.org");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    ask(fixture, request.body(Body::from(body.to_owned())).unwrap()).await
}

fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap()
}

fn ticket(fixture: &Fixture, answer: &Answer) -> JoinTicket {
    let token = answer.json()["token"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned();
    KeySet::from_jwks(&fixture.jwks).unwrap().verify_ticket(&token, now()).unwrap()
}

fn fixture(policy: AccessPolicy) -> Fixture {
    let mut fixture = Fixture::new(settings());
    fixture.change(|record| record.policy = policy);
    fixture
}

#[tokio::test]
async fn a_guest_gets_a_ticket_for_a_meeting_that_is_not_even_ready() {
    let fixture = fixture(AccessPolicy::Open);
    for body in ["", "{}", r#"{"direct": false}"#] {
        let answer = post(&fixture, JOIN, None, body).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"), "{}", answer.body);
        let json = answer.json();
        assert_eq!(json["signalingUrl"], "wss://meet.example.org/signal/team-a/stand-up");
        assert_eq!(json["iceServers"], json!([]));
        let expires: jiff::Timestamp = json["expiresAt"].as_str().unwrap().parse().unwrap();
        let seconds = expires.as_second() - jiff::Timestamp::now().as_second();
        assert!((590..=600).contains(&seconds), "{seconds}");
        let given = ticket(&fixture, &answer);
        assert_eq!(given.participant.guest.as_ref().map(String::len), Some(32));
        let participant = ParticipantGrant { guest: given.participant.guest.clone(), ..ParticipantGrant::default() };
        assert_eq!(given, JoinTicket { participant, vouched: None, ..some_ticket("uid-stand-up") });
    }
}

#[tokio::test]
async fn what_the_token_grants_is_in_the_ticket() {
    let mut fixture = fixture(AccessPolicy::Token);
    fixture.change(|record| record.moderators = vec!["ada".into()]);
    let token = join_token(&json!({"name": "Ada", "publish": ["audio"]}));
    let participant = ticket(&fixture, &post(&fixture, JOIN, Some(&token), "{}").await).participant;
    assert_eq!((participant.identity.as_deref(), participant.name.as_deref()), (Some("ada"), Some("Ada")));
    assert!(participant.moderator && participant.publish.audio && !participant.publish.video && !participant.lobby);
    let by_query = post(&fixture, &format!("{JOIN}?access_token={token}"), None, "").await;
    assert_eq!(ticket(&fixture, &by_query).participant, participant);
    let again = by_query.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(ticket(&fixture, &post(&fixture, JOIN, Some(&again), "").await), ticket(&fixture, &by_query));
    // Token and ticket have expired: the participant can still return while the key exists.
    let late = router_token(|signer| signer.ticket(&some_ticket("uid-stand-up"), now() - 3600).unwrap());
    let back = ticket(&fixture, &post(&fixture, JOIN, Some(&late), "").await);
    assert_eq!(back.participant.identity.as_deref(), Some("ada"));
    fixture.app.join.keys.store(Arc::default());
    assert_eq!(post(&fixture, JOIN, Some(&late), "").await.json()["reason"], "TicketExpired");
}

#[tokio::test]
async fn a_guest_waits_in_the_lobby_or_needs_a_token() {
    let lobby = fixture(AccessPolicy::Lobby);
    assert!(ticket(&lobby, &post(&lobby, JOIN, None, "").await).participant.lobby);
    let closed = fixture(AccessPolicy::Token);
    let refused = post(&closed, JOIN, None, "").await;
    assert_eq!((refused.status, &refused.json()["reason"]), (StatusCode::UNAUTHORIZED, &json!("TokenRequired")));
    assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"convene\"");
    let shown =
        ask(&closed, Request::get("/api/v1/meetings/team-a/stand-up").body(Body::empty()).unwrap()).await.json();
    assert_eq!((&shown["access"], &shown["tokenRequired"]), (&json!("Token"), &json!(true)));
}

#[tokio::test]
async fn a_wrong_token_is_refused_even_where_none_is_needed_and_never_repeated() {
    let past = now() - 3600;
    let cases = [
        ("garbage", "garbage-garbage".to_owned(), 401, "TokenMalformed"),
        ("expired", join_token(&json!({"iat": past - 60, "exp": past})), 401, "TokenExpired"),
        (
            "another key",
            signed(&json!({}), "app", b"a shared secret of some other application"),
            401,
            "TokenSignatureWrong",
        ),
        (
            "unknown key",
            signed(&json!({}), "shop", b"a shared secret of some other application"),
            401,
            "TokenKeyUnknown",
        ),
        ("another audience", join_token(&json!({"aud": "convene-join"})), 401, "TokenAudienceWrong"),
        ("no meeting", join_token(&json!({"meeting": null})), 401, "TokenClaimMissing"),
        ("another meeting", join_token(&json!({"meeting": "team-a/board"})), 403, "TokenForOtherMeeting"),
        ("a recorder", join_token(&json!({"recorder": true})), 403, "RecordingOff"),
        ("a router's admission", router_token(|signer| signer.admin(now()).unwrap()), 401, "TicketInvalid"),
        (
            "an old ticket",
            router_token(|signer| signer.ticket(&some_ticket("uid-stand-up"), now() - 3 * 86_400).unwrap()),
            401,
            "TicketExpired",
        ),
        (
            "a ticket of the meeting before",
            router_token(|signer| signer.ticket(&some_ticket("uid-0"), now()).unwrap()),
            401,
            "TicketInvalid",
        ),
    ];
    for policy in [AccessPolicy::Open, AccessPolicy::Lobby, AccessPolicy::Token] {
        let fixture = fixture(policy);
        for (name, token, status, reason) in &cases {
            let (log, guard) = Log::start();
            let answer = post(&fixture, JOIN, Some(token), "{}").await;
            drop(guard);
            let problem = answer.json();
            assert_eq!((answer.status.as_u16(), &problem["reason"]), (*status, &json!(reason)), "{name}: {problem}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{name}");
            for part in token.split('.') {
                assert!(!answer.body.contains(part) && !log.text().contains(part), "{name}: {problem} {}", log.text());
            }
            assert!(log.text().contains(JOIN), "the access log was watched: {}", log.text());
        }
        let counted = r#"convene_router_tickets_total{outcome="TokenExpired"} 1"#;
        assert!(fixture.app.metrics.render().lines().any(|line| line == counted));
    }
}

fn some_ticket(uid: &str) -> JoinTicket {
    let participant = ParticipantGrant { identity: Some("ada".into()), ..ParticipantGrant::default() };
    JoinTicket {
        namespace: "team-a".into(),
        name: "stand-up".into(),
        uid: uid.into(),
        participant,
        vouched: Some(Vouched { at: now(), key: "app".into() }),
    }
}

fn router_token(make: impl FnOnce(&convene_protocol::admission::Signer) -> String) -> String {
    make(&Fixture::new(settings()).app.signer.get().unwrap())
}

#[tokio::test]
async fn a_token_in_the_query_is_in_no_log() {
    let fixture = fixture(AccessPolicy::Open);
    let token = join_token(&json!({}));
    let (log, _guard) = Log::start();
    for path in [JOIN, "/signal/team-a/stand-up", "/api/v1/meetings/team-a/stand-up", "/m/team-a/stand-up", "/nothing"]
    {
        let path = format!("{path}?access_token={token}");
        post(&fixture, &path, None, "").await;
        ask(&fixture, Request::get(&path).body(Body::empty()).unwrap()).await;
    }
    assert!(log.text().lines().count() >= 10, "{}", log.text());
    assert!(!log.text().contains(&token) && !log.text().contains("access_token"), "{}", log.text());
}

#[tokio::test]
async fn meetings_that_cannot_be_joined_have_distinct_errors() {
    let mut fixture = fixture(AccessPolicy::Open);
    for (path, status, name) in [
        ("/api/v1/meetings/team-a/board/join", 404, "meeting-not-found"),
        ("/api/v1/meetings/Team/board/join", 400, "invalid-name"),
        ("/api/v1/meetings/team-a/%ff/join", 400, "invalid-name"),
    ] {
        let answer = post(&fixture, path, Some("garbage"), "").await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["type"].as_str().unwrap().rsplit('/').next().unwrap()),
            (status, name)
        );
    }
    fixture.change(|record| record.phase = MeetingPhase::Ended);
    let ended = post(&fixture, JOIN, None, "").await;
    assert_eq!((ended.status, &ended.json()["title"]), (StatusCode::GONE, &json!("Meeting ended")));
    fixture.app.table.publish(RoutingIndex::default());
    let starting = post(&fixture, JOIN, None, "").await;
    assert_eq!((starting.status, starting.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "2"));
}

#[tokio::test]
async fn bodies_and_methods_are_bounded() {
    let fixture = fixture(AccessPolicy::Open);
    let long = format!("{{\"direct\": {}false}}", " ".repeat(5000));
    for (body, status) in
        [("[]", 400), ("{\"direct\":\"yes\"}", 400), ("{", 400), ("{\"token\":\"x\"}", 400), (long.as_str(), 413)]
    {
        let answer = post(&fixture, JOIN, None, body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
        assert!(answer.json()["detail"].is_string());
    }
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = Request::builder().method(&method).uri(JOIN).body(Body::empty()).unwrap();
        let answer = ask(&fixture, request).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"), "{method}");
    }
}

fn pools(is_direct: bool) -> Pools {
    let ice_servers = vec![
        IceServer { urls: vec!["stun:stun.example.org:3478".into()], credentials_secret: None },
        IceServer { urls: vec!["turn:turn.example.org:3478".into()], credentials_secret: Some("turn".into()) },
    ];
    Pools::from([("lagoon".to_owned(), PoolRecord { ice_servers, is_direct })])
}

#[tokio::test]
async fn ice_servers_have_credentials_for_the_caller() {
    let fixture = fixture(AccessPolicy::Open);
    fixture.app.join.pools.store(pools(false).into());
    let answer = post(&fixture, JOIN, None, "").await.json();
    assert_eq!(answer["iceServers"], json!([{"urls": ["stun:stun.example.org:3478"]}]), "no credentials yet");
    let credentials = IceCredentials::TimeLimited { secret: "north".into(), lifetime: 3600 };
    fixture.app.join.turn.store(BTreeMap::from([("turn".to_owned(), credentials)]).into());
    let answer = post(&fixture, JOIN, Some(&join_token(&json!({}))), "").await.json();
    let username = answer["iceServers"][1]["username"].as_str().unwrap();
    let (expiry, identity) = username.split_once(':').unwrap();
    let seconds = expiry.parse::<u64>().unwrap() - now();
    assert!((3590..=3600).contains(&seconds) && identity == "ada", "{username}");
    assert_eq!(answer["iceServers"][1]["credential"].as_str().unwrap().len(), 28);
}

#[tokio::test]
async fn the_pod_address_is_returned_only_if_clients_can_reach_it() {
    let mut fixture = fixture(AccessPolicy::Open);
    fixture.app.join.pools.store(pools(true).into());
    let wanted = r#"{"direct": true}"#;
    let waiting = post(&fixture, JOIN, None, wanted).await;
    assert_eq!((waiting.status, &waiting.json()["reason"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("Pending")));
    assert_eq!(waiting.json()["detail"], "the meeting is not ready yet: the meeting is being prepared");
    fixture.assign("media-0", "10.1.2.3:28080".parse().unwrap());
    assert_eq!(post(&fixture, JOIN, None, wanted).await.status, StatusCode::CONFLICT, "nothing is announced yet");
    let mut pod = crate::fixtures::pod_record("media-0", "uid-media-0", "10.1.2.3:28080");
    pod.announced = Some([203, 0, 113, 7].into());
    fixture.index.apply_pod(pod);
    fixture.app.table.publish(fixture.index.clone());
    let answers = [post(&fixture, JOIN, None, wanted).await.json(), post(&fixture, JOIN, None, wanted).await.json()];
    let ids = answers.map(|answer: Value| {
        assert_eq!(answer["signalingUrl"], "ws://203.0.113.7:28080/signal/team-a/stand-up");
        let keys = KeySet::from_jwks(&fixture.jwks).unwrap();
        keys.verify_admission_with_end(answer["token"].as_str().unwrap(), now())
            .map(|(admission, _)| admission)
            .unwrap()
            .jti
    });
    assert!(ids[0] != ids[1] && ids[0].len() == 32, "{ids:?}");
    fixture.app.join.pools.store(pools(false).into());
    let refused = post(&fixture, JOIN, None, wanted).await;
    assert_eq!(
        (refused.status, &refused.json()["title"]),
        (StatusCode::CONFLICT, &json!("Direct connection unavailable"))
    );
}
