//! The table of results. Pure.

use std::fmt;

use crate::honest::Observations;

/// The result of an attack.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) notice: Observations,
    pub(crate) peak: u64,
    pub(crate) faults: Vec<String>,
}

impl Row {
    pub(crate) fn has_passed(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Observations { sent, lost, requests, p50, p99, .. } = &self.notice;
        let packets = format!("{lost}/{sent}");
        let peak = mebibytes(self.peak);
        let verdict = if self.has_passed() { "held".to_owned() } else { format!("FAILED: {}", self.faults.join("; ")) };
        write!(formatter, "{:<28} {packets:>12} {requests:>8} {p50:>7.1} {p99:>7.1} {peak:>8}  {verdict}", self.name)
    }
}

pub(crate) fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}

/// The header of the table.
pub(crate) fn head() -> String {
    let titles = ("attack", "lost/sent", "requests", "p50 ms", "p99 ms", "peak MiB", "verdict");
    let (attack, packets, requests, p50, p99, peak, verdict) = titles;
    format!("{attack:<28} {packets:>12} {requests:>8} {p50:>7} {p99:>7} {peak:>8}  {verdict}")
}

/// The last line: numbers of passed and failed attacks.
pub(crate) fn closing(rows: &[Row]) -> String {
    let passed = rows.iter().filter(|row| row.has_passed()).count();
    format!("{passed} passed, {} failed", rows.len() - passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(faults: &[&str]) -> Row {
        let notice = Observations { sent: 900, lost: 0, requests: 100, p50: 0.4, p99: 2.5, trouble: None };
        Row { name: "slow-loris", notice, peak: 100 << 20, faults: faults.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn a_row_says_what_failed() {
        assert!(row(&[]).to_string().ends_with("0/900      100     0.4     2.5      100  held"));
        assert!(row(&["a", "b"]).to_string().ends_with("FAILED: a; b"));
        assert_eq!(closing(&[row(&[]), row(&["a"])]), "1 passed, 1 failed");
    }
}
