//! Attacks a media pod that runs as in the chart, one attack after the other, during the call of an honest pair. After each attack the
//! pair must have lost no packet and have got all responses in time, and the pod must be in its initial state.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing the table is its purpose")]

mod args;
mod attacks;
mod cgroup;
mod client;
mod count;
mod failure;
mod fuzz;
mod honest;
mod http;
mod keys;
mod peer;
mod pod;
mod report;
mod trial;
mod variants;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use args::Args;
use attacks::Attack;
use failure::Outcome;
use report::{Row, closing, head};
use trial::Stage;

/// Lowers the priority of the attackers, which run on the same machine as the pod and the honest pair.
const ATTACKERS_NICENESS: i32 = 10;

fn main() -> ExitCode {
    let args = Args::parse();
    let attacks = match args.attacks() {
        Ok(attacks) => attacks,
        Err(unknown) => return refuse(&unknown),
    };
    if args.list {
        for attack in &attacks {
            println!("{:<28} {}", attack.name, attack.about);
        }
        return ExitCode::SUCCESS;
    }
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().on_thread_start(lower_priority).build();
    let rows = runtime.expect("threads can be started at the start of a process").block_on(run(&args, &attacks));
    match rows {
        Ok(rows) => finish(&rows),
        Err(failure) => refuse(&failure.to_string()),
    }
}

fn refuse(reason: &str) -> ExitCode {
    eprintln!("convene-attack: {reason}");
    ExitCode::from(2)
}

fn lower_priority() {
    let _ = rustix::process::nice(ATTACKERS_NICENESS);
}

/// The attacks open thousands of sockets.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

async fn run(args: &Args, attacks: &[Attack]) -> Outcome<Vec<Row>> {
    let mut stage = Stage::set(&args.pod_spec(), args.p99).await?;
    println!("{}", head());
    let mut rows = Vec::new();
    for attack in attacks {
        let row = stage.run(*attack, args.time_for(attack, attacks), args.seed).await;
        println!("{row}");
        // After a failure the next attack gets a new pod.
        if !row.has_passed() {
            drop(stage);
            tokio::time::sleep(Duration::from_millis(200)).await;
            stage = Stage::set(&args.pod_spec(), args.p99).await?;
        }
        rows.push(row);
    }
    Ok(rows)
}

fn finish(rows: &[Row]) -> ExitCode {
    println!("\n{}", closing(rows));
    if rows.iter().all(Row::has_passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
