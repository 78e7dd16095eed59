//! How numbers and booleans of variables are read.

/// `1`, `true`, `yes` and `on` in any case are true, absence is `default`, everything else is false.
pub(super) fn boolean(value: Option<&str>, default: bool) -> bool {
    match value {
        None => default,
        Some(value) => ["1", "true", "yes", "on"].iter().any(|word| value.trim().eq_ignore_ascii_case(word)),
    }
}

/// A finite number above zero.
pub(super) fn positive(value: Option<&str>) -> Option<f64> {
    value?.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0)
}

/// A positive number without its fraction; nothing below one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is positive, and a cast saturates"
)]
pub(super) fn positive_whole(value: Option<&str>) -> Option<u64> {
    positive(value).map(|number| number as u64).filter(|number| *number > 0)
}
