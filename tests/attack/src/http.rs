//! Plain HTTP to the pod: one request per connection, with a limit of time.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::failure::{Failure, Outcome, wrong};

const PATIENCE: Duration = Duration::from_secs(10);

/// What comes back for a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Outcome<Value> {
        serde_json::from_str(&self.body).map_err(|_| wrong(format!("no JSON in {self:.200?}")))
    }
}

/// A request, and with which bearer token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) body: &'a str,
}

impl<'a> Asked<'a> {
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

pub(crate) async fn call(address: SocketAddr, asked: Asked<'_>) -> Outcome<Answer> {
    timeout(PATIENCE, exchange(address, asked))
        .await
        .map_err(|_| Failure::Silent(format!("answer to {}", asked.path)))?
}

async fn exchange(address: SocketAddr, asked: Asked<'_>) -> Outcome<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let Asked { method, path, token, body } = asked;
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{token}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    // The pod may answer and close before it has read a body that is too long.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Err(Failure::Broken(format!("no HTTP answer: {read:?}")));
    };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok(Answer { status, body: body.to_owned() })
}
