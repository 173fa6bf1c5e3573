//! `convene bench`: the arguments of a load test, its progress on a terminal, and its report.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use convene_load::{Phase, Plan, Report, Status, Target};
use convene_service::arguments::parse_duration;
use convene_service::say;

use super::output::{CliError, Output};

/// Longest token file, in bytes.
const MAX_TOKEN_BYTES: u64 = 16 * 1024;

/// Arguments of `convene bench`.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "the help shows the text as it is, without Markdown")]
pub(crate) struct BenchArgs {
    /// The meeting: https://HOST/NAMESPACE/NAME, or the signaling URL of a pod: ws://HOST:PORT/signal/NAME
    #[arg(value_name = "MEETING")]
    target: Target,

    /// File with a join token; required for servers on other machines
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    token_file: Option<PathBuf>,

    /// File with the join token of the clients that receive, if it is another one, such as that of a viewer
    #[arg(long, value_name = "FILE", requires = "token_file", help_heading = "Server")]
    subscriber_token_file: Option<PathBuf>,

    /// The server is LiveKit, on this machine: file with a line KEY: SECRET, its API key. The meeting is ws://127.0.0.1:7880/rtc/NAME
    #[cfg(feature = "livekit")]
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    livekit_key_file: Option<PathBuf>,

    /// Process id of the server on this machine, to measure its processor time and memory
    #[arg(long, value_name = "PID", help_heading = "Server")]
    server_pid: Option<u32>,

    /// Folder of the server's cgroup, to measure its processor time
    #[arg(long, value_name = "FOLDER", help_heading = "Server")]
    server_cgroup: Option<PathBuf>,

    /// Clients that send
    #[arg(long, value_name = "COUNT", default_value_t = 1, help_heading = "Clients")]
    publishers: u32,

    /// Clients that receive all publishers of their meeting
    #[arg(long, value_name = "COUNT", default_value_t = 10, help_heading = "Clients")]
    subscribers: u32,

    /// Meetings to which the clients are distributed evenly; with several, they are NAME-1, NAME-2 and so on
    #[arg(long, value_name = "COUNT", default_value_t = 1, help_heading = "Clients")]
    meetings: u32,

    /// Joins per second; at most 200
    #[arg(long, value_name = "RATE", default_value_t = 10.0, help_heading = "Clients")]
    ramp: f64,

    /// Time limit of each step of a join: a connection, a request, ICE with DTLS
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = parse_duration, help_heading = "Clients")]
    step_limit: Duration,

    /// Subscribers per second that leave and are replaced during the measurement
    #[arg(long, value_name = "RATE", default_value_t = 0.0, help_heading = "Clients")]
    churn: f64,

    /// Bitrate of each publisher's video in kbit/s, without key frames, at most 10000; 0 for audio only
    #[arg(long, value_name = "KBITS", default_value_t = 600, help_heading = "Media")]
    video_kbits: u32,

    /// Frames per second of the video
    #[arg(long, value_name = "RATE", default_value_t = 30, help_heading = "Media")]
    frame_rate: u32,

    /// Send the video in three layers; the largest has the bitrate, all together send 1.31 times as much
    #[arg(long, help_heading = "Media")]
    simulcast: bool,

    /// Send no audio
    #[arg(long, help_heading = "Media")]
    no_audio: bool,

    /// How long to measure, after all have joined; at most 1h
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration, help_heading = "Measurement")]
    duration: Duration,

    /// How long to wait before the measurement, after the last join; at most 1m
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parse_duration, help_heading = "Measurement")]
    settle: Duration,

    /// After the measurement, this many publishers join and leave one after the other, to measure how soon they are seen; at most 100
    #[arg(long, value_name = "COUNT", default_value_t = 0, help_heading = "Measurement")]
    newcomers: u32,

    /// Fail if more packets are lost, in percent: 0 to 100
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent, help_heading = "Measurement")]
    max_loss: Option<f64>,

    /// Print the report as JSON
    #[arg(long, help_heading = "Measurement")]
    json: bool,
}

/// Runs a load test.
pub(crate) async fn run(args: BenchArgs) -> Result<Output, CliError> {
    let (is_json, max_loss) = (args.json, args.max_loss);
    let is_terminal = std::io::stderr().is_terminal();
    let report = convene_load::run(args.plan()?, |status| {
        if is_terminal {
            say::err(&line(&status));
        }
    });
    let report = report.await?;
    let text = if is_json { format!("{}\n", json(&report)) } else { report.to_string() };
    Ok(Output { text, notes: Vec::new(), verdict: verdict(&report, max_loss) })
}

impl BenchArgs {
    fn plan(self) -> Result<Plan, CliError> {
        #[cfg(feature = "livekit")]
        let target = with_key(self.target, self.livekit_key_file.as_deref())?;
        #[cfg(not(feature = "livekit"))]
        let target = self.target;
        Ok(Plan {
            target,
            token: self.token_file.as_deref().map(read_token).transpose()?,
            subscriber_token: self.subscriber_token_file.as_deref().map(read_token).transpose()?,
            publishers: self.publishers,
            subscribers: self.subscribers,
            meetings: self.meetings,
            video_bitrate: self.video_kbits.saturating_mul(1000),
            frames_per_second: self.frame_rate,
            simulcast: self.simulcast,
            audio: !self.no_audio,
            duration: self.duration,
            settle: self.settle,
            newcomers: self.newcomers,
            ramp: self.ramp,
            churn: self.churn,
            step_limit: self.step_limit,
            server_pid: self.server_pid,
            server_cgroup: self.server_cgroup,
        })
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "must be a number from 0 to 100".to_owned())
}

fn read_token(path: &Path) -> Result<String, CliError> {
    use std::io::Read;
    let read = || {
        let mut text = String::new();
        std::fs::File::open(path)?.take(MAX_TOKEN_BYTES).read_to_string(&mut text)?;
        Ok(text.trim().to_owned())
    };
    read().map_err(|source| CliError::File { what: "read", path: path.to_owned(), source })
}

/// The target as a room of LiveKit, if there is a key.
#[cfg(feature = "livekit")]
fn with_key(target: Target, file: Option<&Path>) -> Result<Target, CliError> {
    let Some(file) = file else { return Ok(target) };
    let text = read_token(file)?;
    let (key, secret) = text.split_once(": ").unwrap_or((&text, ""));
    let key = convene_load::LiveKitKey { key: key.into(), secret: secret.into() };
    Ok(target.livekit(key).map_err(convene_load::LoadError::from)?)
}

fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).expect("a report has text keys only")
}

/// A line of the progress on a terminal.
fn line(Status { phase, elapsed, joined, failed, delivered, lost, delay_ms }: &Status) -> String {
    let phase = match phase {
        Phase::Joining => "joining",
        Phase::Settling => "settling",
        Phase::Measuring => "measuring",
        Phase::Waiting => "waiting",
        Phase::Newcomers => "newcomers",
    };
    let seconds = elapsed.as_secs();
    format!(
        "{phase:<9} {seconds:>5} s  {joined:>5} joined {failed:>4} failed  {delivered:>10} delivered {lost:>7} lost  delay {delay_ms:>6.1} ms"
    )
}

/// Whether the run was as it should be.
fn verdict(report: &Report, max_loss: Option<f64>) -> Option<CliError> {
    let (loss, joins) = (report.media.loss_percent, &report.joins);
    if !report.is_complete() {
        return Some(CliError::Clients(joins.failed, joins.lost));
    }
    if !report.is_received() {
        return Some(CliError::NotReceived {
            first: joins.first_packet.count,
            all: joins.served,
            subscribers: joins.subscribers,
            delivered: report.media.delivered,
        });
    }
    max_loss.filter(|max| loss > *max).map(|_| CliError::Loss(loss))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_and_failed_clients_are_errors() {
        let mut report = Report::default();
        assert!(verdict(&report, Some(0.0)).is_none());
        report.media.loss_percent = 0.2;
        assert!(verdict(&report, None).is_none() && verdict(&report, Some(0.5)).is_none());
        assert!(matches!(verdict(&report, Some(0.1)), Some(CliError::Loss(_))));
        report.joins.lost = 1;
        let error = verdict(&report, None).unwrap();
        assert_eq!((error.reason(), error.exit_code()), ("ClientsFailed", 1));
        assert!(json(&report).contains("\"lossPercent\": 0.2"));
    }

    #[test]
    fn a_run_in_which_nothing_arrives_fails() {
        let mut report = Report::default();
        report.clients.subscribers = 2;
        let error = verdict(&report, None).unwrap();
        assert_eq!((error.reason(), error.exit_code()), ("NotReceived", 1));
        (report.joins.subscribers, report.joins.served, report.joins.first_packet.count) = (2, 1, 2);
        report.media.delivered = 100;
        let error = verdict(&report, None).unwrap();
        assert!(error.to_string().contains("2 of 2 subscribers got a packet, 1 got one of every stream"), "{error}");
        report.joins.served = 2;
        assert!(verdict(&report, None).is_none());
    }

    #[test]
    fn percentages_are_between_nothing_and_all() {
        assert_eq!(["0", "0.5", "100"].map(parse_percent), [Ok(0.0), Ok(0.5), Ok(100.0)]);
        for text in ["-0.1", "100.1", "NaN", "inf", "", "1 %"] {
            assert!(parse_percent(text).is_err(), "{text}");
        }
    }

    #[test]
    fn progress_is_one_line() {
        let status = Status {
            phase: Phase::Measuring,
            elapsed: Duration::from_secs(7),
            joined: 12,
            failed: 0,
            delivered: 5000,
            lost: 3,
            delay_ms: 1.25,
        };
        assert_eq!(
            line(&status),
            "measuring     7 s     12 joined    0 failed        5000 delivered       3 lost  delay    1.2 ms"
        );
    }
}
