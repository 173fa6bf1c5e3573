//! The CPU time of a mediasoup worker's thread, which mediasoup does not report. It controls no thread.

use std::path::PathBuf;
use std::sync::OnceLock;

/// Clock ticks per second in `/proc`; the same on every architecture of Linux (`sysconf(_SC_CLK_TCK)`).
const TICKS_PER_SECOND: f64 = 100.0;

/// One worker's thread.
#[derive(Debug, Default)]
pub(crate) struct WorkerThread(OnceLock<PathBuf>);

impl WorkerThread {
    /// Must be called once, on that thread.
    pub(crate) fn register(&self) {
        if let Ok(own) = std::fs::read_link("/proc/thread-self") {
            let _ = self.0.set(PathBuf::from("/proc").join(own).join("stat"));
        }
    }

    /// User and system time together, in seconds; `None` without `/proc` or if the thread has ended.
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(self.0.get()?).ok()?;
        cpu_seconds_in(&stat)
    }
}

/// Fields 14 and 15 of `/proc/…/stat` (proc(5)). Field 2, the name, may contain spaces and parentheses, so fields are counted from its end.
fn cpu_seconds_in(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut times = after_name.split_whitespace().skip(11).map(str::parse::<f64>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added() {
        let stat = "42 (media) worker (1)) S 1 42 42 0 -1 64 9 0 0 0 250 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(cpu_seconds_in(stat), Some(3.0));
        assert_eq!(cpu_seconds_in("nonsense"), None);
    }

    #[test]
    fn a_thread_finds_itself() {
        let thread = WorkerThread::default();
        assert_eq!(thread.cpu_seconds(), None);
        thread.register();
        assert!(thread.cpu_seconds().is_some_and(|seconds| seconds >= 0.0));
    }
}
