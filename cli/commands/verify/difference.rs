//! What differs between two results of one action.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use webstir_engine::action::{ActionResult, Artifact};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;

/// One thing that two results can differ in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Whether the action succeeds. Where it does not, there is nothing else to compare.
    Outcome,
    Findings,
    File(RelPath),
}

/// How they differ in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpts {
    /// The first byte of a file that is another one, from 0.
    pub(super) byte: Option<u64>,
    pub(super) first: String,
    pub(super) second: String,
}

/// The parts in which two results of one action differ.
pub(super) fn parts(first: &ActionResult, second: &ActionResult) -> BTreeSet<Part> {
    if first.is_failed() != second.is_failed() {
        return [Part::Outcome].into();
    }
    let mut parts = BTreeSet::new();
    if first.diagnostics != second.diagnostics {
        parts.insert(Part::Findings);
    }
    let paths = first.artifacts.iter().chain(&second.artifacts).map(|artifact| &artifact.path);
    let differing = paths.filter(|path| file(first, path) != file(second, path));
    parts.extend(differing.cloned().map(Part::File));
    parts
}

pub(super) fn file<'a>(result: &'a ActionResult, path: &RelPath) -> Option<&'a Artifact> {
    result.artifacts.iter().find(|artifact| artifact.path == *path)
}

/// What both have in a part in which they differ. `bytes` has those of a file.
pub(super) fn excerpts<E>(
    part: &Part,
    first: &ActionResult,
    second: &ActionResult,
    bytes: impl Fn(&Artifact) -> Result<Vec<u8>, E>,
) -> Result<Excerpts, E> {
    let (byte, first, second) = match part {
        Part::Outcome => (None, outcome(first), outcome(second)),
        Part::Findings => {
            let finding = |one: &ActionResult, other: &ActionResult| {
                let own = one.diagnostics.iter().find(|finding| !other.diagnostics.contains(finding));
                own.map_or_else(|| "no such finding".to_owned(), finding)
            };
            (None, finding(first, second), finding(second, first))
        }
        Part::File(path) => match (file(first, path), file(second, path)) {
            (Some(first), Some(second)) if first.digest == second.digest => {
                let bit = |artifact: &Artifact| if artifact.executable { "executable" } else { "not executable" };
                (None, bit(first).to_owned(), bit(second).to_owned())
            }
            (Some(first), Some(second)) => {
                let (first, second) = (bytes(first)?, bytes(second)?);
                let at = first.iter().zip(&second).take_while(|(one, other)| one == other).count();
                (Some(at as u64), excerpt(&first, at), excerpt(&second, at))
            }
            (first, second) => {
                let is_there = |artifact: Option<&Artifact>| match artifact {
                    Some(artifact) => format!("{} bytes", artifact.bytes),
                    None => "not there".to_owned(),
                };
                (None, is_there(first), is_there(second))
            }
        },
    };
    Ok(Excerpts { byte, first, second })
}

fn outcome(result: &ActionResult) -> String {
    let error = result.diagnostics.iter().find(|finding| finding.is_error());
    match (result.is_failed(), error) {
        (false, _) => "it succeeds".to_owned(),
        (true, None) => "it fails".to_owned(),
        (true, Some(error)) => format!("it fails: {}", finding(error)),
    }
}

fn finding(finding: &Diagnostic) -> String {
    let mut text = format!("{}: {}", finding.code, finding.message);
    for note in &finding.notes {
        let _ = write!(text, "; {}", note.replace('\n', "; "));
    }
    text
}

/// Bytes of an excerpt before and after the first one that differs.
const BEFORE: usize = 24;
const AFTER: usize = 40;

/// What lies around a byte, as a text in quotes; what cannot be shown in it is escaped.
fn excerpt(bytes: &[u8], at: usize) -> String {
    let (from, to) = (at.saturating_sub(BEFORE), (at + AFTER).min(bytes.len()));
    let shown = bytes.get(from..to).unwrap_or_default();
    let text = match std::str::from_utf8(shown) {
        Ok(text) => text.escape_debug().to_string(),
        Err(_) => shown.escape_ascii().to_string(),
    };
    let (before, after) = (if from > 0 { "…" } else { "" }, if to < bytes.len() { "…" } else { "" });
    format!("\"{before}{text}{after}\"")
}

#[cfg(test)]
mod tests {
    use webstir_engine::digest::Digest;

    use super::*;

    fn result(files: &[(&str, &str, bool)]) -> ActionResult {
        let artifact = |(path, text, executable): &(&str, &str, bool)| Artifact {
            path: RelPath::new(path).unwrap(),
            digest: Digest::of(text.as_bytes()),
            bytes: text.len() as u64,
            executable: *executable,
        };
        ActionResult::done(files.iter().map(artifact).collect(), Vec::new())
    }

    fn told(first: &ActionResult, second: &ActionResult) -> Vec<(Part, Excerpts)> {
        let texts = ["one", "other", "one and more"];
        let bytes = |artifact: &Artifact| -> Result<Vec<u8>, ()> {
            let text = texts.into_iter().find(|text| Digest::of(text.as_bytes()) == artifact.digest);
            Ok(text.ok_or(())?.as_bytes().to_vec())
        };
        let told = |part: Part| {
            let excerpts = excerpts(&part, first, second, bytes).unwrap();
            (part, excerpts)
        };
        parts(first, second).into_iter().map(told).collect()
    }

    #[test]
    fn files_differ_in_bytes_in_their_bit_and_in_being_there() {
        let first = result(&[("a", "one", false), ("b", "one", false), ("c", "one", false), ("d", "one", true)]);
        let second = result(&[("a", "one", false), ("b", "other", false), ("c", "one", true), ("e", "one", false)]);
        let part = |path: &str| Part::File(RelPath::new(path).unwrap());
        let excerpts =
            |byte, first: &str, second: &str| Excerpts { byte, first: first.to_owned(), second: second.to_owned() };
        let expected = [
            (part("b"), excerpts(Some(1), "\"one\"", "\"other\"")),
            (part("c"), excerpts(None, "not executable", "executable")),
            (part("d"), excerpts(None, "3 bytes", "not there")),
            (part("e"), excerpts(None, "not there", "3 bytes")),
        ];
        assert_eq!(told(&first, &second), expected);
        let longer = result(&[("a", "one and more", false)]);
        assert_eq!(told(&result(&[("a", "one", false)]), &longer)[0].1.byte, Some(3));
    }

    #[test]
    fn of_what_fails_nothing_else_is_compared() {
        let failed = ActionResult::failed(vec![Diagnostic::error("a::b", "No").note("one\ntwo")]);
        let told = told(&result(&[("a", "one", false)]), &failed);
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0].0, &*told[0].1.second), (&Part::Outcome, "it fails: a::b: No; one; two"));
        let warned = ActionResult::done(Vec::new(), vec![Diagnostic::warning("a::b", "No")]);
        let excerpts = self::told(&warned, &result(&[]));
        assert_eq!((&*excerpts[0].1.first, &*excerpts[0].1.second), ("a::b: No", "no such finding"));
    }

    #[test]
    fn an_excerpt_is_what_lies_around() {
        let bytes = [b"x".repeat(100), b"\"\n".to_vec(), b"y".repeat(100)].concat();
        assert_eq!(excerpt(&bytes, 100), format!("\"…{}\\\"\\n{}…\"", "x".repeat(24), "y".repeat(38)));
        assert_eq!(excerpt(b"\xff\x00", 1), "\"\\xff\\x00\"");
        assert_eq!(excerpt(b"abc", 3), "\"abc\"");
    }
}
