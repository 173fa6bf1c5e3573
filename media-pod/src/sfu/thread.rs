//! The thread of a mediasoup worker, and how much CPU time it has used. mediasoup itself does not tell.

use std::path::PathBuf;
use std::sync::OnceLock;

/// Clock ticks per second in `/proc`; the same on every architecture of Linux (`sysconf(_SC_CLK_TCK)`).
const TICKS_PER_SECOND: f64 = 100.0;

/// One worker's thread.
#[derive(Debug, Default)]
pub struct WorkerThread(OnceLock<PathBuf>);

impl WorkerThread {
    /// To be called once, on that thread.
    pub fn note(&self) {
        if let Ok(own) = std::fs::read_link("/proc/thread-self") {
            let _ = self.0.set(PathBuf::from("/proc").join(own).join("stat"));
        }
    }

    /// User and system time together, in seconds; `None` where there is no `/proc` or the thread is gone.
    pub fn cpu_seconds(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(self.0.get()?).ok()?;
        cpu_seconds_in(&stat)
    }
}

/// Fields 14 and 15 of `/proc/…/stat` (proc(5)). The second, the name, may hold spaces and brackets, so they are counted from its end.
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
        thread.note();
        assert!(thread.cpu_seconds().is_some_and(|seconds| seconds >= 0.0));
    }
}
