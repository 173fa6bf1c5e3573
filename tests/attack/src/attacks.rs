//! All attacks, each with the fault that it tries to cause and its own check. The honest pair, memory and cleanup are checked after every
//! attack, in [`crate::trial`].

mod admissions;
mod bytes;
mod crowd;
mod data;
mod edges;
mod loops;
mod media;
mod parameters;
mod plain;
mod ports;
mod prepared;
mod seats;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use convene_protocol::admission::MeetingGrant;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::client::Client;
use crate::failure::{Failure, Outcome, ensure, wrong};
use crate::fuzz;
use crate::keys::{self, meeting};
use crate::pod::Pod;

/// Environment of an attack.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) pod: Arc<Pod>,
    pub(crate) name: &'static str,
    /// Duration of the attack.
    pub(crate) time: Duration,
    pub(crate) seed: u64,
}

type Run = fn(Context) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;

#[derive(Clone, Copy)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: Run,
}

/// Every attack, in the order in which they run.
pub(crate) fn all() -> Vec<Attack> {
    let groups = [
        parameters::attacks(),
        bytes::attacks(),
        seats::attacks(),
        admissions::attacks(),
        plain::attacks(),
        data::attacks(),
        loops::attacks(),
        media::attacks(),
        edges::attacks(),
        ports::attacks(),
        prepared::attacks(),
        crowd::attacks(),
    ];
    let mut all = groups.concat();
    all.push(fuzz::attack());
    all
}

impl Context {
    /// A meeting that only this attack uses.
    pub(crate) fn meeting(&self, number: usize) -> MeetingGrant {
        meeting(&format!("{}-{number}", self.name))
    }

    /// The time at which the attack should stop.
    pub(crate) fn end(&self) -> Instant {
        Instant::now() + self.time
    }

    /// A guest in a meeting of this attack, joined and with a receiving transport.
    pub(crate) async fn joined(&self, meeting: &MeetingGrant, peer: &str) -> Outcome<Client> {
        let who = keys::guest(&format!("guest-of-{peer}"), "198.51.100.1");
        let mut client = Client::open(&self.pod, meeting, peer, &who).await?;
        client.join_to_receive(peer).await?;
        Ok(client)
    }
}

/// Checks that the client is still in its meeting and gets a response in time.
pub(crate) async fn is_answered(client: &mut Client, within: Duration) -> Outcome {
    let answer = timeout(within, client.ask("getRtcStatsUrl", json!({}))).await;
    match answer {
        Err(_) => Err(wrong(format!("a participant of the room was not answered within {within:?}"))),
        // Rate limited is a response too.
        Ok(Ok(_) | Err(Failure::Refused { code: 429, .. })) => Ok(()),
        Ok(Err(failure)) => {
            // The reason of a closed socket is read here.
            let closed = client.closed_within(Duration::from_millis(200)).await;
            Err(wrong(format!("a participant of the room was not answered: {failure}, {closed:?}")))
        }
    }
}

/// Repeats a request for as long as it is rate limited.
pub(crate) async fn request_patiently(client: &mut Client, method: &str, data: &Value) -> Outcome<Value> {
    loop {
        match client.ask(method, data.clone()).await {
            Err(Failure::Refused { code: 429, .. }) => tokio::time::sleep(Duration::from_millis(200)).await,
            answer => return answer,
        }
    }
}

/// Checks that the pod refused something with one of these codes.
pub(crate) fn is_refused<T>(outcome: Outcome<T>, codes: &[u64], what: &str) -> Outcome {
    match outcome {
        Ok(_) => Err(wrong(format!("{what} was accepted"))),
        Err(failure) => {
            let fits = failure.code().is_some_and(|code| codes.contains(&code));
            ensure(fits, || format!("{what} should be refused with one of {codes:?}, but: {failure}"))
        }
    }
}

/// Checks that the pod refuses a connection, in the handshake or with a final close soon after it.
pub(crate) async fn is_connection_refused(outcome: Outcome<Client>, what: &str) -> Outcome {
    let mut client = match outcome {
        Err(Failure::Handshake(401 | 403)) => return Ok(()),
        other => other?,
    };
    match client.closed_within(Duration::from_secs(6)).await {
        Some((4000, _)) => Ok(()),
        Some((code, reason)) => Err(wrong(format!("{what} was closed with {code} ({reason}) instead of 4000"))),
        None => Err(wrong(format!("{what} was admitted"))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn names_of_attacks_are_unique() {
        let all = super::all();
        let names: HashSet<_> = all.iter().map(|attack| attack.name).collect();
        assert_eq!(names.len(), all.len());
        let fits = |name: &str| {
            name.chars()
                .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-')
        };
        assert!(names.iter().all(|name| fits(name) && name.len() <= 28), "{names:?}");
    }
}
