//! Copies bytes between two connections, in both directions. It does not interpret them.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Size of one read: about a dozen packets.
const BUFFER_BYTES: usize = 16 * 1024;

/// Timeouts of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// For bytes from the client. An ICE agent repeats its checks every few seconds.
    pub(super) idle: Duration,
    /// For a side that does not read. The worker's queue for a connection is not bounded.
    pub(super) write: Duration,
}

/// Copies bytes until either side closes or a timeout expires.
pub(super) async fn splice<C, W>(client: C, worker: W, timeouts: Timeouts) -> Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
    W: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_worker, mut to_worker) = tokio::io::split(worker);
    tokio::select! {
        ended = copy(&mut from_client, &mut to_worker, Some(timeouts.idle), timeouts.write) => ended,
        ended = copy(&mut from_worker, &mut to_client, None, timeouts.write) => ended,
    }
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    idle: Option<Duration>,
    write: Duration,
) -> Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = match idle {
            Some(idle) => {
                timeout(idle, from.read(&mut buffer)).await.map_err(|_| timed_out("the client sends nothing"))??
            }
            None => from.read(&mut buffer).await?,
        };
        if count == 0 {
            return Ok(());
        }
        timeout(write, to.write_all(&buffer[..count]))
            .await
            .map_err(|_| timed_out("the other side does not read"))??;
    }
}

fn timed_out(problem: &'static str) -> Error {
    Error::new(ErrorKind::TimedOut, problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{DuplexStream, duplex};

    const TIMEOUTS: Timeouts = Timeouts { idle: Duration::from_millis(400), write: Duration::from_millis(150) };
    const LITTLE: Duration = Duration::from_millis(10);

    type Spliced = tokio::task::JoinHandle<Result<()>>;

    fn start() -> (DuplexStream, DuplexStream, Spliced) {
        let ((client, of_client), (worker, of_worker)) = (duplex(64), duplex(64));
        (client, worker, tokio::spawn(splice(of_client, of_worker, TIMEOUTS)))
    }

    async fn heard(stream: &mut DuplexStream) -> Vec<u8> {
        let mut buffer = [0; 16];
        let count = stream.read(&mut buffer).await.unwrap();
        buffer[..count].to_vec()
    }

    #[tokio::test]
    async fn bytes_go_both_ways_until_one_side_ends() {
        let (mut client, mut worker, spliced) = start();
        client.write_all(b"to worker").await.unwrap();
        worker.write_all(b"to client").await.unwrap();
        assert_eq!(
            (heard(&mut worker).await, heard(&mut client).await),
            (b"to worker".to_vec(), b"to client".to_vec())
        );
        drop(client);
        spliced.await.unwrap().unwrap();
        assert_eq!(heard(&mut worker).await, b"");
    }

    #[tokio::test]
    async fn an_idle_client_is_closed_even_while_it_is_sent_to() {
        let (mut client, mut worker, spliced) = start();
        let talks = async {
            while worker.write_all(b"media").await.is_ok() {
                heard(&mut client).await;
                tokio::time::sleep(LITTLE).await;
            }
        };
        talks.await;
        assert_eq!(spliced.await.unwrap().unwrap_err().to_string(), "the client sends nothing");
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_closed() {
        let (mut client, mut worker, spliced) = start();
        let writes = async { while worker.write_all(&[0; 1000]).await.is_ok() {} };
        let talks = async {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(LITTLE).await;
            }
        };
        tokio::join!(writes, talks);
        assert_eq!(spliced.await.unwrap().unwrap_err().to_string(), "the other side does not read");
    }
}
