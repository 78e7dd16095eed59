//! Durations, sizes and versions as they are written.

use std::time::Duration;

/// The longest duration that may be written: a day.
const LONGEST: Duration = Duration::from_hours(24);

/// `"500ms"`, `"1.5s"` is not one: a whole number and `ms`, `s`, `m` or `h`, more than nothing and at most a day.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let duration = Duration::from_millis(number.checked_mul(milliseconds)?);
    (!duration.is_zero() && duration <= LONGEST).then_some(duration)
}

/// The shortest notation of a duration that [`duration`] reads back.
pub(super) fn print_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if milliseconds.is_multiple_of(length) {
            return format!("{}{unit}", milliseconds / length);
        }
    }
    format!("{milliseconds}ms")
}

/// `"256MiB"`: a whole number and `B`, `KiB`, `MiB` or `GiB`, more than nothing and at most 1 TiB. In bytes.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let bytes = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(bytes).filter(|&size| size > 0 && size <= 1 << 40)
}

/// The shortest notation of a size that [`size`] reads back.
pub(super) fn print_size(bytes: u64) -> String {
    for (unit, length) in [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes.is_multiple_of(length) {
            return format!("{}{unit}", bytes / length);
        }
    }
    format!("{bytes}B")
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|next: char| !next.is_ascii_digit())?;
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

/// Whether `text` is an exact version: three numbers, and perhaps a pre-release such as `-beta.1`.
pub(super) fn is_version(text: &str) -> bool {
    let (numbers, pre) = text.split_once('-').map_or((text, None), |(numbers, pre)| (numbers, Some(pre)));
    let number = |part: &str| {
        !part.is_empty()
            && part.len() <= 9
            && part.bytes().all(|digit| digit.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let identifier =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric());
    numbers.split('.').count() == 3
        && numbers.split('.').all(number)
        && text.len() <= 64
        && pre.is_none_or(|pre| pre.split('.').all(identifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, milliseconds) in
            [("500ms", 500), ("2s", 2000), ("5m", 300_000), ("1h", 3_600_000), ("24h", 86_400_000)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)));
            assert_eq!(duration(&print_duration(Duration::from_millis(milliseconds))), duration(text));
        }
        for text in ["", "2", "s", "0s", "1.5s", "-1s", "2 s", "25h", "99999999999999999999s", "18446744073709551615h"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("256MiB"), Some(256 << 20));
        for text in ["512B", "64KiB", "1GiB", "1023KiB"] {
            assert_eq!(print_size(size(text).unwrap()), text);
        }
        for text in ["", "256", "256MB", "0B", "1TiB", "2000GiB", "99999999999999999999B"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn versions() {
        for text in ["7.0.2", "5.9.0-beta", "7.1.0-dev.20260101.1"] {
            assert!(is_version(text), "{text}");
        }
        for text in ["", "7", "7.0", "^7.0.2", "v7.0.2", "7.0.x", "latest", "7.0.2-", "07.0.2", "7.0.2.1"] {
            assert!(!is_version(text), "{text}");
        }
    }
}
