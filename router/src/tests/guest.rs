//! Returning guests: identified by cookie or ticket, at any replica, and not impersonated by others.

use axum::body::Body;
use axum::http::Request;
use convene_crds::AccessPolicy;
use convene_protocol::admission::{GuestId, JoinTicket, KeySet, ParticipantGrant, Signer};
use serde_json::json;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::http::{Answer, ask};
use super::peer::{Pod, Running, echo};
use crate::fixtures::{Fixture, Log, admission_key, join_token, meeting_record, settings};

const JOIN: &str = "/api/v1/meetings/team-a/stand-up/join";
const OTHER: &str = "/api/v1/meetings/team-a/board/join";
const SIGNAL: &str = "/signal/team-a/stand-up?peerId=abc";

type Headers<'a> = &'a [(&'static str, String)];

fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap()
}

/// A router with a second meeting, `team-a/board`.
fn fixture() -> Fixture {
    let mut fixture = Fixture::new(settings());
    fixture.index.apply_meeting(meeting_record("team-a", "board", None));
    fixture.app.table.publish(fixture.index.clone());
    fixture
}

async fn join(fixture: &Fixture, path: &str, headers: Headers<'_>) -> Answer {
    let mut request = Request::post(path).header("host", "meet.example.org");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    ask(fixture, request.body(Body::empty()).unwrap()).await
}

/// The credentials of a guest after a join.
struct Guest {
    id: String,
    /// As in a `Cookie` header.
    cookie: Option<String>,
    ticket: String,
}

fn guest(fixture: &Fixture, answer: &Answer) -> Guest {
    let ticket = answer.json()["token"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned();
    let keys = KeySet::from_jwks(&fixture.jwks).unwrap();
    let id = keys.verify_ticket(&ticket, now()).unwrap().participant.guest.expect("guests have ids");
    let cookie =
        Some(answer.header("set-cookie").split(';').next().unwrap().to_owned()).filter(|text| !text.is_empty());
    Guest { id, cookie, ticket }
}

fn cookie(guest: &Guest) -> (&'static str, String) {
    ("cookie", guest.cookie.clone().expect("a cookie was set"))
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

#[tokio::test]
async fn a_cookie_or_a_ticket_proves_that_the_same_guest_returns() {
    let (fixture, replica) = (fixture(), fixture());
    let first = guest(&fixture, &join(&fixture, JOIN, &[]).await);
    let ways: [&[_]; 4] = [
        &[cookie(&first)],
        &[bearer(&first.ticket)],
        &[bearer(&first.ticket), cookie(&first)],
        &[("cookie", format!("a=b; {}; c=d", first.cookie.clone().unwrap()))],
    ];
    for way in ways {
        for router in [&fixture, &replica] {
            let again = guest(router, &join(router, JOIN, way).await);
            assert_eq!((&again.id, &again.cookie), (&first.id, &None), "{way:?}");
        }
    }
    let stranger = guest(&fixture, &join(&fixture, JOIN, &[]).await);
    assert_ne!(stranger.id, first.id);
    let both = guest(&fixture, &join(&fixture, JOIN, &[bearer(&first.ticket), cookie(&stranger)]).await);
    assert_eq!(both.id, first.id, "the ticket goes before the cookie");
}

#[tokio::test]
async fn a_ticket_that_expired_lately_keeps_the_id_and_opens_nothing() {
    let fixture = fixture();
    let signer = fixture.app.signer.get().unwrap();
    let participant = ParticipantGrant { guest: Some("g".repeat(32)), ..ParticipantGrant::default() };
    let (namespace, name) = ("team-a".to_owned(), "stand-up".to_owned());
    let ticket = JoinTicket { namespace, name, uid: "uid-stand-up".into(), participant, vouched: None };
    let old = |hours: u64| signer.ticket(&ticket, now() - hours * 3600).unwrap();
    for (hours, expected) in [(0, 200), (1, 200), (23, 200), (25, 401)] {
        let answer = join(&fixture, JOIN, &[bearer(&old(hours))]).await;
        assert_eq!(answer.status.as_u16(), expected, "{hours} h: {}", answer.body);
        if expected == 200 {
            assert_eq!(guest(&fixture, &answer).id, "g".repeat(32));
        } else {
            assert_eq!(answer.json()["reason"], "TicketExpired");
        }
    }
    let router = Running::start();
    let path = format!("{SIGNAL}&access_token={}", old(1));
    let closed = super::peer::closed(super::peer::join(router.address, &path, &[]).await.unwrap()).await;
    assert_eq!(closed, Some((4000, "the ticket has expired".into())));
}

#[tokio::test]
async fn ids_of_two_meetings_do_not_match_and_tickets_stay_in_theirs() {
    let fixture = fixture();
    let here = guest(&fixture, &join(&fixture, JOIN, &[]).await);
    let there = guest(&fixture, &join(&fixture, OTHER, &[cookie(&here)]).await);
    assert_ne!(here.id, there.id);
    assert_eq!(there.cookie, None, "one cookie does for all meetings");
    let refused = join(&fixture, OTHER, &[bearer(&here.ticket)]).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["reason"]), (401, &json!("TicketInvalid")));
    assert_eq!(refused.header("set-cookie"), "");
}

#[tokio::test]
async fn what_is_forged_foreign_or_old_is_ignored_replaced_and_never_logged() {
    let fixture = fixture();
    let first = guest(&fixture, &join(&fixture, JOIN, &[]).await);
    let token = first.cookie.as_ref().unwrap().split_once('=').unwrap().1.to_owned();
    let stranger = admission_key("kid-2");
    let forge = |kid: &str| Signer::from_pem(&stranger.pem, kid).unwrap().guest(&GuestId::new(1), now()).unwrap();
    let cases = [
        ("forged", forge("kid-1")),
        ("foreign", forge("kid-2")),
        ("expired", fixture.app.signer.get().unwrap().guest(&GuestId::new(1), now() - 31 * 24 * 3600).unwrap()),
        ("cut", token[..token.len() - 4].to_owned()),
        ("a ticket", first.ticket.clone()),
        ("oversized", "a".repeat(5000)),
    ];
    let (log, _guard) = Log::start();
    for (name, value) in cases {
        let answer = join(&fixture, JOIN, &[("cookie", format!("convene-guest={value}"))]).await;
        let new = guest(&fixture, &answer);
        assert!(new.id != first.id && new.id != GuestId::new(1).in_meeting("uid-stand-up"), "{name}");
        let set = new.cookie.unwrap_or_else(|| panic!("{name}: no new cookie"));
        assert!(!log.text().contains(&value) && !log.text().contains(&set[14..]), "{name}: {}", log.text());
    }
    assert!(log.text().contains(JOIN), "the access log was watched: {}", log.text());
}

#[tokio::test]
async fn a_cookie_of_a_retired_key_counts_as_long_as_the_key_is_trusted() {
    let fixture = fixture();
    let first = guest(&fixture, &join(&fixture, JOIN, &[]).await);
    let rotated = admission_key("kid-2");
    let parse = |jwks: &str| serde_json::from_str::<serde_json::Value>(jwks).unwrap()["keys"][0].clone();
    let both = json!({"keys": [parse(&fixture.jwks), parse(&rotated.jwks)]}).to_string();
    fixture.app.signer.set(Signer::from_pem(&rotated.pem, "kid-2").unwrap());
    fixture.app.signer.trust(KeySet::from_jwks(&both).unwrap());
    let rotated_fixture = Fixture { jwks: both, ..fixture };
    let again = guest(&rotated_fixture, &join(&rotated_fixture, JOIN, &[cookie(&first)]).await);
    assert_eq!(again.id, first.id);
}

#[tokio::test]
async fn identities_get_no_cookie_and_pages_of_other_origins_only_the_ticket() {
    let fixture = fixture();
    let answer = join(&fixture, JOIN, &[bearer(&join_token(&json!({})))]).await;
    assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (200, ""));
    let participant = KeySet::from_jwks(&fixture.jwks)
        .unwrap()
        .verify_ticket(answer.json()["token"].as_str().unwrap(), now())
        .unwrap()
        .participant;
    assert_eq!((participant.identity.as_deref(), participant.guest), (Some("ada"), None));

    let elsewhere = ("origin", "https://app.example.org".to_owned());
    let first = guest(&fixture, &join(&fixture, JOIN, std::slice::from_ref(&elsewhere)).await);
    assert_eq!(first.cookie, None);
    let again = guest(&fixture, &join(&fixture, JOIN, &[elsewhere, bearer(&first.ticket)]).await);
    assert_eq!((again.id, again.cookie), (first.id, None));

    let own = ("origin", "https://meet.example.org".to_owned());
    let answer = join(&fixture, JOIN, &[own]).await;
    let set = answer.header("set-cookie");
    assert!(set.starts_with("__Host-convene-guest=") && set.ends_with("; Secure"), "{set}");
}

#[tokio::test]
async fn a_refused_guest_gets_no_cookie() {
    let mut fixture = fixture();
    fixture.change(|record| record.policy = AccessPolicy::Token);
    let refused = join(&fixture, JOIN, &[]).await;
    assert_eq!((refused.status.as_u16(), refused.header("set-cookie")), (401, ""));
}

async fn connect(router: &Running, headers: Headers<'_>) {
    let mut request = format!("ws://{}{SIGNAL}", router.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "protoo".parse().unwrap());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let mut client = connect_async(request).await.unwrap().0;
    assert_eq!(echo(&mut client, "hello").await, "hello");
}

#[tokio::test]
async fn the_pod_learns_which_guest_it_is_and_from_which_address() {
    let mut router = Running::start();
    let pod = Pod::start(&router.fixture.jwks).await;
    router.fixture.assign("media-0", pod.address);
    let first = guest(&router.fixture, &join(&router.fixture, JOIN, &[]).await);
    let ticket = ("sec-websocket-protocol", format!("protoo, convene.token.{}", first.ticket));
    connect(&router, &[]).await;
    connect(&router, &[cookie(&first)]).await;
    connect(&router, std::slice::from_ref(&ticket)).await;
    connect(&router, &[bearer(&join_token(&json!({}))), cookie(&first)]).await;
    router.fixture.change(|record| record.policy = AccessPolicy::Lobby);
    connect(&router, &[ticket]).await;

    let seen = pod.seen();
    let guests: Vec<_> = seen.iter().map(|seen| seen.participant.guest.clone()).collect();
    let id = Some(first.id.clone());
    assert_eq!(guests, [None, id.clone(), id.clone(), None, id]);
    for seen in &seen {
        assert_eq!(seen.participant.address.as_deref(), Some("127.0.0.1"));
        assert!(!seen.participant.receive_plain && !seen.headers.contains_key("cookie"));
    }
    assert!(seen[4].participant.lobby);
}
