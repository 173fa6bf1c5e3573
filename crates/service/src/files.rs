//! Contents of files that are replaced while the program runs: certificates, keys. It parses nothing, and logs nothing.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// The contents of some files, or why one could not be read.
pub type Contents = io::Result<Vec<Vec<u8>>>;

/// Files whose contents are compared periodically: a mounted Secret or `ConfigMap` changes by a replaced symbolic link.
#[derive(Debug)]
pub struct FileChanges {
    files: Vec<PathBuf>,
    ticks: Interval,
    last: Option<Result<Vec<Vec<u8>>, String>>,
}

impl FileChanges {
    /// Files that are read once per `period`. Must be called in a Tokio runtime.
    pub fn new(files: Vec<PathBuf>, period: Duration) -> Self {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { files, ticks, last: None }
    }

    /// The contents at first, and then whenever they have changed; an error is returned once while it lasts.
    pub async fn next(&mut self) -> Contents {
        loop {
            self.ticks.tick().await;
            let found = self.read().await;
            let seen = found.as_ref().map(Clone::clone).map_err(ToString::to_string);
            if self.last.as_ref() != Some(&seen) {
                self.last = Some(seen);
                return found;
            }
        }
    }

    async fn read(&self) -> Contents {
        let mut contents = Vec::with_capacity(self.files.len());
        for file in &self.files {
            contents.push(tokio::fs::read(file).await?);
        }
        Ok(contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn contents_are_returned_once_per_change_and_errors_too() {
        let file = std::env::temp_dir().join(format!("convene-files-{}", std::process::id()));
        std::fs::write(&file, "one").unwrap();
        let mut changes = FileChanges::new(vec![file.clone()], Duration::from_millis(1));
        assert_eq!(changes.next().await.unwrap(), [b"one"]);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(changes.next().await.unwrap_err().kind(), io::ErrorKind::NotFound);
        let unchanged = tokio::time::timeout(Duration::from_millis(20), changes.next()).await;
        assert!(unchanged.is_err(), "the same error is not returned again");
        std::fs::write(&file, "two").unwrap();
        assert_eq!(changes.next().await.unwrap(), [b"two"]);
        std::fs::remove_file(&file).unwrap();
    }
}
