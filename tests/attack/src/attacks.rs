//! All attacks, each with the fault that it tries to bring about and a check of its own. What the honest pair, memory and the clean-up
//! say is checked after every attack, in [`crate::trial`].

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

/// What an attack has at hand.
#[derive(Clone)]
pub(crate) struct Ctx {
    pub(crate) pod: Arc<Pod>,
    pub(crate) name: &'static str,
    /// How long it may go on.
    pub(crate) time: Duration,
    pub(crate) seed: u64,
}

type Run = fn(Ctx) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// One attack.
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
        crowd::attacks(),
    ];
    let mut all = groups.concat();
    all.push(fuzz::attack());
    all
}

impl Ctx {
    /// A meeting of this attack.
    pub(crate) fn meeting(&self, number: usize) -> MeetingGrant {
        meeting(&format!("{}-{number}", self.name))
    }

    /// When the attack has gone on long enough.
    pub(crate) fn end(&self) -> Instant {
        Instant::now() + self.time
    }

    /// A guest in a meeting of this attack, joined and with a transport to receive on.
    pub(crate) async fn joined(&self, meeting: &MeetingGrant, peer: &str) -> Outcome<Client> {
        let who = keys::guest(&format!("guest-of-{peer}"), "198.51.100.1");
        let mut client = Client::open(&self.pod, meeting, peer, &who).await?;
        client.join_to_receive(peer).await?;
        Ok(client)
    }
}

/// The client is still in its meeting and is answered soon.
pub(crate) async fn is_answered(client: &mut Client, within: Duration) -> Outcome {
    let answer = timeout(within, client.ask("getRtcStatsUrl", json!({}))).await;
    match answer {
        Err(_) => Err(wrong(format!("a participant of the room was not answered within {within:?}"))),
        // Asked too often, and answered.
        Ok(Ok(_) | Err(Failure::Refused { code: 429, .. })) => Ok(()),
        Ok(Err(failure)) => {
            // A socket that was closed says why when it is read.
            let closed = client.closed_within(Duration::from_millis(200)).await;
            Err(wrong(format!("a participant of the room was not answered: {failure}, {closed:?}")))
        }
    }
}

/// Asks once more when it was too often.
pub(crate) async fn ask_patiently(client: &mut Client, method: &str, data: &Value) -> Outcome<Value> {
    loop {
        match client.ask(method, data.clone()).await {
            Err(Failure::Refused { code: 429, .. }) => tokio::time::sleep(Duration::from_millis(200)).await,
            answer => return answer,
        }
    }
}

/// The pod has refused something with one of these codes.
pub(crate) fn is_refused<T>(outcome: Outcome<T>, codes: &[u64], what: &str) -> Outcome {
    match outcome {
        Ok(_) => Err(wrong(format!("{what} was accepted"))),
        Err(failure) => {
            let fits = failure.code().is_some_and(|code| codes.contains(&code));
            ensure(fits, || format!("{what} should be refused with one of {codes:?}, but: {failure}"))
        }
    }
}

/// The pod refuses a connection, in the handshake or by a final close soon after it.
pub(crate) async fn is_kept_out(outcome: Outcome<Client>, what: &str) -> Outcome {
    let mut client = match outcome {
        Err(Failure::Handshake(401 | 403)) => return Ok(()),
        other => other?,
    };
    match client.closed_within(Duration::from_secs(6)).await {
        Some((4000, _)) => Ok(()),
        Some((code, reason)) => Err(wrong(format!("{what} was closed with {code} ({reason}) instead of 4000"))),
        None => Err(wrong(format!("{what} was let in"))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn every_attack_has_a_name_of_its_own() {
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
