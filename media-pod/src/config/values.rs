//! How single values are written: durations, addresses. Pure.

use std::net::IpAddr;
use std::time::Duration;

/// Reads `20s`, `500ms`, `2m`, `1h` or plain seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is no duration such as 20s"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        _ => Err(format!("{unit:?} is no unit of time: use ms, s, m or h")),
    }
}

/// Whether a text is an IP address or a host name.
pub(super) fn is_address(text: &str) -> bool {
    let is_host_character = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.');
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.chars().all(is_host_character))
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
    fn addresses_are_ips_or_host_names() {
        for good in ["192.0.2.1", "2001:db8::1", "sfu.example.org"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["not an address", "http://x", "a/b", &"x".repeat(254)] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
