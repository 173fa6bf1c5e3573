//! The response to a connection over the limit: a problem, or for a liveness probe that the process lives. It interprets no more than the
//! first line.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::limiter::ConnectionPermit;
use crate::http::problem::{Kind, Problem};

/// Start of the request that is answered over the limit too, so that a liveness probe does not fail.
const LIVENESS: &[u8] = b"GET /healthz ";
const ALIVE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 3\r\n\r\nok\n";
/// The kind of the problem.
const TOO_MANY: Kind = Kind::new("TooManyConnections", "Too many connections", StatusCode::SERVICE_UNAVAILABLE);
/// Time limit for the whole response.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Answers a connection over the limit. It reads to the end: closed with unread data, the connection would be reset and the response lost.
pub(super) async fn reject(mut stream: TcpStream, _permit: ConnectionPermit) {
    let rejection = async {
        let mut received = [0; 1024];
        let count = read_line(&mut stream, &mut received).await?;
        stream.write_all(response(&received[..count]).as_bytes()).await?;
        stream.shutdown().await?;
        while stream.read(&mut received).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = timeout(TIMEOUT, rejection).await;
}

/// Reads until the end of the first line, which may arrive in pieces; returns the number of bytes.
async fn read_line(stream: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() && !buffer[..count].contains(&b'\n') {
        match stream.read(&mut buffer[count..]).await? {
            0 => break,
            more => count += more,
        }
    }
    Ok(count)
}

fn response(request: &[u8]) -> String {
    if request.starts_with(LIVENESS) {
        return ALIVE.to_owned();
    }
    let problem = Problem::new(TOO_MANY, "too many open connections; try again in a moment").at(path(request));
    let body = serde_json::to_string(&problem).expect("a problem has only texts and a number");
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\nRetry-After: 5\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The path in the request line; empty if it is none.
fn path(request: &[u8]) -> &str {
    let line = request.split(|byte| *byte == b'\r').next().and_then(|line| std::str::from_utf8(line).ok());
    let target = line.and_then(|line| line.split(' ').nth(1)).filter(|target| target.starts_with('/'));
    target.and_then(|target| target.split('?').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_line_may_arrive_in_pieces() {
        let mut pieces = b"GET /hea"[..].chain(&b"lthz HTTP/1.1\r\n"[..]).chain(&b"Host: x\r\n"[..]);
        let mut buffer = [0; 64];
        let count = read_line(&mut pieces, &mut buffer).await.unwrap();
        assert_eq!(response(&buffer[..count]), ALIVE);
        let count = read_line(&mut &b"GET / HTTP/1.1 without an end"[..], &mut buffer).await.unwrap();
        assert_eq!(count, 29);
        assert_eq!(read_line(&mut &[b'x'; 100][..], &mut buffer).await.unwrap(), 64, "a buffer, and no more");
    }

    #[test]
    fn the_path_is_that_of_the_request_line_without_the_query() {
        let cases: [(&[u8], &str); 6] = [
            (b"GET /m/a?token=secret HTTP/1.1\r\nHost: x\r\n\r\n", "/m/a"),
            (b"GET / HTTP/1.1", "/"),
            (b"GET http://x/ HTTP/1.1\r\n", ""),
            (b"\xff\xfe", ""),
            (b"GET", ""),
            (b"", ""),
        ];
        for (request, expected) in cases {
            assert_eq!(path(request), expected);
        }
    }
}
