//! `yarn.lock`: of version 1 a format of its own, later YAML.
//!
//! Both are keyed by all that is asked for and gives the same package: `"a@^1.0.0", "a@^1.2.0":`, in YAML in one text. What lies where is
//! not said.

use serde_json::Value;
use webstir_engine::diagnostic::Span;

use super::pnpm::documents;
use super::{Locked, Lockfile, Unreadable, Version, split_name};

pub(super) fn read(text: &str) -> Result<Lockfile, Unreadable> {
    if text.lines().any(|line| line.starts_with("__metadata:")) { read_yaml(text) } else { read_first(text) }
}

fn read_yaml(text: &str) -> Result<Lockfile, Unreadable> {
    let mut lockfile = Lockfile::new("yarn install --immutable");
    for document in documents(text, "It is not the YAML that yarn writes")? {
        let Value::Object(entries) = document else { continue };
        for (asked, entry) in &entries {
            let field = |name: &str| entry.get(name).and_then(Value::as_str);
            let (Some(version), Some(resolution)) = (field("version"), field("resolution")) else { continue };
            let Some((name, found)) = split_name(resolution) else { continue };
            let is_of_registry = found.starts_with("npm:") || found.starts_with("patch:");
            let version = if is_of_registry && field("linkType") != Some("soft") { version } else { found };
            for asked in asked.split(", ") {
                if let Some((installed, _)) = split_name(asked) {
                    lockfile.answer(asked, installed, Locked::new(name, Version::of(version), asked));
                }
            }
        }
    }
    Ok(lockfile)
}

/// What is being read of version 1.
#[derive(Default)]
struct Entry {
    asked: Vec<String>,
    version: String,
    resolved: Option<String>,
    integrity: Option<String>,
}

impl Entry {
    fn end(self, lockfile: &mut Lockfile) {
        for asked in &self.asked {
            let Some((installed, range)) = split_name(asked) else { continue };
            let alias = range.strip_prefix("npm:").and_then(split_name);
            let is_of_registry = alias.is_some() || !range.contains([':', '/']);
            // A directory has what it has; an archive is known by its address.
            let version = if is_of_registry { &self.version } else { range };
            let locked = Locked {
                integrity: self.integrity.clone(),
                address: self.resolved.clone(),
                ..Locked::new(alias.map_or(installed, |(name, _)| name), Version::of(version), asked)
            };
            lockfile.answer(asked, installed, locked);
        }
    }
}

fn read_first(text: &str) -> Result<Lockfile, Unreadable> {
    let mut lockfile = Lockfile::new("yarn install --frozen-lockfile");
    let mut entry = Entry::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let line = line.trim_end().trim_start_matches('\u{feff}');
        let below = line.trim_start();
        if below.is_empty() || below.starts_with('#') {
            continue;
        }
        match line.len() - below.len() {
            0 => {
                let span = || Some(Span::locate(text, start, start + line.len()));
                let asked = line.strip_suffix(':').map(words).filter(|asked| !asked.is_empty());
                let asked = asked.ok_or_else(|| Unreadable::new("It is not what yarn writes", span()))?;
                std::mem::replace(&mut entry, Entry { asked, ..Entry::default() }).end(&mut lockfile);
            }
            2 => {
                let mut words = words(below).into_iter();
                match (words.next().as_deref(), words.next()) {
                    (Some("version"), Some(version)) => entry.version = version,
                    (Some("resolved"), resolved) => entry.resolved = resolved,
                    (Some("integrity"), integrity) => entry.integrity = integrity,
                    _ => {}
                }
            }
            // What the package depends on.
            _ => {}
        }
    }
    entry.end(&mut lockfile);
    Ok(lockfile)
}

/// The words of a line, which may be quoted, and stand apart by spaces and commas.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut is_quoted = false;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => is_quoted = !is_quoted,
            '\\' if is_quoted => word.extend(characters.next()),
            ' ' | ',' if !is_quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
