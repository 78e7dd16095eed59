//! What handlers and the server say, on the screen: its last lines, drawn with everything else, as anything written beside it would be
//! drawn over.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use super::{View, screen};

/// So many lines are kept.
const LINES: usize = 12;
/// Lines that come within this time are drawn together.
const TOGETHER: Duration = Duration::from_millis(40);

/// The last lines of the log, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Log(VecDeque<String>);

impl Log {
    fn add(&mut self, line: String) {
        if self.0.len() == LINES {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }

    /// The last of them, at most so many.
    pub(super) fn last(&self, number: usize) -> impl Iterator<Item = &str> {
        self.0.iter().skip(self.0.len().saturating_sub(number)).map(String::as_str)
    }
}

/// Takes the log of a process whose screen it is.
pub(crate) struct LogSink {
    lines: Sender<String>,
    open: Vec<u8>,
}

impl LogSink {
    /// Draws on the screen of `view`, from a thread that ends with the sink.
    pub(crate) fn new(view: View) -> io::Result<Self> {
        let (lines, written) = mpsc::channel();
        thread::Builder::new().name("log".to_owned()).spawn(move || show(&view, &written))?;
        Ok(Self { lines, open: Vec::new() })
    }
}

fn show(view: &View, written: &Receiver<String>) {
    while let Ok(line) = written.recv() {
        thread::sleep(TOGETHER);
        let mut state = view.state();
        state.log.add(line);
        for line in written.try_iter() {
            state.log.add(line);
        }
        screen::draw(&state);
    }
}

impl io::Write for LogSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open.extend_from_slice(bytes);
        while let Some(end) = self.open.iter().position(|byte| *byte == b'\n') {
            let rest = self.open.split_off(end + 1);
            let line = mem::replace(&mut self.open, rest);
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            // The thread lives as long as there is something to be shown.
            let _ = self.lines.send(line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let mut log = Log::default();
        for number in 0..20 {
            log.add(number.to_string());
        }
        assert_eq!(log.last(3).collect::<Vec<_>>(), ["17", "18", "19"]);
        assert_eq!(log.last(100).count(), LINES);
    }

    #[test]
    fn writes_are_taken_apart_at_lines() {
        let (lines, written) = mpsc::channel();
        let mut sink = LogSink { lines, open: Vec::new() };
        for part in ["on", "e\ntwo\r\n", "", "thr"] {
            io::Write::write_all(&mut sink, part.as_bytes()).unwrap();
        }
        assert_eq!(written.try_iter().collect::<Vec<_>>(), ["one", "two"]);
    }
}
