//! Parsers of single values: durations, bitrates. Pure.

use std::time::Duration;

/// Parses `20s`, `500ms`, `2m`, `1h` or plain seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is not a duration such as 20s"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        _ => Err(format!("{unit:?} is not a unit of time: use ms, s, m or h")),
    }
}

/// Parses a duration of at least one second: rooms check their deadlines once a second.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    let is_long_enough = duration >= Duration::from_secs(1);
    is_long_enough.then_some(duration).ok_or_else(|| format!("{text:?} is less than 1s"))
}

/// Parses `3M`, `600k` or plain bits per second. Less than 10 kbit/s is not enough even for speech.
pub(super) fn bitrate(text: &str) -> Result<u32, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" => 1,
        "k" => 1000,
        "M" => 1_000_000,
        _ => return Err(format!("{unit:?} is not a unit: use k or M, for 1000 or 1000000 bits per second")),
    };
    let number: u32 = number.parse().map_err(|_| format!("{text:?} is not a bitrate such as 3M or 600k"))?;
    let rate = number.checked_mul(factor).filter(|rate| *rate >= 10_000);
    rate.ok_or_else(|| format!("{text:?} is not between 10k and 4294M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let cases = [("500ms", 500), ("20s", 20_000), ("20", 20_000), ("2m", 120_000), ("1h", 3_600_000)];
        for (text, milliseconds) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)));
        }
        for text in ["", "s", "-1s", "1.5s", "1y", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn timeouts_are_at_least_a_second() {
        assert_eq!(timeout("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(timeout("0"), Err(r#""0" is less than 1s"#.to_owned()));
        assert!(timeout("999ms").is_err() && timeout("x").is_err());
    }

    #[test]
    fn bitrates_have_units() {
        let cases = [("3M", 3_000_000), ("600k", 600_000), ("10000", 10_000), ("4294M", 4_294_000_000)];
        for (text, expected) in cases {
            assert_eq!(bitrate(text), Ok(expected));
        }
        for text in ["", "k", "3G", "1.5M", "-1", "9999", "0", "4295M", "99999999999"] {
            assert!(bitrate(text).is_err(), "{text:?}");
        }
    }
}
