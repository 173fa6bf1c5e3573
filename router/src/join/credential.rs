//! Takes the token out of a request: from the subprotocols, the `Authorization` header or the query.
//!
//! Afterwards no part of the request contains the token, so later code can neither log it nor send it to a media pod. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::borrow::Cow;

use axum::http::request::Parts;
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderMap, HeaderValue, header};
use percent_encoding::percent_decode_str;

use crate::edge::refusal::CredentialError;

/// Prefix of the subprotocol that carries a token.
pub(crate) const SUBPROTOCOL_PREFIX: &str = "convene.token.";
/// Query parameter that carries a token, for clients that can set neither subprotocols nor headers.
pub(crate) const QUERY_PARAMETER: &str = "access_token";

type Found = Vec<Result<String, CredentialError>>;

/// The token of the request, if it has one. It is removed from the request, whatever the result.
pub(crate) fn take_token(parts: &mut Parts) -> Result<Option<String>, CredentialError> {
    let mut found = Found::new();
    take_from_subprotocols(&mut parts.headers, &mut found);
    take_from_authorization(&mut parts.headers, &mut found);
    take_from_query(&mut parts.uri, &mut found);
    // Extractors keep the original URI.
    parts.extensions.remove::<axum::extract::OriginalUri>();
    let mut tokens = found.into_iter();
    let Some(first) = tokens.next().transpose()? else { return Ok(None) };
    for other in tokens {
        if other? != first {
            return Err(CredentialError::Ambiguous);
        }
    }
    if first.is_empty() { Err(CredentialError::Empty) } else { Ok(Some(first)) }
}

fn take_from_subprotocols(headers: &mut HeaderMap, found: &mut Found) {
    let given: Vec<HeaderValue> = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().cloned().collect();
    headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
    for value in given {
        let Ok(text) = value.to_str() else {
            if value.as_bytes().windows(SUBPROTOCOL_PREFIX.len()).any(|bytes| bytes == SUBPROTOCOL_PREFIX.as_bytes()) {
                found.push(Err(CredentialError::NotText));
            }
            continue;
        };
        let (tokens, others): (Vec<_>, Vec<_>) =
            text.split(',').map(str::trim).partition(|part| part.starts_with(SUBPROTOCOL_PREFIX));
        found.extend(tokens.into_iter().map(|token| Ok(token[SUBPROTOCOL_PREFIX.len()..].to_owned())));
        match HeaderValue::try_from(others.join(", ")) {
            Ok(rest) if !others.is_empty() => drop(headers.append(header::SEC_WEBSOCKET_PROTOCOL, rest)),
            _ => {}
        }
    }
}

/// Schemes other than `Bearer` are for proxies in front of the router.
fn take_from_authorization(headers: &mut HeaderMap, found: &mut Found) {
    for value in headers.get_all(header::AUTHORIZATION) {
        let bytes = value.as_bytes();
        let scheme = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
        if scheme.eq_ignore_ascii_case(b"bearer") {
            let token = std::str::from_utf8(bytes[scheme.len()..].trim_ascii());
            found.push(token.map(ToOwned::to_owned).map_err(|_| CredentialError::NotText));
        }
    }
    headers.remove(header::AUTHORIZATION);
}

fn take_from_query(uri: &mut Uri, found: &mut Found) {
    let Some(query) = uri.query() else { return };
    let (tokens, others): (Vec<_>, Vec<_>) = query.split('&').partition(|pair| is_token_pair(pair));
    if tokens.is_empty() {
        return;
    }
    for pair in tokens {
        let value = pair.split_once('=').map_or("", |(_, value)| value);
        let text = percent_decode_str(value).decode_utf8().map(Cow::into_owned);
        found.push(text.map_err(|_| CredentialError::NotText));
    }
    let target = if others.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), others.join("&")) };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).unwrap_or_else(|_| PathAndQuery::from_static("/")));
    *uri = Uri::from_parts(parts).unwrap_or_else(|_| Uri::from_static("/"));
}

fn is_token_pair(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    percent_decode_str(name).eq(QUERY_PARAMETER.bytes())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use proptest::prelude::*;

    use super::*;

    type Headers = &'static [(&'static str, &'static [u8])];

    fn parts(uri: &str, headers: &[(&'static str, &[u8])]) -> Parts {
        let mut request = Request::get(uri).body(()).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        request.into_parts().0
    }

    fn take(uri: &str, headers: &[(&'static str, &[u8])]) -> (Result<Option<String>, CredentialError>, Parts) {
        let mut parts = parts(uri, headers);
        (take_token(&mut parts), parts)
    }

    #[test]
    fn each_of_the_three_places_gives_the_token_and_keeps_nothing_of_it() {
        let cases: [(&str, Headers); 7] = [
            ("/signal/a/b?peerId=x", &[("sec-websocket-protocol", b"protoo, convene.token.t.o.k")]),
            (
                "/signal/a/b?peerId=x",
                &[("sec-websocket-protocol", b"protoo"), ("sec-websocket-protocol", b"convene.token.t.o.k")],
            ),
            ("/signal/a/b?peerId=x", &[("sec-websocket-protocol", b"protoo"), ("authorization", b"Bearer t.o.k")]),
            ("/signal/a/b?peerId=x", &[("sec-websocket-protocol", b"protoo"), ("authorization", b"bEARER  t.o.k ")]),
            ("/signal/a/b?access_token=t.o.k&peerId=x", &[("sec-websocket-protocol", b"protoo")]),
            ("/signal/a/b?peerId=x&access%5ftoken=t%2Eo.k", &[("sec-websocket-protocol", b"protoo")]),
            (
                "/signal/a/b?access_token=t.o.k&peerId=x",
                &[("sec-websocket-protocol", b"protoo, convene.token.t.o.k"), ("authorization", b"Bearer t.o.k")],
            ),
        ];
        for (uri, headers) in cases {
            let (token, rest) = take(uri, headers);
            assert_eq!(token, Ok(Some("t.o.k".into())), "{uri} {headers:?}");
            assert_eq!(rest.uri, "/signal/a/b?peerId=x", "{headers:?}");
            let protocols: Vec<_> = rest.headers.get_all("sec-websocket-protocol").iter().collect();
            assert!(protocols.iter().any(|value| *value == "protoo"), "{protocols:?}");
            assert!(!format!("{rest:?}").contains("t.o.k"), "{rest:?}");
        }
    }

    #[test]
    fn a_request_without_a_token_is_a_guest_and_unchanged() {
        for (uri, headers) in [
            ("/signal/a/b?peerId=x&tokens=1&access_tokens=2", &[("sec-websocket-protocol", &b"protoo, other"[..])][..]),
            ("/signal/a/b", &[("authorization", &b"Basic YTpi"[..])][..]),
        ] {
            let (token, rest) = take(uri, headers);
            assert_eq!((token, rest.uri.to_string().as_str()), (Ok(None), uri));
        }
    }

    #[test]
    fn unclear_tokens_are_refused_and_taken_out_all_the_same() {
        let cases: [(&str, Headers, CredentialError); 6] = [
            ("/s?access_token=a&access_token=b", &[], CredentialError::Ambiguous),
            ("/s?access_token=a", &[("authorization", b"Bearer b")], CredentialError::Ambiguous),
            ("/s?access_token=", &[], CredentialError::Empty),
            ("/s", &[("authorization", b"Bearer")], CredentialError::Empty),
            ("/s?access_token=%ff", &[], CredentialError::NotText),
            ("/s", &[("authorization", b"Bearer \xff")], CredentialError::NotText),
        ];
        for (uri, headers, error) in cases {
            let (token, rest) = take(uri, headers);
            assert_eq!((token, rest.uri.to_string().as_str()), (Err(error), "/s"), "{uri} {headers:?}");
            assert!(!rest.headers.contains_key("authorization"));
        }
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic_or_keeps_a_token(query in "[!-~]{0,60}") {
            if let Ok(uri) = format!("/signal/a/b?{query}&access_token=t.o.k").parse::<Uri>() {
                let mut request = Request::get(uri).body(()).unwrap().into_parts().0;
                let _ = take_token(&mut request);
                prop_assert!(!request.uri.query().unwrap_or_default().split('&').any(is_token_pair));
            }
        }
    }
}
