//! What can go wrong between an operator process and the API server: rejected requests, lost responses, watches that lag, break or are too
//! old, and the end of the process after a given write.
//!
//! Whether a request fails depends only on the seed, the request, and how often it was sent before.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{Method, Request, Response},
};
use serde_json::json;
use tokio::sync::watch;

use super::{
    http::{self, Call},
    kinds::Kind,
    store::{Actor, Refusal, Store},
    watch::WatchWeather,
};

/// When the process crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CrashPoint {
    /// After this many writes, not counting events and leases.
    pub(crate) after: u64,
    /// Whether the response to the last write is lost, too.
    pub(crate) is_answer_lost: bool,
}

/// Random faults, until they are switched off.
#[derive(Debug)]
pub(crate) struct Weather {
    seed: Option<u64>,
    is_fair: AtomicBool,
    asked: Mutex<BTreeMap<String, u64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    Slow(Duration),
    Refused(u16),
    Overtaken,
    LostBefore,
    LostAfter,
}

impl Weather {
    pub(crate) fn fair() -> Arc<Self> {
        Self::of(None)
    }

    pub(crate) fn foul(seed: u64) -> Arc<Self> {
        Self::of(Some(seed))
    }

    /// Whether requests fail at random.
    pub(crate) fn is_foul(&self) -> bool {
        self.seed.is_some()
    }

    fn of(seed: Option<u64>) -> Arc<Self> {
        Arc::new(Self { seed, is_fair: AtomicBool::new(seed.is_none()), asked: Mutex::default() })
    }

    pub(crate) fn clear_up(&self) {
        self.is_fair.store(true, Ordering::SeqCst);
    }

    /// A number for this call that is the same in every run with the seed.
    fn draw(&self, call: &Call) -> Option<u64> {
        let seed = self.seed.filter(|_| !self.is_fair.load(Ordering::SeqCst))?;
        let request = format!("{} {} {}", call.method, call.path, call.is_watch());
        let mut asked = self.asked.lock().expect("nothing panics here");
        let count = asked.entry(request.clone()).or_default();
        *count += 1;
        Some(mix(request.bytes().fold(mix(seed ^ mix(*count)), |hash, byte| mix(hash ^ u64::from(byte)))))
    }

    fn fate(&self, call: &Call) -> Fate {
        let Some(number) = self.draw(call) else { return Fate::Answered };
        let spread = Duration::from_millis(mix(number) % 300);
        match (number % 1000, call.is_write()) {
            (0..40, _) => Fate::Refused(500),
            (40..70, _) => Fate::Refused(429),
            (70..100, _) => Fate::LostBefore,
            (100..150, true) => Fate::LostAfter,
            (150..200, true) => Fate::Overtaken,
            (200..260, _) => Fate::Slow(spread),
            _ => Fate::Answered,
        }
    }

    fn watch_weather(&self, call: &Call) -> WatchWeather {
        let Some(number) = self.draw(call) else { return WatchWeather::default() };
        let break_after = u32::try_from(mix(number) % 8).expect("is below 8") + 1;
        WatchWeather {
            delay: Duration::from_millis(mix(number ^ 1) % 600),
            break_after: (number % 3 == 0).then_some(break_after),
            is_expired: number % 11 == 0,
        }
    }
}

/// The `SplitMix64` step.
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The connection of one operator process to the API server.
pub(crate) struct Line {
    store: Arc<Store>,
    weather: Arc<Weather>,
    crash: Option<CrashPoint>,
    writes: AtomicU64,
    /// Prevents writes while the process ends.
    gate: Mutex<()>,
    ended: watch::Sender<bool>,
    log: Arc<Mutex<Vec<String>>>,
    begin: Instant,
}

/// No response.
#[derive(Debug, thiserror::Error)]
#[error("no answer: {0}")]
pub(crate) struct NoAnswer(&'static str);

impl Line {
    pub(crate) fn new(
        store: &Arc<Store>,
        weather: &Arc<Weather>,
        crash: Option<CrashPoint>,
        log: &Arc<Mutex<Vec<String>>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::clone(store),
            weather: Arc::clone(weather),
            crash,
            writes: AtomicU64::new(0),
            gate: Mutex::default(),
            ended: watch::Sender::new(false),
            log: Arc::clone(log),
            begin: Instant::now(),
        })
    }

    /// Must be called within the runtime that uses the client.
    pub(crate) fn client(self: &Arc<Self>, namespace: &str) -> kube::Client {
        let line = Arc::clone(self);
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let line = Arc::clone(&line);
            async move { line.answer(request).await }
        });
        kube::Client::new(service, namespace)
    }

    /// Writes so far, not counting events and leases.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    /// Completes when the process has reached its crash point.
    pub(crate) async fn wait_for_crash(&self) {
        // The sender is part of `self`.
        let _ = self.ended.subscribe().wait_for(|has_ended| *has_ended).await;
    }

    async fn answer(&self, request: Request<kube::client::Body>) -> Result<Response<Body>, NoAnswer> {
        let call = Call::read(request).await;
        if call.is_watch() {
            let weather = self.weather.watch_weather(&call);
            return self.pass_on(&call, weather).await;
        }
        match self.weather.fate(&call) {
            Fate::Answered => {}
            Fate::Slow(pause) => tokio::time::sleep(pause).await,
            Fate::Refused(code) => {
                self.note(&call, &format!("{code}"));
                return Ok(http::refuse(&refusal_of(code)));
            }
            Fate::LostBefore => {
                self.note(&call, "lost before");
                return self.lose().await;
            }
            Fate::LostAfter => {
                self.pass_on(&call, WatchWeather::default()).await?;
                self.note(&call, "lost after");
                return self.lose().await;
            }
            Fate::Overtaken => {
                if let Some(refusal) = self.overtake(&call) {
                    self.note(&call, "overtaken");
                    return Ok(http::refuse(&refusal));
                }
            }
        }
        self.pass_on(&call, WatchWeather::default()).await
    }

    async fn lose(&self) -> Result<Response<Body>, NoAnswer> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(NoAnswer("timed out"))
    }

    /// Another writer changes the object at the same moment.
    fn overtake(&self, call: &Call) -> Option<Refusal> {
        let key = call.address.as_ref()?.key().filter(|_| call.method != Method::POST)?;
        self.store.get(&key).ok()?;
        self.store.edit(Actor::Cluster, &key, |object| {
            let touched = object["metadata"]["annotations"]["harbor.test/touched"].as_str().map_or(0, str::len);
            object["metadata"]["annotations"]["harbor.test/touched"] = json!("x".repeat(touched + 1));
        });
        Some(Refusal::new(409, "Conflict", "the object has been modified"))
    }

    async fn pass_on(&self, call: &Call, weather: WatchWeather) -> Result<Response<Body>, NoAnswer> {
        if let Some(response) = self.try_pass_on(call, weather) {
            return Ok(response);
        }
        // The process is about to be ended, and this request with it.
        std::future::pending().await
    }

    fn try_pass_on(&self, call: &Call, weather: WatchWeather) -> Option<Response<Body>> {
        let _gate = self.gate.lock().expect("nothing panics here");
        if *self.ended.borrow() {
            return None;
        }
        let response = http::answer(&self.store, call, weather);
        if !call.is_write() {
            return Some(response);
        }
        self.note(call, &response.status().as_u16().to_string());
        let is_counted = response.status().is_success()
            && call.address.as_ref().is_some_and(|address| !matches!(address.kind, Kind::Event | Kind::Lease));
        if is_counted {
            let count = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(crash) = self.crash.filter(|crash| crash.after == count) {
                self.ended.send_replace(true);
                return (!crash.is_answer_lost).then_some(response);
            }
        }
        Some(response)
    }

    fn note(&self, call: &Call, fate: &str) {
        let entry = format!("{:?} {fate} {} {}", self.begin.elapsed(), call.method, call.path);
        self.log.lock().expect("nothing panics here").push(entry);
    }
}

fn refusal_of(code: u16) -> Refusal {
    match code {
        429 => Refusal::new(429, "TooManyRequests", "too many requests, please try again later"),
        code => Refusal::new(code, "InternalError", "etcdserver: request timed out"),
    }
}
