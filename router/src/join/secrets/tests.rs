//! Secrets that are created, changed and deleted.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::stream;
use serde_json::json;

use super::*;
use crate::fixtures::sink;

const STRONG: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

fn secret(entries: &[(&str, &str)]) -> Secret {
    let data: BTreeMap<_, _> = entries.iter().map(|(name, value)| (*name, BASE64_STANDARD.encode(value))).collect();
    serde_json::from_value(json!({"metadata": {"name": "s"}, "data": data})).unwrap()
}

fn config() -> JoinConfig {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    JoinConfig { key_secrets: names(&["one", "two"]), turn_secrets: names(&["turn"]), max_lifetime: 60 }
}

fn listed(secret: Option<Secret>) -> Vec<Event<Secret>> {
    [Event::Init].into_iter().chain(secret.map(Event::InitApply)).chain([Event::InitDone]).collect()
}

/// The published state: names of keys, number of TURN secrets, readiness.
struct Seen {
    state: JoinState,
    sink: Sink,
}

impl Seen {
    fn new() -> Self {
        Self { state: JoinState::default(), sink: sink() }
    }

    async fn feed(&self, cache: &mut SecretCache<'_>, name: &str, events: Vec<Event<Secret>>) {
        let news = stream::iter(events.into_iter().map(|event| (name.to_owned(), Ok(event))).collect::<Vec<_>>());
        assert!(matches!(keep(news, cache).await, Err(WatchError::Ended)));
    }

    fn names(&self) -> Vec<String> {
        self.state.keys.load().names().map(ToOwned::to_owned).collect()
    }

    fn is_ready(&self) -> bool {
        !self.sink.readiness.missing().iter().any(|words| words.contains("join keys"))
    }

    fn has_metric(&self, line: &str) -> bool {
        self.sink.metrics.render().lines().any(|found| found == line)
    }
}

#[tokio::test]
async fn keys_are_added_rotated_and_removed_without_a_restart() {
    let (seen, config) = (Seen::new(), config());
    let mut cache = SecretCache::new(&config, &seen.state, seen.sink.clone());
    seen.feed(&mut cache, "one", listed(Some(secret(&[("a", STRONG)])))).await;
    seen.feed(&mut cache, "two", listed(None)).await;
    assert_eq!((seen.names(), seen.is_ready()), (vec!["a".to_owned()], false), "the third is not listed yet");
    seen.feed(&mut cache, "turn", listed(Some(secret(&[("secret", "north")])))).await;
    assert!(seen.is_ready());
    assert_eq!((seen.state.turn.load().len(), seen.state.keys.load().max_lifetime), (1, 60));

    seen.feed(&mut cache, "two", vec![Event::Apply(secret(&[("b", STRONG)]))]).await;
    assert_eq!(seen.names(), ["a", "b"], "an application's second key");
    seen.feed(&mut cache, "one", vec![Event::Apply(secret(&[("c", STRONG)]))]).await;
    assert_eq!(seen.names(), ["b", "c"], "rotated");
    seen.feed(&mut cache, "two", vec![Event::Delete(secret(&[]))]).await;
    assert_eq!(seen.names(), ["c"], "a deleted Secret takes its keys along");
    seen.feed(&mut cache, "one", vec![Event::Init]).await;
    assert_eq!(seen.names(), ["c"], "a list that has only begun changes nothing");
    seen.feed(&mut cache, "one", vec![Event::InitDone]).await;
    assert!(seen.names().is_empty(), "deleted while the watch was interrupted");
}

#[tokio::test]
async fn a_broken_entry_is_counted_and_spares_the_others() {
    let (seen, config) = (Seen::new(), config());
    let mut cache = SecretCache::new(&config, &seen.state, seen.sink.clone());
    let mixed = secret(&[("good", STRONG), ("short", "abc"), ("listed", STRONG), ("listed.namespaces", "Team!")]);
    seen.feed(&mut cache, "one", listed(Some(mixed))).await;
    seen.feed(&mut cache, "two", listed(Some(secret(&[("good", "another key that is long enough to be one")])))).await;
    seen.feed(&mut cache, "turn", listed(Some(secret(&[("username", "u")])))).await;
    assert_eq!(seen.names(), ["good"]);
    for line in [
        r#"convene_router_secret_problems{reason="JoinKeyWeak"} 1"#,
        r#"convene_router_secret_problems{reason="JoinKeyNamespacesInvalid"} 1"#,
        r#"convene_router_secret_problems{reason="JoinKeyNameTaken"} 1"#,
        r#"convene_router_secret_problems{reason="TurnSecretIncomplete"} 1"#,
        "convene_router_join_keys 1",
    ] {
        assert!(seen.has_metric(line), "{line} is missing in\n{}", seen.sink.metrics.render());
    }
    seen.feed(&mut cache, "one", vec![Event::Apply(secret(&[("good", STRONG)]))]).await;
    assert!(!seen.sink.metrics.render().contains("JoinKeyWeak"), "a fixed entry is no longer reported");
}

#[tokio::test]
async fn while_the_api_server_is_away_the_last_keys_stay() {
    let (seen, config) = (Seen::new(), config());
    let mut cache = SecretCache::new(&config, &seen.state, seen.sink.clone());
    seen.feed(&mut cache, "one", listed(Some(secret(&[("a", STRONG)])))).await;
    let broken = stream::iter([("one".to_owned(), Err(watcher::Error::NoResourceVersion))]);
    assert!(keep(broken, &mut cache).await.is_err());
    assert_eq!(seen.names(), ["a"]);
}

#[tokio::test]
async fn without_any_secret_the_router_does_not_wait_for_one() {
    let (seen, config) = (Seen::new(), JoinConfig { max_lifetime: 60, ..JoinConfig::default() });
    let mut cache = SecretCache::new(&config, &seen.state, seen.sink.clone());
    let kept = tokio::time::timeout(std::time::Duration::from_millis(1), keep(stream::empty(), &mut cache)).await;
    assert!(kept.is_err(), "it goes on until the process ends");
    assert!(seen.is_ready());
}
