//! A memory limit as in a container: a cgroup (version 1 or 2) for the pod. Needs root.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

const MOUNT: &str = "/sys/fs/cgroup";

/// The limit could not be set.
#[derive(Debug, Error)]
#[error(
    "could not create a cgroup (version {version}) with a memory limit at {folder:?}: {source}; this needs root and a memory controller"
)]
pub(crate) struct CgroupError {
    folder: PathBuf,
    version: u8,
    source: io::Error,
}

/// A cgroup with a memory limit.
#[derive(Debug)]
pub(crate) struct Cgroup {
    folder: PathBuf,
    is_v1: bool,
}

impl Cgroup {
    pub(crate) fn create(limit: u64) -> Result<Self, CgroupError> {
        let memory = Path::new(MOUNT).join("memory");
        let is_v1 = memory.is_dir();
        let parent = if is_v1 { own_v1(&memory) } else { PathBuf::from(MOUNT) };
        let folder = parent.join(format!("convene-attack-{:016x}", rand::random::<u64>()));
        let group = Self { folder: folder.clone(), is_v1 };
        group.set_up(limit).map_err(|source| CgroupError { folder, version: if is_v1 { 1 } else { 2 }, source })?;
        Ok(group)
    }

    fn set_up(&self, limit: u64) -> io::Result<()> {
        if !self.is_v1 {
            fs::write(Path::new(MOUNT).join("cgroup.subtree_control"), "+memory")?;
        }
        fs::create_dir_all(&self.folder)?;
        let file = if self.is_v1 { "memory.limit_in_bytes" } else { "memory.max" };
        fs::write(self.folder.join(file), limit.to_string())?;
        // Containers have no swap, but not every kernel counts it.
        let (swap, value) = if self.is_v1 { ("memory.memsw.limit_in_bytes", limit) } else { ("memory.swap.max", 0) };
        let _ = fs::write(self.folder.join(swap), value.to_string());
        Ok(())
    }

    /// The file to which a process writes its id to join the cgroup.
    pub(crate) fn procs(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// Memory in use in bytes, without page cache that the kernel can drop at any time.
    pub(crate) fn used(&self) -> u64 {
        let (usage, inactive) = if self.is_v1 {
            ("memory.usage_in_bytes", "total_inactive_file ")
        } else {
            ("memory.current", "inactive_file ")
        };
        let stat = fs::read_to_string(self.folder.join("memory.stat")).unwrap_or_default();
        let cached = stat.lines().find_map(|line| line.strip_prefix(inactive)).and_then(|bytes| bytes.parse().ok());
        number(&self.folder.join(usage)).saturating_sub(cached.unwrap_or(0))
    }
}

/// Below the cgroup of this process, at its mount point.
fn own_v1(memory: &Path) -> PathBuf {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = own.lines().find_map(|line| line.split_once(":memory:")).map_or("/", |(_, path)| path);
    let folder = memory.join(path.trim_start_matches('/'));
    if folder.is_dir() { folder } else { memory.to_owned() }
}

fn number(path: &Path) -> u64 {
    fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

impl Cgroup {
    /// Removes the cgroup after its processes have exited. The kernel releases it a moment later.
    pub(crate) fn remove(&self) {
        for _ in 0..50 {
            match fs::remove_dir(&self.folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => std::thread::sleep(Duration::from_millis(20)),
                _ => return,
            }
        }
    }
}
