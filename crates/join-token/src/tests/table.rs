//! Tables of tokens and their results.

use convene_protocol::admission::PublishGrant;
use serde_json::{Value, json};

use super::*;

#[test]
fn a_token_is_valid_within_its_lifetime_and_the_clock_skew() {
    for (key, kid) in [(SECRET, "shared"), (PRIVATE.as_bytes(), "pair")] {
        let token = signing_key(key).sign(kid, &with(json!({"nbf": NOW}))).unwrap();
        for (now, expected) in [
            (NOW - 31, Err(TokenError::NotYetValid)),
            (NOW - 30, Ok("ada")),
            (NOW + 3629, Ok("ada")),
            (NOW + 3630, Err(TokenError::Expired)),
        ] {
            let found = verify(&token, &keys(), &meeting(), now);
            assert_eq!(
                found.as_ref().map(|grant| grant.participant.identity.as_str()).map_err(|error| *error),
                expected,
                "{kid} {now}"
            );
        }
    }
}

#[test]
fn what_a_token_leaves_out_has_its_default() {
    let grant = check(&shared(json!({}))).unwrap();
    let all = PublishGrant { audio: true, video: true, share: true };
    assert_eq!((grant.participant.identity.as_str(), grant.participant.name, grant.publish), ("ada", None, all));
    assert!(
        grant.participant.subscribe
            && grant.participant.publish_data
            && !grant.participant.moderator
            && !grant.participant.hidden
            && !grant.participant.recorder
    );
    assert!(!grant.participant.receive_plain);
    assert_eq!((grant.participant.once, grant.expires_at), (None, NOW + 3600));
}

/// Changed claims, and a check of the grant.
type Granted = (Value, fn(&JoinGrant) -> bool);

#[test]
fn what_a_token_says_is_granted() {
    let none = PublishGrant { audio: false, video: false, share: false };
    let cases: [Granted; 19] = [
        (json!({"name": " Ada\u{202e}  L. "}), |grant| grant.participant.name.as_deref() == Some("Ada L.")),
        (json!({"publish": ["audio", "audio"]}), |grant| {
            grant.publish == PublishGrant { audio: true, video: false, share: false }
        }),
        (json!({"publish": false}), |grant| !grant.publish.audio && !grant.publish.video && !grant.publish.share),
        (json!({"publish": []}), |grant| !grant.publish.audio),
        (json!({"publish": true}), |grant| grant.publish == PublishGrant::default()),
        (json!({"subscribe": false}), |grant| !grant.participant.subscribe),
        (json!({"publishData": false}), |grant| !grant.participant.publish_data),
        (json!({"moderator": true}), |grant| grant.participant.moderator),
        (json!({"hidden": true}), |grant| grant.participant.hidden && !grant.publish.audio),
        (json!({"recorder": true}), |grant| grant.participant.recorder),
        (json!({}), |grant| grant.participant.viewer.is_none()),
        (json!({"viewer": true, "publish": ["audio"]}), |grant| {
            grant.participant.viewer == Some(true) && grant.publish.audio
        }),
        (json!({"viewer": false, "moderator": true}), |grant| grant.participant.viewer == Some(false)),
        (json!({"receivePlain": true}), |grant| grant.participant.receive_plain),
        (json!({"receivePlain": false}), |grant| !grant.participant.receive_plain),
        (json!({"once": true, "jti": "n-1"}), |grant| grant.participant.once.as_deref() == Some("shared/n-1")),
        (json!({"jti": "n-1"}), |grant| grant.participant.once.is_none()),
        (json!({"meeting": "team-a/*"}), |grant| grant.participant.identity == "ada"),
        (json!({"aud": ["other", "convene"], "iss": "app", "exp": 1_800_003_600.75}), |grant| {
            grant.expires_at == NOW + 3600
        }),
    ];
    for (changes, is_so) in cases {
        let grant = check(&shared(changes.clone())).unwrap_or_else(|error| panic!("{changes}: {error}"));
        assert!(is_so(&grant), "{changes}: {grant:?}");
    }
    assert_eq!(check(&shared(json!({"hidden": true}))).unwrap().publish, none);
}

/// Name, token, reason.
type Case = (&'static str, String, &'static str);

/// Form, key and signature.
fn wrong_outside() -> Vec<Case> {
    let good = shared(json!({}));
    let [header, payload, signature] = *good.split('.').collect::<Vec<_>>() else { unreachable!("three parts") };
    let pair = signing_key(PRIVATE.as_bytes());
    // The classic attack: a public key used as an HMAC secret.
    let swapped = |kid: &str, key: &[u8]| {
        sign_raw(format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#).as_bytes(), claims().to_string().as_bytes(), key)
    };
    let body: String = PUBLIC.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::prelude::BASE64_STANDARD.decode(body).unwrap();
    let last_bit = {
        let mut bytes = signature.as_bytes().to_vec();
        let last = bytes.len() - 1;
        bytes[last] = if bytes[last] == b'A' { b'B' } else { bytes[last] + 1 };
        String::from_utf8(bytes).unwrap()
    };
    vec![
        ("nothing", String::new(), "TokenMalformed"),
        ("no dots", "token".into(), "TokenMalformed"),
        ("one dot", format!("{header}.{payload}"), "TokenMalformed"),
        ("four parts", format!("{good}.{signature}"), "TokenMalformed"),
        ("five parts, as if encrypted", format!("{good}.a.b"), "TokenMalformed"),
        ("white space before", format!(" {good}"), "TokenMalformed"),
        ("line end after", format!("{good}\n"), "TokenMalformed"),
        ("padded base64", format!("{header}=.{payload}.{signature}"), "TokenMalformed"),
        ("base64 of the other alphabet", format!("{header}.{payload}.++//"), "TokenMalformed"),
        ("stray bits in the signature", format!("{header}.{payload}.{last_bit}"), "TokenMalformed"),
        ("unicode dots", good.replace('.', "．"), "TokenMalformed"),
        ("the scheme with it", format!("Bearer {good}"), "TokenMalformed"),
        ("oversize", format!("{good}{}", "A".repeat(4096)), "TokenTooLong"),
        ("oversize by its claims", shared(json!({"note": "x".repeat(4000)})), "TokenTooLong"),
        ("public key as secret, PEM", swapped("pair", PUBLIC.as_bytes()), "TokenAlgorithmMismatch"),
        ("public key as secret, trimmed", swapped("pair", PUBLIC.trim().as_bytes()), "TokenAlgorithmMismatch"),
        ("public key as secret, DER", swapped("pair", &der), "TokenAlgorithmMismatch"),
        ("public key as secret, bare", swapped("pair", &der[12..]), "TokenAlgorithmMismatch"),
        ("Ed25519 under a secret's kid", pair.sign("shared", &claims()).unwrap(), "TokenAlgorithmMismatch"),
        ("another secret", signing_key(OTHER_SECRET).sign("shared", &claims()).unwrap(), "TokenSignatureWrong"),
        ("no signature", format!("{header}.{payload}."), "TokenSignatureWrong"),
        ("half a signature", format!("{header}.{payload}.{}", &signature[..20]), "TokenSignatureWrong"),
        (
            "EdDSA with a signature of zeros",
            format!(
                "{}.{payload}.{}",
                BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"pair"}"#),
                BASE64_URL_SAFE_NO_PAD.encode([0; 64])
            ),
            "TokenSignatureWrong",
        ),
        (
            "another token's claims",
            format!("{header}.{}.{signature}", shared(json!({"sub": "bob"})).split('.').nth(1).unwrap()),
            "TokenSignatureWrong",
        ),
        (
            "another token's header",
            format!("{}.{payload}.{signature}", BASE64_URL_SAFE_NO_PAD.encode(r#"{"kid":"shared","alg":"HS256"}"#)),
            "TokenSignatureWrong",
        ),
    ]
}

/// Headers, mostly with a valid signature.
fn wrong_header() -> Vec<Case> {
    let payload = BASE64_URL_SAFE_NO_PAD.encode(claims().to_string());
    vec![
        ("header is no JSON", with_header("alg"), "TokenHeaderInvalid"),
        ("header is a list", with_header(r#"["HS256"]"#), "TokenHeaderInvalid"),
        ("header is null", with_header("null"), "TokenHeaderInvalid"),
        ("header with a tail", with_header(r#"{"alg":"HS256","kid":"shared"} {}"#), "TokenHeaderInvalid"),
        ("header with alg twice", with_header(r#"{"alg":"none","kid":"shared","alg":"HS256"}"#), "TokenHeaderInvalid"),
        (
            "header with kid twice, escaped",
            with_header(r#"{"alg":"HS256","kid":"shared","k\u0069d":"pair"}"#),
            "TokenHeaderInvalid",
        ),
        ("header is not UTF-8", sign_raw(b"{\"alg\":\"HS256\",\"kid\":\"\xff\"}", b"{}", SECRET), "TokenHeaderInvalid"),
        ("typ of another kind", with_header(r#"{"alg":"HS256","kid":"shared","typ":"at+jwt"}"#), "TokenTypeWrong"),
        ("typ that is no text", with_header(r#"{"alg":"HS256","kid":"shared","typ":1}"#), "TokenTypeWrong"),
        ("alg none", with_header(r#"{"alg":"none","kid":"shared"}"#), "TokenAlgorithmNotAllowed"),
        (
            "alg none without signature",
            format!("{}.{payload}.", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#)),
            "TokenAlgorithmNotAllowed",
        ),
        ("alg None", with_header(r#"{"alg":"None","kid":"shared"}"#), "TokenAlgorithmNotAllowed"),
        ("alg absent", with_header(r#"{"kid":"shared"}"#), "TokenAlgorithmNotAllowed"),
        ("alg empty", with_header(r#"{"alg":"","kid":"shared"}"#), "TokenAlgorithmNotAllowed"),
        ("alg null", with_header(r#"{"alg":null,"kid":"shared"}"#), "TokenAlgorithmNotAllowed"),
        ("alg in small letters", with_header(r#"{"alg":"hs256","kid":"shared"}"#), "TokenAlgorithmNotAllowed"),
        ("alg HS512", with_header(r#"{"alg":"HS512","kid":"shared"}"#), "TokenAlgorithmNotAllowed"),
        ("alg RS256", with_header(r#"{"alg":"RS256","kid":"shared"}"#), "TokenAlgorithmNotAllowed"),
        ("alg ES256", with_header(r#"{"alg":"ES256","kid":"pair"}"#), "TokenAlgorithmNotAllowed"),
        ("several algs", with_header(r#"{"alg":["HS256"],"kid":"shared"}"#), "TokenAlgorithmNotAllowed"),
        ("crit", with_header(r#"{"alg":"HS256","kid":"shared","crit":["exp"]}"#), "TokenCriticalHeader"),
        ("crit, empty", with_header(r#"{"alg":"HS256","kid":"shared","crit":[]}"#), "TokenCriticalHeader"),
        (
            "its own key",
            with_header(r#"{"alg":"HS256","kid":"shared","jwk":{"kty":"oct","k":"AAAA"}}"#),
            "TokenHeaderNotSupported",
        ),
        (
            "a key from elsewhere",
            with_header(r#"{"alg":"HS256","kid":"shared","jku":"https://x.example"}"#),
            "TokenHeaderNotSupported",
        ),
        ("a certificate", with_header(r#"{"alg":"EdDSA","kid":"pair","x5c":[]}"#), "TokenHeaderNotSupported"),
        ("a token in a token", with_header(r#"{"alg":"HS256","kid":"shared","cty":"JWT"}"#), "TokenHeaderNotSupported"),
        ("compressed", with_header(r#"{"alg":"HS256","kid":"shared","zip":"DEF"}"#), "TokenHeaderNotSupported"),
        ("b64 off", with_header(r#"{"alg":"HS256","kid":"shared","b64":false}"#), "TokenHeaderNotSupported"),
        ("no kid", with_header(r#"{"alg":"HS256"}"#), "TokenKeyIdMissing"),
        ("kid empty", with_header(r#"{"alg":"HS256","kid":""}"#), "TokenKeyIdInvalid"),
        ("kid null", with_header(r#"{"alg":"HS256","kid":null}"#), "TokenKeyIdInvalid"),
        ("kid a number", with_header(r#"{"alg":"HS256","kid":1}"#), "TokenKeyIdInvalid"),
        ("kid a path", with_header(r#"{"alg":"HS256","kid":"../../dev/null"}"#), "TokenKeyIdInvalid"),
        ("kid a query", with_header(r#"{"alg":"HS256","kid":"x' OR '1'='1"}"#), "TokenKeyIdInvalid"),
        ("kid with NUL", with_header(r#"{"alg":"HS256","kid":"shared\u0000"}"#), "TokenKeyIdInvalid"),
        ("kid in other letters", with_header(r#"{"alg":"HS256","kid":"ѕhared"}"#), "TokenKeyIdInvalid"),
        (
            "kid of a list of namespaces",
            with_header(r#"{"alg":"HS256","kid":"bounded.namespaces"}"#),
            "TokenKeyIdInvalid",
        ),
        (
            "kid too long",
            with_header(&format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(254))),
            "TokenKeyIdInvalid",
        ),
        ("unknown kid", with_header(r#"{"alg":"HS256","kid":"Shared"}"#), "TokenKeyUnknown"),
    ]
}

/// Claims with a valid signature.
fn wrong_inside() -> Vec<Case> {
    let text = claims().to_string();
    let more = |more: &str| with_payload(&format!("{},{more}}}", &text[..text.len() - 1]));
    let bounded = signing_key(SECRET).sign("bounded", &claims()).unwrap();
    vec![
        ("no JSON", with_payload("claims"), "TokenClaimsUnreadable"),
        ("a list", with_payload("[]"), "TokenClaimsUnreadable"),
        (
            "not UTF-8",
            sign_raw(br#"{"alg":"HS256","kid":"shared"}"#, b"{\"sub\":\"\xff\"}", SECRET),
            "TokenClaimsUnreadable",
        ),
        ("half a surrogate", more(r#""name":"\ud800""#), "TokenClaimsUnreadable"),
        ("nested too deep", more(&format!(r#""x":{}1{}"#, "[".repeat(500), "]".repeat(500))), "TokenClaimsUnreadable"),
        ("sub twice", more(r#""sub":"root""#), "TokenClaimsUnreadable"),
        ("exp twice, escaped", more(r#""\u0065xp":9999999999"#), "TokenClaimsUnreadable"),
        ("an unknown claim twice", more(r#""x":1,"x":2"#), "TokenClaimsUnreadable"),
        ("moderator misspelled", shared(json!({"Moderator": false})), "TokenClaimMisspelled"),
        ("publish_data", shared(json!({"publish_data": false})), "TokenClaimMisspelled"),
        ("receive_plain", shared(json!({"receive_plain": true})), "TokenClaimMisspelled"),
        ("no aud", shared(json!({"aud": null})), "TokenClaimMissing"),
        ("another aud", shared(json!({"aud": "convene-pod"})), "TokenAudienceWrong"),
        ("aud in capitals", shared(json!({"aud": "Convene"})), "TokenAudienceWrong"),
        ("a list without ours", shared(json!({"aud": ["convene-join", "convened"]})), "TokenAudienceWrong"),
        ("aud a number", shared(json!({"aud": 1})), "TokenAudienceWrong"),
        ("no exp", shared(json!({"exp": null})), "TokenClaimMissing"),
        ("exp a text", shared(json!({"exp": "1800003600"})), "TokenClaimInvalid"),
        ("exp negative", shared(json!({"exp": -1})), "TokenClaimInvalid"),
        ("exp in milliseconds", shared(json!({"exp": (NOW + 60) * 1000})), "TokenClaimInvalid"),
        ("exp without end", more(r#""nbf":1e308"#), "TokenClaimInvalid"),
        ("expired", shared(json!({"exp": NOW - 30, "iat": NOW - 60})), "TokenExpired"),
        ("expired long ago", shared(json!({"exp": 0, "iat": 0})), "TokenExpired"),
        ("not yet", shared(json!({"nbf": NOW + 31})), "TokenNotYetValid"),
        ("nbf a text", shared(json!({"nbf": "now"})), "TokenClaimInvalid"),
        ("issued tomorrow", shared(json!({"iat": NOW + 31})), "TokenIssuedInFuture"),
        ("iat a switch", shared(json!({"iat": true})), "TokenClaimInvalid"),
        ("for two days", shared(json!({"exp": NOW + 172_800})), "TokenLifetimeTooLong"),
        ("for two days, without iat", shared(json!({"exp": NOW + 172_800, "iat": null})), "TokenLifetimeTooLong"),
        ("for a day and a second", shared(json!({"exp": NOW + 86_401})), "TokenLifetimeTooLong"),
        ("long ago for a year", shared(json!({"exp": NOW + 60, "iat": NOW - 31_536_000})), "TokenLifetimeTooLong"),
        ("no meeting", shared(json!({"meeting": null})), "TokenClaimMissing"),
        ("every meeting", shared(json!({"meeting": "*/*"})), "TokenClaimInvalid"),
        ("a meeting without namespace", shared(json!({"meeting": "board"})), "TokenClaimInvalid"),
        ("a meeting with dots", shared(json!({"meeting": "team-a/../board"})), "TokenClaimInvalid"),
        ("several meetings", shared(json!({"meeting": ["team-a/board"]})), "TokenClaimInvalid"),
        ("half a star", shared(json!({"meeting": "team-a/bo*"})), "TokenClaimInvalid"),
        ("another meeting", shared(json!({"meeting": "team-a/retro"})), "TokenForOtherMeeting"),
        ("another namespace", shared(json!({"meeting": "team-b/board"})), "TokenForOtherMeeting"),
        ("another namespace with a star", shared(json!({"meeting": "team-b/*"})), "TokenForOtherMeeting"),
        ("a key for other namespaces", bounded, "TokenNamespaceNotAllowed"),
        ("no sub", shared(json!({"sub": null})), "TokenClaimMissing"),
        ("sub a number", shared(json!({"sub": 42})), "TokenClaimInvalid"),
        ("sub empty", shared(json!({"sub": ""})), "TokenIdentityInvalid"),
        ("sub too long", shared(json!({"sub": "a".repeat(201)})), "TokenIdentityInvalid"),
        ("sub with NUL", shared(json!({"sub": "ada\0"})), "TokenIdentityInvalid"),
        ("sub turned around", shared(json!({"sub": "\u{202e}ada"})), "TokenIdentityInvalid"),
        ("sub with nothing in it", shared(json!({"sub": "ad\u{200b}a"})), "TokenIdentityInvalid"),
        ("sub with white space at its end", shared(json!({"sub": "ada "})), "TokenIdentityInvalid"),
        ("name a list", shared(json!({"name": ["Ada"]})), "TokenClaimInvalid"),
        ("name that cannot be seen", shared(json!({"name": "\u{202e}\u{200b}"})), "TokenNameInvalid"),
        ("name too long", shared(json!({"name": "a".repeat(201)})), "TokenNameInvalid"),
        ("moderator a text", shared(json!({"moderator": "true"})), "TokenClaimInvalid"),
        ("moderator a number", shared(json!({"moderator": 1})), "TokenClaimInvalid"),
        ("hidden an object", shared(json!({"hidden": {}})), "TokenClaimInvalid"),
        ("publish a text", shared(json!({"publish": "audio"})), "TokenClaimInvalid"),
        ("publish of something else", shared(json!({"publish": ["audio", "screen"]})), "TokenClaimInvalid"),
        ("publish of a number", shared(json!({"publish": [1]})), "TokenClaimInvalid"),
        ("hidden and sending", shared(json!({"hidden": true, "publish": ["audio"]})), "TokenHiddenPublishes"),
        ("hidden and recording", shared(json!({"hidden": true, "recorder": true})), "TokenHiddenRecords"),
        ("viewer and moderator", shared(json!({"viewer": true, "moderator": true})), "TokenViewerIsMore"),
        ("viewer and hidden", shared(json!({"viewer": true, "hidden": true})), "TokenViewerIsMore"),
        ("viewer and recorder", shared(json!({"viewer": true, "recorder": true})), "TokenViewerIsMore"),
        ("viewer a text", shared(json!({"viewer": "yes"})), "TokenClaimInvalid"),
        ("once without jti", shared(json!({"once": true})), "TokenOnceWithoutId"),
        ("jti empty", shared(json!({"once": true, "jti": ""})), "TokenClaimInvalid"),
        ("jti with a line end", shared(json!({"jti": "a\nb"})), "TokenClaimInvalid"),
        ("jti too long", shared(json!({"jti": "j".repeat(129)})), "TokenClaimInvalid"),
        ("jti a number", shared(json!({"once": true, "jti": 7})), "TokenClaimInvalid"),
    ]
}

#[test]
fn every_wrong_token_is_refused_with_its_reason_and_without_any_of_it() {
    let cases = [wrong_outside(), wrong_header(), wrong_inside()].concat();
    assert!(cases.len() >= 120, "{} cases", cases.len());
    for (name, token, reason) in cases {
        let error = check(&token).expect_err(name);
        assert_eq!(error.reason(), reason, "{name}: {error}");
        let told = format!("{error} {error:?}");
        for part in token.split('.').filter(|part| part.len() > 6) {
            assert!(!told.contains(part), "{name}: {told}");
        }
        assert!(!told.contains("screen\"]") && !told.contains("root") && !told.contains("x.example"), "{name}: {told}");
    }
}

#[test]
fn the_longest_lifetime_can_be_set() {
    let token = shared(json!({"exp": NOW + 172_800}));
    let mut keys = keys();
    keys.max_lifetime = 172_800;
    assert!(verify(&token, &keys, &meeting(), NOW).is_ok());
    keys.max_lifetime = 172_799;
    assert_eq!(verify(&token, &keys, &meeting(), NOW), Err(TokenError::Lifetime(172_799)));
}

#[test]
fn a_token_issued_in_advance_is_valid_from_its_nbf() {
    let token = shared(json!({"iat": NOW, "nbf": NOW + 604_800, "exp": NOW + 608_400}));
    assert_eq!(check(&token), Err(TokenError::NotYetValid));
    assert!(verify(&token, &keys(), &meeting(), NOW + 604_800).is_ok());
}

#[test]
fn an_application_whose_key_is_taken_away_opens_nothing_any_longer() {
    let token = shared(json!({}));
    assert!(check(&token).is_ok());
    assert_eq!(verify(&token, &JoinKeys::default(), &meeting(), NOW), Err(TokenError::KeyUnknown));
}

#[test]
fn only_what_a_router_accepts_is_made() {
    let request = TokenRequest {
        scope: Scope::parse("team-a/*").unwrap(),
        participant: Participant {
            identity: "ada".into(),
            name: Some("Ada".into()),
            subscribe: false,
            publish_data: false,
            moderator: true,
            hidden: false,
            recorder: true,
            viewer: None,
            receive_plain: true,
            once: Some("n-1".into()),
        },
        publish: Some(PublishGrant { audio: true, video: false, share: false }),
        lifetime: 60,
        max_lifetime: 3600,
    };
    for (key, kid) in [(SECRET, "shared"), (PRIVATE.as_bytes(), "pair")] {
        let token = create_token(&request, &signing_key(key), kid, NOW).unwrap();
        let grant = check(&token).unwrap();
        assert!(
            grant.participant.moderator
                && grant.participant.recorder
                && grant.participant.receive_plain
                && !grant.participant.subscribe
                && !grant.participant.publish_data
                && !grant.publish.video
        );
        assert_eq!((grant.expires_at, grant.participant.once), (NOW + 60, Some(format!("{kid}/n-1"))));
    }
    let long = TokenRequest { lifetime: 3601, ..request.clone() };
    assert_eq!(
        create_token(&long, &signing_key(SECRET), "k", NOW),
        Err(CreateError::Refused(TokenError::Lifetime(3600)))
    );
    let hidden = Participant { hidden: true, ..request.participant.clone() };
    let unseen = TokenRequest { participant: hidden, publish: None, ..request.clone() };
    assert_eq!(
        create_token(&unseen, &signing_key(SECRET), "k", NOW),
        Err(CreateError::Refused(TokenError::HiddenRecords))
    );
    let nameless = Participant { identity: String::new(), ..request.participant.clone() };
    let anonymous = TokenRequest { participant: nameless, ..request };
    assert_eq!(create_token(&anonymous, &signing_key(SECRET), "k", NOW).unwrap_err().reason(), "TokenIdentityInvalid");
    assert_eq!(SigningKey::read(PUBLIC.as_bytes()).unwrap_err(), CreateError::PublicKey);
    assert_eq!(SigningKey::read(b"short").unwrap_err().reason(), "JoinKeyWeak");
}
