//! Pages below `docs/` that are made from the program: `UPDATE_DOCS=1 cargo test --test integration documents::` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Case;

/// Where findings are made.
const SOURCES: [&str; 8] = [
    "engine/src",
    "rules/src",
    "rules/typescript/src",
    "rules/toolchain/src",
    "rules/bundler/src",
    "runtime/src",
    "contract/src",
    "cli",
];

fn is_up_to_date(page: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/{page} is not what the program says; write it anew with UPDATE_DOCS=1");
}

#[test]
fn the_reference_of_the_configuration_is_what_is_read() {
    let case = Case::empty();
    let made = case.run(&["config", "--reference"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    is_up_to_date("configuration.md", &made.stdout);
}

#[test]
fn the_list_of_diagnostic_codes_is_what_is_said() {
    let mut codes: BTreeMap<String, (&str, String)> = BTreeMap::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for source in SOURCES {
        collect(&root.join(source), &mut files);
    }
    files.sort();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (at, _) in text.match_indices('"') {
            let Some(code) = code(&text[at + 1..]) else { continue };
            let found = (level(&text[..at]), message(text, at + code.len() + 2));
            let known = codes.entry(code.to_owned()).or_default();
            // Of several places the one that says most.
            if known.0.is_empty() || known.1.is_empty() && !found.1.is_empty() {
                *known = found;
            }
        }
    }
    assert!(codes.len() > 100, "{}", codes.len());
    let mut page = "# Diagnostic codes\n\nEvery finding has a code, which `--json` and `--events` carry and which stays. Parts in braces are filled in. \
         The type checker's own codes are `typecheck::ts` with its number. This page is made from the sources.\n"
        .to_owned();
    let mut group = "";
    for (code, (level, message)) in &codes {
        let prefix = code.split("::").next().unwrap();
        if prefix != group {
            let _ = write!(page, "\n## `{prefix}`\n\n| code | level | message |\n| --- | --- | --- |\n");
            group = prefix;
        }
        let _ = writeln!(page, "| `{code}` | {level} | {} |", message.replace('|', "\\|"));
    }
    is_up_to_date("diagnostics.md", &page);
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap();
        if path.is_dir() && name != "tests" {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs")
            && !matches!(&*name, "tests.rs" | "testing.rs" | "build.rs")
        {
            files.push(path);
        }
    }
}

/// A code that a literal holds alone: `group::what_is_wrong`.
fn code(literal: &str) -> Option<&str> {
    let text = &literal[..literal.find('"')?];
    let (group, name) = text.split_once("::")?;
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    (is_word(group) && is_word(name) && !matches!(group, "std" | "core" | "crate")).then_some(text)
}

/// The level of the call that a code is the first argument of.
fn level(before: &str) -> &'static str {
    let before = before.trim_end();
    ["error", "warning", "info", "hint"]
        .into_iter()
        .find(|level| before.ends_with(&format!("Diagnostic::{level}(")))
        .unwrap_or("")
}

/// The text that follows a code as the next argument, or that was made for it just before.
fn message(text: &str, after: usize) -> String {
    let rest = text[after..].trim_start().trim_start_matches(".to_owned()").trim_start();
    let Some(rest) = rest.strip_prefix(',') else { return String::new() };
    let rest = rest.trim_start().trim_start_matches("format!(").trim_start();
    if let Some(literal) = rest.strip_prefix('"') {
        return unquoted(literal);
    }
    let before = &text[..after];
    if !rest.starts_with("message") {
        return String::new();
    }
    let made = before.rfind("let message =");
    // What is given to a function is made elsewhere.
    let Some(at) = made.filter(|at| before.rfind("message: ").is_none_or(|given| given < *at)) else {
        return String::new();
    };
    let made = before[at + "let message =".len()..].trim_start().trim_start_matches("format!(").trim_start();
    made.strip_prefix('"').map_or_else(String::new, unquoted)
}

fn unquoted(literal: &str) -> String {
    let mut text = String::new();
    let mut rest = literal.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => break,
            '\\' => match rest.next() {
                // A line that goes on.
                Some('\n') => rest = rest.as_str().trim_start().chars(),
                Some(c) => text.push(c),
                None => {}
            },
            c => text.push(c),
        }
    }
    text
}
