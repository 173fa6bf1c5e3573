//! Plain HTTP requests to the pod, one per connection, with a timeout.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::failure::{Failure, Outcome, wrong};

const TIMEOUT: Duration = Duration::from_secs(10);

/// The response to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Outcome<Value> {
        serde_json::from_str(&self.body).map_err(|_| wrong(format!("the response is not JSON: {self:.200?}")))
    }
}

/// A request with an optional bearer token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) body: &'a str,
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, token: None, body: "" }
    }

    pub(crate) fn post(path: &'a str, body: &'a str) -> Self {
        Self { method: "POST", path, token: None, body }
    }

    pub(crate) fn with(self, token: &'a str) -> Self {
        Self { token: Some(token), ..self }
    }
}

pub(crate) async fn call(address: SocketAddr, request: Request<'_>) -> Outcome<Answer> {
    timeout(TIMEOUT, exchange(address, request))
        .await
        .map_err(|_| Failure::Silent(format!("response to {}", request.path)))?
}

async fn exchange(address: SocketAddr, request: Request<'_>) -> Outcome<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let Request { method, path, token, body } = request;
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{token}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    // The pod may respond and close before it has read a body that is too long.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Err(Failure::Broken(format!("not an HTTP response: {read:?}")));
    };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok(Answer { status, body: body.to_owned() })
}
