//! Globs: what may be written, and how it matches.
//!
//! Compiled, a glob says whether a path matches; where files are searched, [`FileGlobs`] say which names have to be written.
//!
//! `*` and `?` stay within one path component, `**` spans components, `{a,b}` and `[a-z]` choose. A glob is relative and has no
//! `..`; a backslash escapes the next character.

mod files;

use globset::{Glob, GlobBuilder};

pub use files::FileGlobs;

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

/// Compiles a glob as it is written in `webstir.kdl`.
pub fn compile(text: &str) -> Result<Glob, InvalidGlob> {
    let invalid = |what: &str, help: &str| Err(InvalidGlob { what: what.to_owned(), help: help.to_owned() });
    if text.is_empty() {
        return invalid("it is empty", "Write a glob such as `**/*.ts`");
    }
    if text.len() > LONGEST {
        return invalid("it is longer than 1000 bytes", "Split it into several globs");
    }
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
    if files::count(text) > MOST_ALTERNATIVES {
        return invalid("it has more than 1000 alternatives", "Split it into several globs");
    }
    if text.chars().any(char::is_control) {
        return invalid("it holds a control character", "Remove it");
    }
    GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build().map_err(|error| {
        use globset::ErrorKind;
        let (what, help) = match error.kind() {
            ErrorKind::UnclosedClass => ("a `[` is not closed", "Add the `]`, or write `\\\\[` for the character"),
            ErrorKind::InvalidRange(from, to) => {
                return InvalidGlob {
                    what: format!("the range `{from}-{to}` runs backwards"),
                    help: format!("Write `{to}-{from}`"),
                };
            }
            ErrorKind::UnopenedAlternates => ("a `}` has no `{`", "Remove it, or write `\\\\}` for the character"),
            ErrorKind::UnclosedAlternates => ("a `{` is not closed", "Add the `}`, or write `\\\\{` for the character"),
            ErrorKind::NestedAlternates => ("a `{` stands inside another", "Write the alternatives in one `{a,b,c}`"),
            ErrorKind::DanglingEscape => ("it ends with a backslash", "Remove it; directories are separated by `/`"),
            _ => return InvalidGlob { what: error.kind().to_string(), help: "Write a simpler glob".to_owned() },
        };
        InvalidGlob { what: what.to_owned(), help: help.to_owned() }
    })
}

/// The path that everything a glob matches is or lies below; empty when that is the whole directory it starts from.
pub fn literal_prefix(text: &str) -> &str {
    let Some(special) = text.find(['*', '?', '[', '{', '\\']) else { return text };
    text[..special].rfind('/').map_or("", |slash| &text[..slash])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_and_alternatives() {
        let matches = |glob: &str, path: &str| compile(glob).unwrap().compile_matcher().is_match(path);
        assert!(matches("**/*.{ts,tsx}", "index.ts"));
        assert!(matches("**/*.{ts,tsx}", "a/b/index.tsx"));
        assert!(!matches("functions/*/index.ts", "functions/a/b/index.ts"));
        assert!(matches("functions/*/index.ts", "functions/a/index.ts"));
        assert!(!matches("*.ts", "a/b.ts"));
    }

    #[test]
    fn faults_name_the_cause() {
        let what = |text: &str| compile(text).unwrap_err().what;
        assert_eq!(what(""), "it is empty");
        assert_eq!(what("!a"), "it begins with `!`");
        assert_eq!(what("/a"), "it begins with `/`");
        assert_eq!(what("a/../b"), "it holds `..`");
        assert_eq!(what("a/"), "it ends with `/`");
        assert_eq!(what("[a"), "a `[` is not closed");
        assert_eq!(what("{a,b"), "a `{` is not closed");
        assert_eq!(what("a}"), "a `}` has no `{`");
        assert_eq!(what("[z-a]"), "the range `z-a` runs backwards");
        assert_eq!(what("a\\"), "it ends with a backslash");
    }

    #[test]
    fn prefixes() {
        assert_eq!(literal_prefix("src/**/*.ts"), "src");
        assert_eq!(literal_prefix("src/a.ts"), "src/a.ts");
        assert_eq!(literal_prefix("src/a*.ts"), "src");
        assert_eq!(literal_prefix("**/*.ts"), "");
    }
}
