//! The join route of a router: exchanges a join token for a ticket and the signaling URL.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use url::Url;

use super::stream::{Caller, connect};
use crate::error::JoinError;

const MAX_BODY: usize = 64 * 1024;
/// Longest reason that is shown.
const MAX_DETAIL: usize = 300;

/// Where and with what to connect.
pub(super) struct Ticket {
    pub(super) url: Url,
    pub(super) token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    signaling_url: String,
    token: String,
}

#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    detail: String,
}

/// Requests a ticket.
pub(super) async fn request(route: &Url, token: Option<&str>, caller: Caller) -> Result<Ticket, JoinError> {
    let stream = connect(route, caller).await?;
    let failed = |error: hyper::Error| JoinError::Handshake(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let answered = async {
        let response = sender.send_request(join_request(route, token)?).await.map_err(failed)?;
        read(response).await
    };
    // A server may close the connection before its response has been read.
    let drive = async {
        let _ = connection.await;
        std::future::pending::<Result<(u16, Bytes), JoinError>>().await
    };
    let answer = tokio::select! {
        answer = answered => answer,
        answer = drive => answer,
    };
    ticket(route, answer?)
}

fn join_request(route: &Url, token: Option<&str>) -> Result<Request<Full<Bytes>>, JoinError> {
    let mut request =
        Request::post(route.path()).header(CONTENT_TYPE, "application/json").header(HOST, route.authority());
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(Full::from("{}")).map_err(|error| JoinError::Handshake(error.to_string()))
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<(u16, Bytes), JoinError> {
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
    Ok((status, body.map_err(|_| JoinError::Malformed("a response to the join request that is too long"))?.to_bytes()))
}

/// Pure: what the response means.
fn ticket(route: &Url, (status, body): (u16, Bytes)) -> Result<Ticket, JoinError> {
    if status != 200 {
        let Problem { reason, detail } = serde_json::from_slice(&body).unwrap_or_default();
        let detail = format!("{reason} {detail}").trim().chars().take(MAX_DETAIL).collect();
        return Err(JoinError::Route { status, detail });
    }
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|_| JoinError::Malformed("a join response that is not valid"))?;
    let url =
        Url::parse(&answer.signaling_url).map_err(|_| JoinError::Malformed("a signaling URL that is not valid"))?;
    // The token was given for this host: no other may be loaded.
    if url.host() != route.host() || !matches!(url.scheme(), "ws" | "wss") {
        return Err(JoinError::Malformed("a signaling URL of another host"));
    }
    if route.scheme() == "https" && url.scheme() != "wss" {
        return Err(JoinError::Malformed("a signaling URL without TLS"));
    }
    Ok(Ticket { url, token: Some(answer.token) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_answer(status: u16, body: &str) -> Result<Ticket, JoinError> {
        let route = Url::parse("https://meet.example.com/api/v1/meetings/a/b/join").unwrap();
        ticket(&route, (status, Bytes::copy_from_slice(body.as_bytes())))
    }

    #[test]
    fn a_ticket_is_for_the_host_that_was_asked() {
        let good =
            read_answer(200, r#"{"signalingUrl":"wss://meet.example.com/signal/a/b","token":"t","iceServers":[]}"#);
        let good = good.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((good.url.as_str(), good.token.as_deref()), ("wss://meet.example.com/signal/a/b", Some("t")));
        for body in [
            r#"{"signalingUrl":"wss://victim.example.com/signal/a/b","token":"t"}"#,
            r#"{"signalingUrl":"ws://meet.example.com/signal/a/b","token":"t"}"#,
            r#"{"signalingUrl":"file:///etc/passwd","token":"t"}"#,
            r#"{"signalingUrl":"wss://meet.example.com/signal/a/b"}"#,
            "[]",
            "",
        ] {
            assert!(matches!(read_answer(200, body), Err(JoinError::Malformed(_))), "{body}");
        }
    }

    #[test]
    fn a_refusal_has_its_reason() {
        let refused = read_answer(401, r#"{"reason":"TokenExpired","detail":"the token has expired"}"#);
        let Err(error) = refused else { panic!("refused") };
        assert_eq!(error.to_string(), "the join route answered 401: TokenExpired the token has expired");
        let Err(error) = read_answer(502, "<html>") else { panic!("refused") };
        assert_eq!(error.to_string(), "the join route answered 502: ");
    }
}
