//! All output of the program: results on stdout, the story on stderr.

pub(crate) mod cause;
pub(crate) mod ci;
pub(crate) mod graph;
pub(crate) mod json;
pub(crate) mod progress;
pub(crate) mod recording;
pub(crate) mod terminal;
pub(crate) mod watch;

use std::io::Write as _;

use crate::args::Colour;
use crate::hidden;

/// Writes a result to stdout. A reader that has gone away is no error.
pub(crate) fn result(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(hidden::text(text).as_bytes()).and_then(|()| out.flush());
}

/// Writes a line of the story to stderr.
pub(crate) fn story(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", hidden::text(line));
}

/// Decides on colour for everything that follows. `NO_COLOR` and dumb terminals are honoured by `auto`.
pub(crate) fn set_colour(colour: Colour) {
    match colour {
        Colour::Auto => {}
        Colour::Always => console::set_colors_enabled_stderr(true),
        Colour::Never => console::set_colors_enabled_stderr(false),
    }
}

/// A number of bytes for people: `412 B`, `1.2 KiB`, `3.4 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// A duration for people: `12 ms`, `1.23 s`.
pub(crate) fn duration(duration: std::time::Duration) -> String {
    if duration.as_millis() < 1000 {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.2} s", duration.as_secs_f64())
    }
}
