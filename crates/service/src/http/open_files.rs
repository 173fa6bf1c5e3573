//! The limit on open files of this process, and how many connections it allows. It closes none.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit on open files to the maximum and returns it; `None` if it is unlimited.
pub fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok() {
        return maximum;
    }
    current
}

/// The requested number of connections, or what the limit on open files allows, which is logged: other parts of the program need some
/// files too. `flag` sets the number.
pub fn connections(requested: u32, open_files: Option<u64>, flag: &str) -> u32 {
    let connections = possible(requested, open_files);
    if connections < requested {
        tracing::warn!(connections, requested, "the limit on open files allows fewer connections than {flag}");
    }
    connections
}

fn possible(wanted: u32, open_files: Option<u64>) -> u32 {
    let Some(open_files) = open_files else { return wanted };
    let possible = open_files.saturating_sub((open_files / 10).clamp(64, 1024));
    wanted.min(u32::try_from(possible).unwrap_or(u32::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_limit_the_connections() {
        let cases = [
            (20_000, None, 20_000),
            (20_000, Some(1_048_576), 20_000),
            (20_000, Some(20_000), 18_976),
            (20_000, Some(1024), 922),
            (100, Some(1024), 100),
            (100, Some(64), 1),
        ];
        for (wanted, open_files, expected) in cases {
            let connections = connections(wanted, open_files, "--max-connections");
            assert_eq!(connections, expected, "{wanted} with {open_files:?} files");
        }
    }

    #[test]
    fn the_limit_of_open_files_goes_up_to_the_hard_one() {
        let raised = raise();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!((raised, current), (maximum, maximum));
    }
}
