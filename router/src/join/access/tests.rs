//! Access by policy, token, list of moderators and lock.

use convene_join_token::{JoinKey, Participant};
use convene_protocol::admission::{PublishGrant, RETURN_SECONDS, Signer, TICKET_SECONDS, Vouched};
use proptest::prelude::*;

use super::*;
use crate::edge::refusal::CredentialError;
use crate::fixtures::{admission_key, key, meeting_facts, meeting_record};

fn grant(change: impl FnOnce(&mut JoinGrant)) -> Credential {
    let mut grant = JoinGrant {
        participant: Participant {
            identity: "ada".into(),
            name: Some("Ada".into()),
            subscribe: true,
            publish_data: true,
            moderator: false,
            hidden: false,
            recorder: false,
            viewer: None,
            receive_plain: false,
            once: None,
        },
        publish: PublishGrant { share: false, ..PublishGrant::default() },
        key: "app".into(),
        expires_at: 1,
    };
    change(&mut grant);
    Credential::Token(Box::new(grant))
}

fn ticket(change: impl FnOnce(&mut JoinTicket)) -> Credential {
    let participant = ParticipantGrant { identity: Some("ada".into()), ..ParticipantGrant::default() };
    let (namespace, name, uid) = ("team-a".into(), "board".into(), "uid-board".into());
    let mut ticket = JoinTicket { namespace, name, uid, participant, vouched: None };
    change(&mut ticket);
    Credential::Ticket(Box::new(ticket))
}

/// One word for the access decision.
fn outcome(meeting: &MeetingRecord, credential: &Credential) -> String {
    match decide_access(meeting, credential, None) {
        Ok(participant) => {
            let who = participant.identity.as_deref().unwrap_or("guest");
            let moderates = if participant.moderator { " moderates" } else { "" };
            let waits = if participant.lobby { " waits" } else { "" };
            format!("{who}{moderates}{waits}")
        }
        Err(refusal) => refusal.reason().to_owned(),
    }
}

#[test]
fn viewers_by_token_or_else_by_the_meeting_and_never_moderators() {
    let is_viewer = |join_as: JoinAs, credential: &Credential| {
        let meeting =
            MeetingRecord { join_as, moderators: vec!["bob".into()], ..meeting_record("team-a", "board", None) };
        decide_access(&meeting, credential, None).unwrap().viewer
    };
    let with = |viewer| grant(move |grant| grant.participant.viewer = viewer);
    let cases = [
        (JoinAs::Participant, Credential::Guest, false),
        (JoinAs::Viewer, Credential::Guest, true),
        (JoinAs::Participant, with(None), false),
        (JoinAs::Viewer, with(None), true),
        (JoinAs::Participant, with(Some(true)), true),
        (JoinAs::Viewer, with(Some(false)), false),
        (JoinAs::Viewer, grant(|grant| grant.participant.moderator = true), false),
        (JoinAs::Viewer, grant(|grant| grant.participant.identity = "bob".into()), false),
        (
            JoinAs::Participant,
            grant(|grant| {
                (grant.participant.identity, grant.participant.viewer) = ("bob".into(), Some(true));
            }),
            false,
        ),
        (JoinAs::Viewer, grant(|grant| grant.participant.hidden = true), false),
        (JoinAs::Participant, ticket(|ticket| ticket.participant.viewer = true), true),
        (JoinAs::Viewer, ticket(|ticket| ticket.participant.identity = None), true),
    ];
    for (join_as, credential, expected) in cases {
        assert_eq!(is_viewer(join_as, &credential), expected, "{join_as:?} {credential:?}");
    }
}

#[test]
fn policy_by_token_by_moderators_by_lock() {
    let cases: [(AccessPolicy, Credential, &[&str], &str); 17] = [
        (AccessPolicy::Open, Credential::Guest, &[], "guest"),
        (AccessPolicy::Open, Credential::Guest, &["guest", ""], "guest"),
        (AccessPolicy::Open, grant(|_| {}), &[], "ada"),
        (AccessPolicy::Open, grant(|_| {}), &["bob", "ada"], "ada moderates"),
        (AccessPolicy::Open, grant(|_| {}), &["Ada", "ada "], "ada"),
        (AccessPolicy::Open, grant(|grant| grant.participant.moderator = true), &[], "ada moderates"),
        (AccessPolicy::Token, Credential::Guest, &[], "TokenRequired"),
        (AccessPolicy::Token, grant(|_| {}), &[], "ada"),
        (AccessPolicy::Token, grant(|_| {}), &["ada"], "ada moderates"),
        (AccessPolicy::Token, ticket(|_| {}), &["ada"], "ada"),
        (AccessPolicy::Token, ticket(|ticket| ticket.participant.moderator = true), &[], "ada moderates"),
        (AccessPolicy::Token, ticket(|ticket| ticket.participant.identity = None), &[], "TokenRequired"),
        (AccessPolicy::Lobby, Credential::Guest, &[], "guest waits"),
        (AccessPolicy::Lobby, grant(|_| {}), &[], "ada"),
        (AccessPolicy::Lobby, grant(|_| {}), &["ada"], "ada moderates"),
        (AccessPolicy::Lobby, ticket(|_| {}), &[], "ada"),
        (AccessPolicy::Lobby, ticket(|ticket| ticket.participant.identity = None), &[], "guest waits"),
    ];
    for (policy, credential, moderators, expected) in cases {
        // The media pod enforces the lock: it is part of the grant, and the decision is the same.
        for is_locked in [false, true] {
            let moderators = moderators.iter().map(ToString::to_string).collect();
            let meeting = MeetingRecord {
                policy,
                moderators,
                facts: meeting_facts(is_locked),
                ..meeting_record("team-a", "board", None)
            };
            assert_eq!(outcome(&meeting, &credential), expected, "{policy:?} {credential:?}");
            assert_eq!(meeting.grant(jiff::Timestamp::UNIX_EPOCH).settings.locked, is_locked);
        }
    }
}

#[test]
fn a_guest_of_an_open_meeting_has_the_default_grant_and_a_token_gives_what_it_says() {
    let meeting = meeting_record("team-a", "board", None);
    assert_eq!(decide_access(&meeting, &Credential::Guest, None), Ok(ParticipantGrant::default()));
    let browser = GuestId::new(1);
    let once = grant(|grant| grant.participant.once = Some("k/1".into()));
    let participant = decide_access(&meeting, &once, Some(&browser)).unwrap();
    let expected = ParticipantGrant {
        identity: Some("ada".into()),
        name: Some("Ada".into()),
        publish: PublishGrant { share: false, ..PublishGrant::default() },
        once: Some("k/1".into()),
        ..ParticipantGrant::default()
    };
    assert_eq!(participant, expected);
}

fn guest_ticket(id: Option<&str>) -> Credential {
    ticket(|ticket| {
        ticket.participant = ParticipantGrant { guest: id.map(Into::into), ..ParticipantGrant::default() };
    })
}

#[test]
fn a_guest_is_known_by_the_ticket_then_by_the_cookie_and_an_identity_by_neither() {
    let browser = GuestId::new(1);
    let cookie = browser.in_meeting("uid-board");
    let cases = [
        ("nothing", Credential::Guest, None, None),
        ("a cookie", Credential::Guest, Some(&browser), Some(cookie.as_str())),
        ("a ticket", guest_ticket(Some("g-1")), None, Some("g-1")),
        ("both", guest_ticket(Some("g-1")), Some(&browser), Some("g-1")),
        ("a ticket without an id", guest_ticket(None), None, None),
        ("a ticket without an id and a cookie", guest_ticket(None), Some(&browser), Some(cookie.as_str())),
        ("an identity", grant(|_| {}), Some(&browser), None),
        ("an identity's ticket", ticket(|_| {}), Some(&browser), None),
    ];
    for policy in [AccessPolicy::Open, AccessPolicy::Lobby] {
        let meeting = MeetingRecord { policy, ..meeting_record("team-a", "board", None) };
        for (name, credential, browser, expected) in &cases {
            let participant = decide_access(&meeting, credential, *browser).unwrap();
            assert_eq!(participant.guest.as_deref(), *expected, "{name} {policy:?}");
        }
    }
}

proptest! {
    #[test]
    fn nothing_of_another_meeting_or_browser_gives_a_guests_id(random: u128, other: u128, uid in "[a-z0-9-]{1,36}") {
        prop_assume!(random != other && uid != "uid-board");
        let meeting = meeting_record("team-a", "board", None);
        let id = GuestId::new(random).in_meeting(&meeting.uid);
        let given = |credential: &Credential, browser: &GuestId| decide_access(&meeting, credential, Some(browser));
        prop_assert_eq!(given(&Credential::Guest, &GuestId::new(random)).unwrap().guest.unwrap(), id.clone());
        prop_assert_ne!(given(&Credential::Guest, &GuestId::new(other)).unwrap().guest.unwrap(), id.clone());
        prop_assert_ne!(GuestId::new(random).in_meeting(&uid), id.clone());
        let foreign = ticket(|ticket| {
            ticket.uid = uid;
            ticket.participant = ParticipantGrant { guest: Some(id), ..ParticipantGrant::default() };
        });
        prop_assert_eq!(given(&foreign, &GuestId::new(other)), Err(JoinRefusal::TicketInvalid));
    }
}

#[test]
fn participants_return_with_tickets_that_expired_lately_as_long_as_they_are_vouched_for() {
    const NOW: u64 = 1_800_000_000;
    let ours = admission_key("kid-1");
    let (signer, trusted) = (Signer::from_pem(&ours.pem, "kid-1").unwrap(), KeySet::from_jwks(&ours.jwks).unwrap());
    let board = key("team-a", "board");
    let secret = |namespaces: &[&str]| {
        let key = JoinKey::read(b"0123456789abcdef0123456789abcdef").unwrap();
        key.only_for(namespaces.iter().map(|name| (*name).to_owned()).collect())
    };
    let keys = JoinKeys::new(3600).with("app", secret(&["team-a"])).with("other", secret(&["team-b"]));
    let vouched = |at: u64, key: &str| ticket(|ticket| ticket.vouched = Some(Vouched { at, key: key.to_owned() }));
    let ask = |credential: &Credential, age: u64| {
        let Credential::Ticket(content) = credential else { unreachable!("it is a ticket") };
        let token = signer.ticket(content, NOW - age).unwrap();
        identify_returning(Some(&token), &board, Some(&trusted), &keys, NOW)
    };
    let guest = guest_ticket(Some("g-1"));
    let last = TICKET_SECONDS + RETURN_SECONDS;
    for (credential, age, expected) in [
        (&guest, 0, Ok(guest.clone())),
        (&guest, TICKET_SECONDS + 60, Ok(guest.clone())),
        (&guest, last, Ok(guest.clone())),
        (&guest, last + 60, Err(JoinRefusal::TicketExpired)),
        (&vouched(NOW - 3600, "app"), 0, Ok(vouched(NOW - 3600, "app"))),
        (&vouched(NOW - 3600, "app"), TICKET_SECONDS + 60, Ok(vouched(NOW - 3600, "app"))),
        (&vouched(NOW - 3601, "app"), 0, Err(JoinRefusal::TicketExpired)),
        (&vouched(NOW, "removed"), 0, Err(JoinRefusal::TicketExpired)),
        (&vouched(NOW, "other"), 0, Err(JoinRefusal::TicketExpired)),
        (&ticket(|_| {}), 0, Err(JoinRefusal::TicketExpired)),
        (&vouched(u64::MAX, "app"), last + 60, Err(JoinRefusal::TicketExpired)),
    ] {
        assert_eq!(ask(credential, age), expected, "{age} s");
    }
    assert_eq!(identify_returning(None, &board, Some(&trusted), &keys, NOW), Ok(Credential::Guest));
    assert_eq!(identify_returning(Some("x"), &board, None, &keys, NOW), identify(Some("x"), &board, None, &keys, NOW));
}

#[test]
fn recorders_need_a_meeting_that_is_recorded() {
    let plain = meeting_record("team-a", "board", None);
    let recorded = MeetingRecord { may_be_recorded: true, ..plain.clone() };
    for recorder in
        [grant(|grant| grant.participant.recorder = true), ticket(|ticket| ticket.participant.recorder = true)]
    {
        assert_eq!(outcome(&plain, &recorder), "RecordingOff");
        assert_eq!(outcome(&recorded, &recorder), "ada");
    }
    assert_eq!(JoinRefusal::RecordingOff.status(), 403);
    for unseen in [
        grant(|grant| (grant.participant.recorder, grant.participant.hidden) = (true, true)),
        ticket(|ticket| (ticket.participant.recorder, ticket.participant.hidden) = (true, true)),
    ] {
        assert_eq!(outcome(&recorded, &unseen), "TokenHiddenRecords");
    }
}

#[test]
fn a_ticket_is_for_one_meeting_and_one_object() {
    let meeting = meeting_record("team-a", "board", None);
    for other in [
        ticket(|ticket| ticket.namespace = "team-b".into()),
        ticket(|ticket| ticket.name = "other".into()),
        ticket(|ticket| ticket.uid = "uid-before".into()),
    ] {
        assert_eq!(outcome(&meeting, &other), "TicketInvalid");
    }
}

#[test]
fn tickets_and_tokens_are_distinguished_by_their_keys() {
    const NOW: u64 = 1_800_000_000;
    let [ours, stranger] = ["kid-1", "kid-2"].map(admission_key);
    let trusted = KeySet::from_jwks(&ours.jwks).unwrap();
    let signer = Signer::from_pem(&ours.pem, "kid-1").unwrap();
    let (board, keys) = (key("team-a", "board"), JoinKeys::default());
    let Credential::Ticket(content) = ticket(|_| {}) else { unreachable!("it is a ticket") };
    let good = signer.ticket(&content, NOW).unwrap();
    let ask = |token: &str, now| identify(Some(token), &board, Some(&trusted), &keys, now);

    assert_eq!(identify(None, &board, None, &keys, NOW), Ok(Credential::Guest));
    assert_eq!(ask(&good, NOW), Ok(Credential::Ticket(content.clone())));
    assert_eq!(ask(&good, NOW + 3600), Err(JoinRefusal::TicketExpired));
    assert_eq!(ask(&signer.admin(NOW).unwrap(), NOW), Err(JoinRefusal::TicketInvalid));
    assert_eq!(identify(Some(&good), &board, None, &keys, NOW), Err(JoinRefusal::KeysUnknown));
    let foreign = Signer::from_pem(&stranger.pem, "kid-2").unwrap().ticket(&content, NOW).unwrap();
    assert_eq!(ask(&foreign, NOW), Err(JoinRefusal::Token(TokenError::KeyUnknown)));
    let forged = Signer::from_pem(&stranger.pem, "kid-1").unwrap().ticket(&content, NOW).unwrap();
    assert_eq!(ask(&forged, NOW), Err(JoinRefusal::TicketInvalid));
    assert!(matches!(ask("garbage", NOW), Err(JoinRefusal::Token(TokenError::Malformed(_)))));
}

#[test]
fn close_texts_fit_into_a_close_frame() {
    let refusals = [
        JoinRefusal::TokenRequired,
        JoinRefusal::TicketExpired,
        JoinRefusal::Token(TokenError::NamespaceNotAllowed),
        JoinRefusal::Credential(CredentialError::Ambiguous),
    ];
    for refusal in refusals {
        assert!(refusal.close_text().len() <= 123, "{refusal}");
    }
}
