//! Runs against servers that misbehave.

use std::time::{Duration, Instant};

use convene_load::{JoinError, LoadError, Plan, Target, run};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;

/// Time limit of each step: most tests wait for one; the steps before it must not reach it on a busy machine.
const LIMIT: Duration = Duration::from_secs(2);
/// No run has more than a few steps.
const END: Duration = Duration::from_secs(30);

pub(crate) type Socket = WebSocketStream<TcpStream>;

pub(crate) fn plan(target: Target) -> Plan {
    Plan {
        target,
        token: None,
        subscriber_token: None,
        publishers: 1,
        subscribers: 3,
        meetings: 1,
        video_bitrate: 600_000,
        frames_per_second: 30,
        simulcast: false,
        audio: true,
        duration: Duration::from_secs(1),
        settle: Duration::from_secs(1),
        newcomers: 0,
        ramp: 100.0,
        churn: 0.0,
        step_limit: LIMIT,
        server_pid: None,
        server_cgroup: None,
    }
}

/// The error of the last client of a run that fails.
pub(crate) async fn error_of(plan: Plan) -> JoinError {
    let start = Instant::now();
    let ended = tokio::time::timeout(END, run(plan, |_| ())).await.expect("it does not hang");
    assert!(start.elapsed() < END);
    let Err(LoadError::Joins { failed, attempted, last }) = ended else { panic!("not a failure to join: {ended:?}") };
    assert!(failed > 0 && attempted >= failed);
    last
}

/// A server that treats every connection like this.
pub(crate) async fn serve<F: Future<Output = ()> + Send + 'static>(
    treat: impl Fn(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(treat(stream));
        }
    });
    port
}
