//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::attacks::{Attack, all};
use crate::fuzz;
use crate::pod::PodSpec;

/// Attacks a media pod under the memory limit of its chart, during the call of an honest pair. Needs root.
#[derive(Debug, Parser)]
#[command(name = "convene-attack", version, max_term_width = 110)]
pub(crate) struct Args {
    /// Names of the attacks to run, including `fuzz`. Default: all.
    names: Vec<String>,

    /// Name of an attack to run; can be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// List the attacks and exit.
    #[arg(long)]
    pub(crate) list: bool,

    /// Program of the media pod.
    #[arg(long, value_name = "FILE", default_value = "target/release/convene-media-pod")]
    pod: PathBuf,

    /// Total duration of the attacks in seconds; waiting, checks and cleanup come in addition.
    #[arg(long, value_name = "COUNT", default_value_t = 300)]
    seconds: u64,

    /// Milliseconds within which 99 of 100 requests of the honest pair must be answered. The default is for a quiet machine.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 50.0)]
    pub(crate) p99: f64,

    /// Seed of the random parts: the same seed gives the same messages.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Memory limit of the pod in MiB. The default is that of the chart.
    #[arg(long, value_name = "COUNT", default_value_t = 1024)]
    memory: u64,
}

/// Share of the fuzz in the total time, relative to one attack.
const FUZZ_SHARE: u32 = 10;

impl Args {
    /// The selected attacks, in the order in which they run.
    pub(crate) fn attacks(&self) -> Result<Vec<Attack>, String> {
        let wanted: Vec<_> = self.names.iter().chain(&self.only).map(String::as_str).collect();
        let all = all();
        if let Some(unknown) = wanted.iter().find(|name| all.iter().all(|attack| attack.name != **name)) {
            return Err(format!("unknown attack {unknown:?}; see --list"));
        }
        Ok(all.into_iter().filter(|attack| wanted.is_empty() || wanted.contains(&attack.name)).collect())
    }

    /// The share of one attack in the total time.
    pub(crate) fn time_for(&self, attack: &Attack, attacks: &[Attack]) -> Duration {
        let total: u32 = attacks.iter().map(share).sum();
        Duration::from_secs(self.seconds) / total.max(1) * share(attack)
    }

    pub(crate) fn pod_spec(&self) -> PodSpec {
        PodSpec { program: self.pod.clone(), memory: self.memory << 20, log_is_full: false, has_test_switches: false }
    }
}

fn share(attack: &Attack) -> u32 {
    if attack.name == fuzz::NAME { FUZZ_SHARE } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Args {
        Args::parse_from([&["convene-attack"], words].concat())
    }

    #[test]
    fn attacks_are_chosen_by_name() {
        assert_eq!(args(&[]).attacks().map(|attacks| attacks.len()), Ok(all().len()));
        let chosen = args(&["fuzz", "--only", "slow-loris"]).attacks().map(|attacks| attacks.len());
        assert_eq!(chosen, Ok(2));
        assert!(args(&["nonsense"]).attacks().is_err_and(|error| error.contains("nonsense")));
    }

    #[test]
    fn time_is_shared() {
        let args = args(&["fuzz", "slow-loris", "--seconds", "110"]);
        let attacks = args.attacks().unwrap();
        let times: Vec<_> = attacks.iter().map(|attack| args.time_for(attack, &attacks).as_secs()).collect();
        assert_eq!(times.iter().sum::<u64>(), 110);
        assert!(times.contains(&10) && times.contains(&100), "{times:?}");
    }

    /// Tests must use the limit that is installed.
    #[test]
    fn the_limit_is_the_charts() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/convene/values.yaml");
        let values = std::fs::read_to_string(path).unwrap();
        let (_, pool) = values.split_once("\ndefaultPool:").unwrap();
        assert!(pool.contains("limits: {memory: 1Gi}"), "the limit of the chart has changed: adapt --memory");
        assert_eq!(args(&[]).pod_spec().memory, 1 << 30);
    }
}
