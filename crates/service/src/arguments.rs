//! Values of command line arguments that several programs read, and the exit codes they share.

use std::time::Duration;

/// Exit code for an argument, environment variable or file that is wrong.
pub const EXIT_USAGE: u8 = 2;
/// Exit code for every other failure.
pub const EXIT_FAILURE: u8 = 1;

/// Reads a duration: a number and a unit, such as `90m` or `24h`.
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
