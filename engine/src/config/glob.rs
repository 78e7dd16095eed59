//! Globs: what may be written, and which files they name.
//!
//! `*` and `?` stay within one path component, `**` spans components, `{a,b}` and `[a-z]` choose. A glob is relative and has no
//! `..`; a backslash escapes the next character. One without any wildcard that names a directory names what is below it.
//!
//! Where directories are searched, a name that begins with a dot, and `node_modules`, is *passed over* by `*` and `**`: such a name has to
//! be written, or its dot at least (`.*`). Where files are chosen among those that were found, no name is. A search also leaves out the
//! output roots; the walk of a rule does that (`rules/src/modules/walk.rs`).

mod alternative;

use std::collections::BTreeSet;

use globset::GlobBuilder;

use crate::path::RelPath;
use alternative::Alternative;

/// The longest glob that is taken; alternatives make the matcher grow with it.
const LONGEST: usize = 1000;

/// For how many globs without alternatives one may stand.
const MOST_ALTERNATIVES: usize = 1000;

/// Why a text is not a glob, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct InvalidGlob {
    /// What is wrong, as the end of a sentence: "a `[` is not closed".
    pub what: String,
    /// What to write instead.
    pub help: String,
}

/// What several globs name.
#[derive(Debug)]
pub struct Globs {
    alternatives: Vec<Alternative>,
    passes_over: bool,
}

impl Globs {
    /// Globs that were [checked](check); others name nothing.
    pub fn new<'a>(globs: impl IntoIterator<Item = &'a str>) -> Self {
        let checked = globs.into_iter().filter(|text| check(text).is_ok());
        let alternatives = checked.flat_map(alternative::expand).map(|text| Alternative::new(&text)).collect();
        Self { alternatives, passes_over: false }
    }

    /// The same, as a search uses them: wildcards pass over names with a dot and `node_modules`.
    pub fn of_search<'a>(globs: impl IntoIterator<Item = &'a str>) -> Self {
        Self { passes_over: true, ..Self::new(globs) }
    }

    /// The directories that the files lie in or below. Those that lie in each other are not taken together.
    pub fn starts(&self) -> BTreeSet<RelPath> {
        self.alternatives.iter().filter_map(Alternative::start).collect()
    }

    /// Whether a file below `directory` can be named.
    pub fn may_hold(&self, directory: &str) -> bool {
        let names: Vec<&str> = directory.split('/').filter(|name| !name.is_empty()).collect();
        self.alternatives.iter().any(|alternative| alternative.may_hold(&names, self.passes_over))
    }

    /// Whether the file at `path` is named.
    pub fn is_match(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        self.alternatives.iter().any(|alternative| alternative.is_match(&names, self.passes_over))
    }
}

/// Whether wildcards of a search pass over a name.
fn is_passed_over(name: &str) -> bool {
    name.starts_with('.') || name == "node_modules"
}

/// Whether a text is a glob.
pub fn check(text: &str) -> Result<(), InvalidGlob> {
    let invalid = |what: &str, help: &str| Err(InvalidGlob { what: what.to_owned(), help: help.to_owned() });
    if text.is_empty() {
        return invalid("it is empty", "Write a glob such as `**/*.ts`");
    }
    if text.len() > LONGEST {
        return invalid("it is longer than 1000 bytes", "Split it into several globs");
    }
    if alternative::count(text) > MOST_ALTERNATIVES {
        return invalid("it has more than 1000 alternatives", "Split it into several globs");
    }
    if text.chars().any(char::is_control) {
        return invalid("it holds a control character", "Remove it");
    }
    check_syntax(text)?;
    if alternative::has_class_with_separator(text) {
        return invalid(
            "a `[` and its `]` enclose `/`",
            "A class stands for one character of a name; write the `/` outside",
        );
    }
    alternative::expand(text).iter().try_for_each(|text| check_alternative(text))
}

/// Checks a glob without `{a,b}`.
fn check_alternative(text: &str) -> Result<(), InvalidGlob> {
    let invalid = |what: &str, help: &str| Err(InvalidGlob { what: what.to_owned(), help: help.to_owned() });
    if text.starts_with('!') {
        return invalid("it begins with `!`", "Name the files to leave out in `exclude`");
    }
    if text.starts_with('/') {
        return invalid("it begins with `/`", "Globs are relative; leave the leading `/` out");
    }
    if text.starts_with("./") {
        return invalid("it begins with `./`", "Leave the leading `./` out");
    }
    if text.ends_with('/') {
        return invalid("it ends with `/`", "Write `/**` for everything below a directory");
    }
    if text.split('/').any(|part| part == "..") {
        return invalid("it holds `..`", "A glob cannot leave the directory it starts from; choose another directory");
    }
    if text.contains("//") {
        return invalid("it holds `//`", "Write a single `/`");
    }
    Ok(())
}

/// Checks how brackets, braces and backslashes stand.
fn check_syntax(text: &str) -> Result<(), InvalidGlob> {
    use globset::ErrorKind;

    let Err(error) = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build() else {
        return Ok(());
    };
    let (what, help) = match error.kind() {
        ErrorKind::UnclosedClass => ("a `[` is not closed", "Add the `]`, or write `\\\\[` for the character"),
        ErrorKind::InvalidRange(from, to) => {
            return Err(InvalidGlob {
                what: format!("the range `{from}-{to}` runs backwards"),
                help: format!("Write `{to}-{from}`"),
            });
        }
        ErrorKind::UnopenedAlternates => ("a `}` has no `{`", "Remove it, or write `\\\\}` for the character"),
        ErrorKind::UnclosedAlternates => ("a `{` is not closed", "Add the `}`, or write `\\\\{` for the character"),
        ErrorKind::NestedAlternates => ("a `{` stands inside another", "Write the alternatives in one `{a,b,c}`"),
        ErrorKind::DanglingEscape => ("it ends with a backslash", "Remove it; directories are separated by `/`"),
        _ => return Err(InvalidGlob { what: error.kind().to_string(), help: "Write a simpler glob".to_owned() }),
    };
    Err(InvalidGlob { what: what.to_owned(), help: help.to_owned() })
}

/// The path that everything a glob matches is or lies below; empty when that is the whole directory it starts from.
pub fn literal_prefix(text: &str) -> &str {
    let Some(special) = text.find(['*', '?', '[', '{', '\\']) else { return text };
    text[..special].rfind('/').map_or("", |slash| &text[..slash])
}

#[cfg(test)]
mod tests;
