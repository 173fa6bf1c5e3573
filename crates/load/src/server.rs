//! Processor time and memory of a server on this machine, from `/proc` and its cgroup. It reads, and changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

/// Why the server cannot be measured.
#[derive(Debug, Error)]
pub enum ServerError {
    /// A file could not be read: no such process or cgroup.
    #[error("could not read {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file that is not as expected.
    #[error("could not parse {0:?}")]
    Parse(PathBuf),
}

/// What to measure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probe {
    pub(crate) pid: Option<u32>,
    pub(crate) cgroup: Option<PathBuf>,
}

/// One reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Processor time of each thread by id, with its name.
    threads: BTreeMap<u32, (String, Duration)>,
    /// Processor time of the cgroup.
    cgroup: Option<Duration>,
    /// Resident memory of the process, in bytes.
    pub(crate) memory: Option<u64>,
}

/// The difference of two readings.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerUse {
    /// Processor time of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_seconds: Option<f64>,
    /// Processor time of the cgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_seconds: Option<f64>,
    /// Processor time of each thread that used some, the busiest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<ThreadUse>,
}

/// Processor time of one thread.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadUse {
    /// Its name.
    pub name: String,
    /// Processor time.
    pub seconds: f64,
}

impl Probe {
    /// Reads all that is configured.
    pub(crate) fn read(&self) -> Result<Reading, ServerError> {
        let mut reading = Reading::default();
        if let Some(pid) = self.pid {
            let process = PathBuf::from(format!("/proc/{pid}"));
            reading.threads = threads(&process)?;
            reading.memory = resident(&process)?;
        }
        if let Some(cgroup) = &self.cgroup {
            reading.cgroup = Some(cgroup_time(cgroup)?);
        }
        Ok(reading)
    }
}

impl Reading {
    /// What was used since an earlier reading. Threads that ended in between are not in it.
    pub(crate) fn since(&self, earlier: &Self) -> ServerUse {
        let used = |(id, (name, time)): (&u32, &(String, Duration))| {
            let before = earlier.threads.get(id).map_or(Duration::ZERO, |(_, time)| *time);
            ThreadUse { name: name.clone(), seconds: time.saturating_sub(before).as_secs_f64() }
        };
        let mut threads: Vec<ThreadUse> = self.threads.iter().map(used).filter(|thread| thread.seconds > 0.0).collect();
        threads.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
        let process_seconds = (!self.threads.is_empty()).then(|| threads.iter().map(|thread| thread.seconds).sum());
        let cgroup = self.cgroup.zip(earlier.cgroup);
        let cgroup_seconds = cgroup.map(|(now, before)| now.saturating_sub(before).as_secs_f64());
        ServerUse { process_seconds, cgroup_seconds, threads }
    }
}

impl ServerUse {
    /// Of the cgroup if there is one, else of the process.
    pub fn seconds(&self) -> Option<f64> {
        self.cgroup_seconds.or(self.process_seconds)
    }
}

/// The scheduler counts in nanoseconds, `stat` in hundredths of a second.
fn threads(process: &Path) -> Result<BTreeMap<u32, (String, Duration)>, ServerError> {
    let tasks = process.join("task");
    let entries = fs::read_dir(&tasks).map_err(|source| ServerError::Read { path: tasks, source })?;
    let mut threads = BTreeMap::new();
    for entry in entries.flatten() {
        let path = entry.path();
        // A thread may end while the others are read.
        let (Ok(stat), Ok(name)) = (read(&path.join("schedstat")), read(&path.join("comm"))) else { continue };
        let id = entry.file_name().to_str().and_then(|id| id.parse().ok());
        let Some((id, time)) = id.zip(run_time(&stat)) else { return Err(ServerError::Parse(path)) };
        threads.insert(id, (name.trim().to_owned(), time));
    }
    Ok(threads)
}

fn run_time(schedstat: &str) -> Option<Duration> {
    schedstat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn resident(process: &Path) -> Result<Option<u64>, ServerError> {
    Ok(field(&read(&process.join("status"))?, "VmRSS:").map(|kib| kib * 1024))
}

fn cgroup_time(cgroup: &Path) -> Result<Duration, ServerError> {
    let v1 = cgroup.join("cpuacct.usage");
    if let Ok(nanos) = read(&v1) {
        return nanos.trim().parse().map(Duration::from_nanos).map_err(|_| ServerError::Parse(v1));
    }
    let path = cgroup.join("cpu.stat");
    let micros = field(&read(&path)?, "usage_usec");
    micros.map(Duration::from_micros).ok_or(ServerError::Parse(path))
}

/// The number after a name at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn read(path: &Path) -> Result<String, ServerError> {
    fs::read_to_string(path).map_err(|source| ServerError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_measured() {
        let probe = Probe { pid: Some(std::process::id()), cgroup: None };
        let before = probe.read().unwrap();
        let mut sum = 0_u64;
        let used = loop {
            sum = sum.wrapping_add((0..100_000).sum());
            let used = probe.read().unwrap().since(&before);
            if used.process_seconds.is_some_and(|seconds| seconds > 0.01) {
                break used;
            }
        };
        assert!(sum > 0 && before.memory.is_some_and(|bytes| bytes > 100_000));
        assert!(used.threads.windows(2).all(|pair| pair[0].seconds >= pair[1].seconds));
        assert_eq!((used.cgroup_seconds, used.seconds()), (None, used.process_seconds));
    }

    #[test]
    fn a_cgroup_of_either_version_is_read() {
        let folder = std::env::temp_dir().join(format!("convene-load-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let probe = Probe { pid: None, cgroup: Some(folder.clone()) };
        assert!(matches!(probe.read(), Err(ServerError::Read { .. })));
        fs::write(folder.join("cpu.stat"), "nr_periods 5\nusage_usec 1500000\nuser_usec 1\n").unwrap();
        let first = probe.read().unwrap();
        fs::write(folder.join("cpuacct.usage"), "2500000000\n").unwrap();
        let second = probe.read().unwrap();
        assert_eq!(second.since(&first).seconds(), Some(1.0));
        fs::write(folder.join("cpuacct.usage"), "many\n").unwrap();
        assert!(matches!(probe.read(), Err(ServerError::Parse(_))));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        let error = Probe { pid: Some(u32::MAX), cgroup: None }.read().unwrap_err();
        assert_eq!(error.to_string(), "could not read \"/proc/4294967295/task\"");
    }
}
