//! Passes the bytes of a connection on, both ways, in small buffers. It reads nothing of what they say.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// One read's worth: a dozen packets.
const BUFFER_BYTES: usize = 16 * 1024;

/// How long either side may keep the other waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For bytes of the client. An ICE agent repeats its checks every few seconds.
    pub(super) silence: Duration,
    /// For a side that takes nothing of what is sent to it. The worker's queue for a connection has no bound of its own.
    pub(super) stalled: Duration,
}

/// Passes bytes on until either side ends or keeps the other waiting too long.
pub(super) async fn splice<C, W>(client: C, worker: W, patience: Patience) -> Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
    W: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_worker, mut to_worker) = tokio::io::split(worker);
    tokio::select! {
        ended = pass_on(&mut from_client, &mut to_worker, Some(patience.silence), patience.stalled) => ended,
        ended = pass_on(&mut from_worker, &mut to_client, None, patience.stalled) => ended,
    }
}

async fn pass_on(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    silence: Option<Duration>,
    stalled: Duration,
) -> Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = match silence {
            Some(silence) => timeout(silence, from.read(&mut buffer)).await.map_err(|_| late("it is silent"))??,
            None => from.read(&mut buffer).await?,
        };
        if count == 0 {
            return Ok(());
        }
        timeout(stalled, to.write_all(&buffer[..count])).await.map_err(|_| late("it does not read"))??;
    }
}

fn late(problem: &'static str) -> Error {
    Error::new(ErrorKind::TimedOut, problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{DuplexStream, duplex};

    const PATIENCE: Patience = Patience { silence: Duration::from_millis(400), stalled: Duration::from_millis(150) };
    const LITTLE: Duration = Duration::from_millis(10);

    type Spliced = tokio::task::JoinHandle<Result<()>>;

    fn start() -> (DuplexStream, DuplexStream, Spliced) {
        let ((client, of_client), (worker, of_worker)) = (duplex(64), duplex(64));
        (client, worker, tokio::spawn(splice(of_client, of_worker, PATIENCE)))
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
    async fn a_client_that_says_nothing_is_given_up_though_it_is_sent_to() {
        let (mut client, mut worker, spliced) = start();
        let talks = async {
            while worker.write_all(b"media").await.is_ok() {
                heard(&mut client).await;
                tokio::time::sleep(LITTLE).await;
            }
        };
        talks.await;
        assert_eq!(spliced.await.unwrap().unwrap_err().to_string(), "it is silent");
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_given_up() {
        let (mut client, mut worker, spliced) = start();
        let writes = async { while worker.write_all(&[0; 1000]).await.is_ok() {} };
        let talks = async {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(LITTLE).await;
            }
        };
        tokio::join!(writes, talks);
        assert_eq!(spliced.await.unwrap().unwrap_err().to_string(), "it does not read");
    }
}
