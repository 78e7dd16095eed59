//! What the compiler says by its command line, which a check must say as well. `bench/replay.rs` has this file, too.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use webstir_engine::path::RelPath;
use webstir_typescript::typecheck::Checked;

/// One finding: the file (the project when it has none, nothing when it is not of the workspace), its first byte, severity, code and text.
pub(crate) type Said = (String, Option<usize>, String, String, String);

/// A compiler's command line.
pub(crate) struct Bare {
    command_line: Vec<PathBuf>,
    project: String,
}

impl Bare {
    pub(crate) fn new(command_line: Vec<PathBuf>, project: &str) -> Self {
        Self { command_line, project: project.to_owned() }
    }

    /// The findings, and the files of the program that lie in the workspace.
    pub(crate) fn check(&self, root: &Path) -> (Vec<Said>, Vec<String>) {
        let root = root.canonicalize().unwrap();
        let (program, arguments) = self.command_line.split_first().unwrap();
        let output = Command::new(program)
            .args(arguments)
            .args(["-p", &self.project, "--noEmit", "--pretty", "false", "--listFiles"])
            .current_dir(&root)
            .output()
            .unwrap();
        assert!(matches!(output.status.code(), Some(0..=2)), "{output:?}");
        let inside = format!("{}/", root.to_str().unwrap());
        let (mut said, mut files): (Vec<Said>, Vec<String>) = (Vec::new(), Vec::new());
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            if let Some(file) = line.strip_prefix(&inside).filter(|_| !line.contains("): ")) {
                files.push(file.to_owned());
            } else if let (Some(rest), Some(last)) = (line.strip_prefix("  "), said.last_mut()) {
                last.4 += "\n";
                last.4 += &rest.replace(&inside, "");
            } else if let Some(found) = self.finding(&root, &line.replace(&inside, "")) {
                said.push(found);
            }
        }
        said.sort();
        said.dedup();
        files.sort();
        (said, files)
    }
    /// `path(line,column): error TS2322: text`, or without a place.
    fn finding(&self, root: &Path, line: &str) -> Option<Said> {
        let head = |text: &str| {
            let (category, rest) = text.split_once(" TS")?;
            let (code, message) = rest.split_once(": ")?;
            let is_known = matches!(category, "error" | "warning" | "message");
            is_known.then(|| (category.to_owned(), format!("typecheck::ts{code}"), message.to_owned()))
        };
        if let Some((category, code, message)) = head(line) {
            return Some((self.project.clone(), None, category, code, message));
        }
        let (place, rest) = line.split_once("): ")?;
        let (category, code, message) = head(rest)?;
        let (file, at) = place.rsplit_once('(')?;
        let (line, column) = at.split_once(',')?;
        if file.starts_with("..") || file.starts_with('/') {
            return Some((String::new(), None, category, code, message));
        }
        let text = fs::read_to_string(root.join(file)).unwrap();
        let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let start = byte(&text[mark..], line.parse().unwrap(), column.parse().unwrap());
        Some((file.to_owned(), Some(mark + start), category, code, message))
    }
}

/// The byte at a line and a column in UTF-16 code units, both from 1.
fn byte(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let mut units = 0;
    let within = text[start..].char_indices().find(|(_, character)| {
        units += character.len_utf16();
        units >= column
    });
    within.map_or(text.len(), |(byte, _)| start + byte)
}

/// The same of a check. Hints of our own are left out.
pub(crate) fn said(checked: &Checked) -> Vec<Said> {
    let mut said: Vec<Said> = checked
        .diagnostics
        .iter()
        .filter(|found| found.code.starts_with("typecheck::ts"))
        .map(|found| {
            let file = found.file.as_ref().map(ToString::to_string).unwrap_or_default();
            let start = found.span.map(|span| span.start as usize);
            let lines = found.notes.iter().filter(|note| !note.starts_with("Found in `"));
            let text = std::iter::once(&found.message).chain(lines).map(|text| &**text).collect::<Vec<_>>().join("\n");
            (file, start, found.severity.as_str().to_owned(), found.code.to_string(), text)
        })
        .collect();
    said.sort();
    said
}

/// Holds a check against the command line.
pub(crate) fn compare(what: &str, checked: &Checked, bare: &(Vec<Said>, Vec<String>)) {
    if let Some(difference) = difference(checked, bare) {
        panic!("{what}: {difference}");
    }
}

/// What a check says otherwise than the command line. What has no place there may be shown at one in the project file.
pub(crate) fn difference(checked: &Checked, bare: &(Vec<Said>, Vec<String>)) -> Option<String> {
    let mut ours = said(checked);
    for (file, start, category, code, text) in &bare.0 {
        let is_same = |said: &Said| {
            let is_project = start.is_none() && !file.is_empty();
            said.0 == *file && (said.1 == *start || is_project) && (&said.2, &said.3, &said.4) == (category, code, text)
        };
        let Some(at) = ours.iter().position(is_same) else {
            return Some(format!("{file} {start:?} {code} {text} is missing in {:#?}", said(checked)));
        };
        ours.remove(at);
    }
    if !ours.is_empty() {
        return Some(format!("not said by the command line: {ours:#?} of {:#?}", bare.0));
    }
    let files: BTreeSet<&str> = checked.files.iter().map(RelPath::as_str).collect();
    let theirs: BTreeSet<&str> = bare.1.iter().map(String::as_str).collect();
    let others: Vec<_> = files.symmetric_difference(&theirs).collect();
    (!others.is_empty()).then(|| format!("files of one program only: {others:?}"))
}
