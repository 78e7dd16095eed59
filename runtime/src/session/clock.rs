//! Instants as JavaScript writes them.

use jiff::{Timestamp, fmt::temporal::DateTimePrinter};

/// `2026-01-01T00:00:00.000Z`. Texts of this shape sort as their instants do.
pub fn iso(instant: Timestamp) -> String {
    static PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    PRINTER.timestamp_to_string(&instant)
}

/// The current instant in whole milliseconds, so that it survives every store unchanged.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
