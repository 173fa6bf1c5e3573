//! What one worker spends on a packet to one receiver: routing, bandwidth estimation, SRTP and the send call, without ICE and DTLS.
//! One publisher (VP8 and Opus) and many plain RTP receivers that only count packets and report their arrival (transport-wide feedback).
//! The packets of a video frame are sent at once, as browsers do.
//!
//! `CONVENE_COST_RECEIVERS=200 cargo test --workspace --test integration -- --ignored --nocapture cost::`; docs/measurements.md, "Media worker".

pub(crate) mod feedback;
pub(crate) mod receiver;
mod router;
mod srtcp;

use std::env;
use std::fs;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use receiver::Receiver;
use router::Setup;

/// 600 kbit/s in packets of a size that browsers send.
const FRAMES_PER_SECOND: f64 = 30.0;
const FRAME: [usize; 3] = [830; 3];
const TICK: Duration = Duration::from_millis(5);
const WARM_UP: Duration = Duration::from_secs(3);

/// Sends RTP by the clock.
struct Publisher {
    socket: UdpSocket,
    start: Instant,
    audio: u32,
    frames: u32,
    video: u32,
}

impl Publisher {
    fn send_due(&mut self) {
        let elapsed = self.start.elapsed().as_secs_f64();
        while f64::from(self.audio) < elapsed * 50.0 {
            self.send(100, 1, self.audio, self.audio * 960, 160);
            self.audio += 1;
        }
        while f64::from(self.frames) < elapsed * FRAMES_PER_SECOND {
            for size in FRAME {
                self.send(101, 2, self.video, self.frames * 3000, size);
                self.video += 1;
            }
            self.frames += 1;
        }
    }

    fn send(&self, payload_type: u8, ssrc: u32, number: u32, time: u32, size: usize) {
        let mut packet = vec![0x80, payload_type];
        packet.extend_from_slice(&number.to_be_bytes()[2..]);
        packet.extend_from_slice(&time.to_be_bytes());
        packet.extend_from_slice(&ssrc.to_be_bytes());
        // VP8: start of a partition, key frame.
        packet.extend_from_slice(&[0x10, 0]);
        packet.resize(size, 7);
        let _ = self.socket.send(&packet);
    }
}

fn number(name: &str, default: u32) -> u32 {
    env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// Processor time of a thread in seconds.
fn seconds_of(thread: &std::path::Path) -> f64 {
    let text = fs::read_to_string(thread.join("schedstat")).unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// Resident memory of this process in MiB.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn run_for(time: Duration, publisher: &mut Publisher, receivers: &mut [Receiver]) {
    let start = Instant::now();
    while start.elapsed() < time {
        let begun = Instant::now();
        publisher.send_due();
        for receiver in receivers.iter_mut() {
            receiver.read();
        }
        std::thread::sleep(TICK.saturating_sub(begun.elapsed()));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn cost_of_a_packet() {
    let count = number("CONVENE_COST_RECEIVERS", 100);
    let seconds = number("CONVENE_COST_SECONDS", 10);
    let suite = env::var("CONVENE_COST_SRTP").unwrap_or_else(|_| "AEAD_AES_256_GCM".into());
    let mut setup = Setup::new().await;
    let empty = resident();
    let mut publisher =
        Publisher { socket: setup.publish().await, start: Instant::now(), audio: 0, frames: 0, video: 0 };
    let mut receivers = Vec::new();
    for _ in 0..count {
        receivers.push(setup.receive(&suite).await);
    }
    publisher.start = Instant::now();
    let thread = setup.thread();
    let measured = tokio::task::spawn_blocking(move || {
        run_for(WARM_UP, &mut publisher, &mut receivers);
        let packets = |receivers: &[Receiver]| receivers.iter().map(|receiver| receiver.packets).sum::<u64>();
        let (before, sent_before) = (packets(&receivers), publisher.audio + publisher.video);
        let used = seconds_of(&thread);
        run_for(Duration::from_secs(seconds.into()), &mut publisher, &mut receivers);
        let used = seconds_of(&thread) - used;
        let (delivered, sent) = (packets(&receivers) - before, publisher.audio + publisher.video - sent_before);
        let expected = u64::from(sent) * u64::from(count);
        (used, delivered, expected)
    });
    let (used, delivered, expected) = measured.await.unwrap();
    let full = resident();
    drop(setup);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = resident();
    #[allow(clippy::cast_precision_loss, clippy::print_stdout, reason = "the result of a measurement")]
    {
        println!(
            "receivers {count} srtp {suite} delivered {delivered} of {expected} worker {used:.3} s, {:.3} us per packet, \
             memory {empty} MiB empty, {full} with receivers, {after} 2 s after them",
            used * 1e6 / delivered as f64
        );
    }
    assert!(delivered > 0, "nothing was delivered");
}
