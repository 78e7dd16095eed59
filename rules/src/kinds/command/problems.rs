//! What a tool says of files, read from what it printed.
//!
//! `problems` of a rule names the format. [`read`] is a pure function from text to [`Problem`]s, in time linear in the text; [`findings`]
//! makes findings of them, at their places in those files of the workspace that the command sees.

mod formats;
mod json;
mod place;

use webstir_engine::action::Process;
use webstir_engine::diagnostic::{Diagnostic, Severity};
use webstir_engine::run::{Context, RunError};
use webstir_process::{Ended, Finished};

use place::Places;

/// How many problems of one run of a command are told.
const MOST: usize = 200;

/// The longest text of a problem, in bytes. Tools quote lines of minified files.
const LONGEST: usize = 2000;

/// How many lines that explain a problem are kept with it.
const MOST_NOTES: usize = 20;

/// One thing that a tool says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    /// The path as the tool writes it; empty where it names none.
    file: String,
    /// From 1; 0 where the tool says none.
    line: u32,
    /// From 1, in the unit of the format; 0 where the tool says none.
    column: u32,
    /// The line and column of the end, which is not part of it.
    end: Option<(u32, u32)>,
    severity: Severity,
    /// `tool::rule`.
    code: String,
    message: String,
    /// What explains it.
    notes: Vec<String>,
}

/// What is read of one text.
#[derive(Debug, Default)]
struct Problems {
    /// The first [`MOST`].
    first: Vec<Problem>,
    /// How many there are.
    count: usize,
}

impl Problems {
    fn push(&mut self, mut problem: Problem) {
        self.count += 1;
        if self.first.len() < MOST {
            shorten(&mut problem.message);
            self.first.push(problem);
        }
    }

    /// Adds what explains the problem that was read last.
    fn note(&mut self, text: &str) {
        // Of a problem that is not kept the explanation is not, either.
        if self.count != self.first.len() {
            return;
        }
        if let Some(last) = self.first.last_mut().filter(|last| last.notes.len() < MOST_NOTES) {
            let mut note = text.to_owned();
            shorten(&mut note);
            last.notes.push(note);
        }
    }
}

fn shorten(text: &mut String) {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}

/// Reads one stream of a tool. A format that is not known tells nothing.
fn read(format: &str, text: &str) -> Problems {
    let mut problems = Problems::default();
    match format {
        "tsc" => formats::tsc(text, &mut problems),
        "eslint" => formats::eslint(text, &mut problems),
        "eslint-unix" => formats::eslint_unix(text, &mut problems),
        "gcc" => formats::gcc(text, &mut problems),
        "json" => json::read(text, &mut problems),
        _ => {}
    }
    problems
}

/// What of an output is told as it is, in bytes. Where problems are read more is kept.
const LONGEST_END: usize = 32 * 1024;

/// The end of an output.
pub(super) fn end(mut output: String) -> String {
    if output.len() > LONGEST_END {
        let start = output.len() - LONGEST_END;
        let start = (start..=output.len()).find(|&start| output.is_char_boundary(start)).unwrap_or(start);
        output.drain(..start);
    }
    output
}

/// The findings in what a command printed; none where its rule does not say how to read it. What a command says that ended with 0 is no
/// error.
pub(super) fn findings(
    context: &Context<'_>,
    process: &Process,
    name: &str,
    finished: &Finished,
) -> Result<Vec<Diagnostic>, RunError> {
    let Some(format) = process.problems.as_deref() else { return Ok(Vec::new()) };
    let has_passed = matches!(finished.ended, Ended::Exited(status) if status.success());
    let most = if has_passed { Severity::Warning } else { Severity::Error };
    let streams = [&finished.stdout, &finished.stderr].map(|stream| {
        // Colour, links and what else is not text.
        read(format, &String::from_utf8_lossy(&strip_ansi_escapes::strip(stream)))
    });
    let count: usize = streams.iter().map(|problems| problems.count).sum();
    let mut places = Places::new(context, process, finished);
    let mut found = Vec::new();
    for mut problem in streams.into_iter().flat_map(|problems| problems.first).take(MOST) {
        problem.message = finished.relative(&problem.message);
        problem.notes.iter_mut().for_each(|note| *note = finished.relative(note));
        found.push(places.finding(problem, format, most)?);
    }
    if count > found.len() {
        let message = format!("`{name}` told of {count} problems; the first {MOST} are shown");
        found.push(Diagnostic::warning("command::more_problems", message));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
