//! Parsers for command line arguments of several programs, and their exit codes.

use std::time::Duration;

/// Exit code for an invalid argument, environment variable or file.
pub const EXIT_USAGE: u8 = 2;
/// Exit code for all other failures.
pub const EXIT_FAILURE: u8 = 1;

/// Parses a duration: a whole number and a unit (`s`, `m`, `h` or `d`), such as `90m` or `24h`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u32 = number.parse().map_err(|_| "write a number and a unit, for example 24h".to_owned())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("the unit must be s, m, h or d, for example 24h".to_owned()),
    };
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, seconds) in [("90s", 90), ("90m", 5400), ("24h", 86_400), ("2d", 172_800), ("0s", 0)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "h", "24", "-1h", "1.5h", "99999999999h", "1w", "1 h"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
