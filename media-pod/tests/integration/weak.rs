//! What receivers behind slow and lossy links get: sound first, then all pictures in some size, then larger ones. Real workers, an emulated link.
//!
//! `cargo test --workspace --test integration -- --nocapture weak::`; docs/measurements.md, "Weak networks".

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "sizes, rates and percentages of a test"
)]

mod link;
mod receiver;
mod rtcp;
mod sender;
mod setup;
mod stream;

use std::env;
use std::time::{Duration, Instant};

use link::Capacity;
use mediasoup::prelude::*;
use receiver::{Receiver, Reports};
use sender::Sender;
use setup::{Meeting, worker};
use stream::Stream;

const TICK: Duration = Duration::from_millis(4);
/// After this the estimates have settled.
const SETTLED_AFTER: Duration = Duration::from_secs(10);
const UNLIMITED: u32 = 100_000_000;

/// Kilobits per second (0: no limit), percent of the packets lost, milliseconds of round trip.
type LinkTo = (u32, u32, u64);

const LINKS: [LinkTo; 10] = [
    (150, 0, 20),
    (300, 0, 20),
    (600, 0, 20),
    (1500, 0, 20),
    (0, 0, 20),
    (0, 2, 20),
    (0, 5, 20),
    (0, 10, 20),
    (600, 5, 20),
    (600, 0, 200),
];

/// A meeting of one receiver, and the link to it.
struct Row {
    what: String,
    senders: Vec<Sender>,
    receiver: Receiver,
    transport: PlainTransport,
    estimates: Vec<u64>,
    _meeting: Meeting,
}

async fn row(worker: &Worker, (kbits, lost_percent, round_trip): LinkTo, reports: Reports, count: usize) -> Row {
    let mut meeting = Meeting::new(worker).await;
    let mut senders = Vec::new();
    for place in 0..count {
        senders.push(meeting.send(place == 0).await);
    }
    let bitrate = if kbits == 0 { UNLIMITED } else { kbits * 1000 };
    let capacity = Capacity { bitrate, lost_percent, round_trip: Duration::from_millis(round_trip) };
    let initial = env::var("CONVENE_WEAK_INITIAL").map_or(3_000_000, |text| text.parse().unwrap());
    let (receiver, transport) = meeting.receive(capacity, reports, initial).await;
    let what = format!("{kbits} kbit/s | {lost_percent} % | {round_trip} ms | {count} | {reports:?}");
    Row { what, senders, receiver, transport, estimates: vec![], _meeting: meeting }
}

fn run_for(time: Duration, rows: &mut [Row]) {
    let end = Instant::now() + time;
    loop {
        let now = Instant::now();
        for row in rows.iter_mut() {
            for sender in &mut row.senders {
                sender.run(now);
            }
            row.receiver.run(now);
        }
        if now > end {
            return;
        }
        std::thread::sleep(TICK);
    }
}

/// The part of a row that concerns the time after the start.
fn line(row: &Row, settled: Instant, end: Instant) -> String {
    let start = row.receiver.start;
    let streams = &row.receiver.streams;
    let sound = streams.iter().find(|stream| stream.is_audio).expect("the first sender speaks");
    let pictures: Vec<_> = streams.iter().filter(|stream| !stream.is_audio).collect();
    let each = |figure: &dyn Fn(&Stream) -> String| {
        let figures: Vec<_> = pictures.iter().map(|stream| figure(stream)).collect();
        figures.join(", ")
    };
    let seconds = (end - settled).as_secs_f64();
    let rate = |frames: usize| format!("{:.0}", frames as f64 / seconds);
    let first =
        |stream: &Stream| stream.first_frame.map_or("-".to_owned(), |at| format!("{:.1}", (at - start).as_secs_f64()));
    let rates = |stream: &Stream| {
        let (small, large) = stream.frames_between(settled, end);
        format!("{}+{}", rate(small), rate(large))
    };
    format!(
        "| {} | {:.1} / {:.1} % | {} s | {} % | {} | {} | {:?} |",
        row.what,
        sound.unheard_percent(start, settled),
        sound.unheard_percent(settled, end),
        each(&first),
        each(&|stream| format!("{:.0}", stream.moving_percent(settled, end))),
        each(&rates),
        each(&|stream| stream.changes(settled, end).to_string()),
        row.estimates.iter().skip(1).step_by(4).map(|bits| bits / 1000).collect::<Vec<_>>()
    )
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn table() {
    let worker = worker().await;
    let seconds: u64 = env::var("CONVENE_WEAK_SECONDS").map_or(30, |text| text.parse().unwrap());
    let mut rows = Vec::new();
    for link in LINKS {
        rows.push(row(&worker, link, Reports::TransportCc, 3).await);
    }
    for link in [(300, 0, 20), (600, 0, 20)] {
        rows.push(row(&worker, link, Reports::Remb, 3).await);
        rows.push(row(&worker, link, Reports::None, 3).await);
        rows.push(row(&worker, link, Reports::TransportCc, 6).await);
    }
    let start = Instant::now();
    for row in &mut rows {
        row.receiver.start = start;
    }
    for _ in 0..seconds {
        rows = tokio::task::spawn_blocking(move || {
            run_for(Duration::from_secs(1), &mut rows);
            rows
        })
        .await
        .unwrap();
        for row in &mut rows {
            let stats = row.transport.get_stats().await.unwrap();
            row.estimates.push(stats[0].available_outgoing_bitrate.unwrap_or_default());
        }
    }
    let end = Instant::now();
    #[allow(clippy::print_stdout, reason = "the result of a measurement")]
    for row in &rows {
        println!("{}", line(row, start + SETTLED_AFTER, end));
    }
}
