//! Which files globs name.
//!
//! [`FileGlobs`] are globs as a directory is searched by them. A name that begins with a dot, and `node_modules`, is *passed over* by `*`
//! and `**`: such a name has to be written, or its dot at least (`.*`). A glob without any wildcard that names a directory names what is
//! below it, names with a dot too.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

use crate::path::RelPath;

/// What not even a directory that is named as a whole stands for: repositories, what webstir keeps, and installed packages.
const NEVER_MEANT: [&str; 3] = [".git", crate::state_directory::STATE_DIRECTORY, "node_modules"];

/// Globs, as files are searched by them.
#[derive(Debug)]
pub struct FileGlobs {
    /// Decides where no name is passed over.
    plain: GlobSet,
    alternatives: Vec<Alternative>,
}

/// A glob with one choice of each `{a,b}`.
#[derive(Debug)]
struct Alternative {
    parts: Vec<Part>,
    is_literal: bool,
}

/// What one name of a path has to be.
#[derive(Debug)]
enum Part {
    Literal(String),
    /// `**`: any number of names.
    Any,
    Pattern {
        matcher: GlobMatcher,
        has_dot: bool,
    },
}

/// Whether wildcards pass over a name.
fn is_passed_over(name: &str) -> bool {
    name.starts_with('.') || name == "node_modules"
}

impl FileGlobs {
    /// Globs that were checked when the configuration was loaded; others name nothing.
    pub fn new<'a>(globs: impl IntoIterator<Item = &'a str>) -> Self {
        let mut plain = GlobSetBuilder::new();
        let mut alternatives = Vec::new();
        for text in globs {
            let Ok(glob) = super::compile(text) else { continue };
            plain.add(glob);
            for text in expand(text) {
                let alternative = Alternative::new(&text);
                if let Some(path) = alternative.literal()
                    && let Ok(below) = super::compile(&format!("{}/**", globset::escape(&path)))
                {
                    plain.add(below);
                }
                alternatives.push(alternative);
            }
        }
        Self { plain: plain.build().unwrap_or_else(|_| GlobSet::empty()), alternatives }
    }

    /// The directories that the files lie in or below. Those that lie in each other are not taken together.
    pub fn starts(&self) -> BTreeSet<RelPath> {
        self.alternatives.iter().filter_map(Alternative::start).collect()
    }

    /// Whether a file below `directory` can be named.
    pub fn may_hold(&self, directory: &str) -> bool {
        let names: Vec<&str> = directory.split('/').filter(|name| !name.is_empty()).collect();
        self.alternatives.iter().any(|alternative| {
            let reached = alternative.reached(&names);
            let end = alternative.parts.len();
            reached.iter().enumerate().any(|(at, is_reached)| *is_reached && (at < end || alternative.is_literal))
        })
    }

    /// Whether the file at `path` is named.
    pub fn is_match(&self, path: &str) -> bool {
        if !path.split('/').any(is_passed_over) {
            return self.plain.is_match(path);
        }
        let names: Vec<&str> = path.split('/').collect();
        self.alternatives.iter().any(|alternative| alternative.reached(&names)[alternative.parts.len()])
    }
}

impl Alternative {
    fn new(text: &str) -> Self {
        let parts: Vec<Part> = text.split('/').map(Part::new).collect();
        let is_literal =
            parts.iter().all(|part| matches!(part, Part::Literal(name) if !name.is_empty() && name != "."));
        Self { parts, is_literal }
    }

    fn literal(&self) -> Option<String> {
        self.is_literal.then(|| self.names().collect::<Vec<_>>().join("/"))
    }

    /// The names before the first wildcard.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map_while(|part| match part {
            Part::Literal(name) => Some(name.as_str()),
            _ => None,
        })
    }

    fn start(&self) -> Option<RelPath> {
        let names: Vec<&str> = self.names().collect();
        let directories = if names.len() == self.parts.len() { names.len() - 1 } else { names.len() };
        RelPath::new(&names[..directories].join("/")).ok()
    }

    /// Which parts come next after these names; the last is reached when the names are those of a file that is named.
    fn reached(&self, names: &[&str]) -> Vec<bool> {
        let end = self.parts.len();
        let mut reached = vec![false; end + 1];
        reached[0] = true;
        self.pass(&mut reached);
        for name in names {
            let mut next = vec![false; end + 1];
            for (at, part) in self.parts.iter().enumerate().filter(|(at, _)| reached[*at]) {
                match part {
                    Part::Literal(literal) if literal == name => next[at + 1] = true,
                    Part::Any if !is_passed_over(name) => {
                        next[at] = true;
                        // At the end it stands for one name at least.
                        next[end] |= at + 1 == end;
                    }
                    Part::Pattern { matcher, has_dot }
                        if (!is_passed_over(name) || *has_dot && *name != "node_modules") && matcher.is_match(name) =>
                    {
                        next[at + 1] = true;
                    }
                    _ => {}
                }
            }
            next[end] |= reached[end] && self.is_literal && !NEVER_MEANT.contains(name);
            self.pass(&mut next);
            reached = next;
        }
        reached
    }

    /// A `**` before other parts may stand for nothing.
    fn pass(&self, reached: &mut [bool]) {
        for (at, part) in self.parts.iter().enumerate() {
            if reached[at] && matches!(part, Part::Any) && at + 1 < self.parts.len() {
                reached[at + 1] = true;
            }
        }
    }
}

impl Part {
    fn new(text: &str) -> Self {
        if text == "**" {
            return Self::Any;
        }
        let mut literal = String::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '*' | '?' | '[' => {
                    let has_dot = literal.starts_with('.') || literal.is_empty() && text.starts_with('.');
                    return match GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build() {
                        Ok(glob) => Self::Pattern { matcher: glob.compile_matcher(), has_dot },
                        Err(_) => Self::Literal(text.to_owned()),
                    };
                }
                '\\' => literal.extend(rest.next()),
                c => literal.push(c),
            }
        }
        Self::Literal(literal)
    }
}

/// How many globs without `{a,b}` one glob stands for; more than `usize` can say is `usize::MAX`.
pub(super) fn count(text: &str) -> usize {
    groups(text).iter().fold(1, |count, group| count.saturating_mul(group.choices.len()))
}

/// One glob for each choice of every `{a,b}`.
fn expand(text: &str) -> Vec<String> {
    let mut expanded = vec![String::new()];
    let mut end = 0;
    for group in groups(text) {
        let before = &text[end..group.start];
        expanded = expanded
            .iter()
            .flat_map(|glob| group.choices.iter().map(move |choice| format!("{glob}{before}{choice}")))
            .collect();
        end = group.end;
    }
    expanded.into_iter().map(|glob| glob + &text[end..]).collect()
}

/// A `{a,b}` in a glob.
struct Group<'a> {
    start: usize,
    end: usize,
    choices: Vec<&'a str>,
}

/// As `globset` reads them: none within another, none within `[..]`, and an empty choice is none.
fn groups(text: &str) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    let mut open: Option<(usize, usize, Vec<&str>)> = None;
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '[' => {
                // The first character of a class may be its bracket, after a negation too.
                let _ = rest.next_if(|(_, c)| matches!(c, '!' | '^'));
                let _ = rest.next();
                while rest.next().is_some_and(|(_, c)| c != ']') {}
            }
            '{' => open = Some((at, at + 1, Vec::new())),
            ',' => {
                if let Some((_, choice, choices)) = &mut open {
                    choices.push(&text[*choice..at]);
                    *choice = at + 1;
                }
            }
            '}' => {
                if let Some((start, choice, mut choices)) = open.take() {
                    choices.push(&text[choice..at]);
                    choices.retain(|choice| !choice.is_empty());
                    if choices.is_empty() {
                        choices.push("");
                    }
                    groups.push(Group { start, end: at + 1, choices });
                }
            }
            _ => {}
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(globs: &[&str], path: &str) -> bool {
        FileGlobs::new(globs.iter().copied()).is_match(path)
    }

    #[test]
    fn t7_what_is_written_is_meant() {
        for (glob, path) in [
            (".eslintrc.json", ".eslintrc.json"),
            ("{.eslintrc,.prettierrc}.json", ".prettierrc.json"),
            ("\\.env", ".env"),
            (".*rc", ".npmrc"),
            (".env.*", ".env.test"),
            ("public/.well-known/**", "public/.well-known/security.txt"),
            ("**/.well-known/*", "a/b/.well-known/security.txt"),
            ("node_modules/x/a.json", "node_modules/x/a.json"),
            ("node_modules/x/*.json", "node_modules/x/a.json"),
            ("packages/*/node_modules/**", "packages/a/node_modules/x/y.js"),
            ("public", "public/.well-known/.a/security.txt"),
            ("node_modules/x", "node_modules/x/lib/y.js"),
            ("a[]{]/{b,c}", "a{/c"),
            ("a,b", "a,b"),
        ] {
            assert!(names(&[glob], path), "{glob} {path}");
        }
    }

    #[test]
    fn t7_wildcards_pass_over_names_with_a_dot_and_packages() {
        for (glob, path) in [
            ("*", ".env"),
            ("**", ".github/a.yml"),
            ("**/*.ts", "a/.b/c.ts"),
            ("**/*.ts", "a/.c.ts"),
            ("?env", ".env"),
            ("[.]env", ".env"),
            ("{*,a}", ".env"),
            ("**/*.js", "node_modules/x.js"),
            ("node_*/x.js", "node_modules/x.js"),
            (".*/x.js", "node_modules/x.js"),
            (".github/**", ".github/.cache/a"),
            ("node_modules/x/**", "node_modules/x/node_modules/y.js"),
            ("public", "public/node_modules/a.js"),
            ("public", "public/.git/config"),
            ("src/**", "src"),
            (".src/**", ".src"),
        ] {
            assert!(!names(&[glob], path), "{glob} {path}");
        }
    }

    #[test]
    fn t7_only_directories_that_can_hold_a_file_are_searched() {
        let globs = FileGlobs::new(["src/**/*.ts", "public/.well-known/*", ".eslintrc.json", "assets", "{a,b/c}/x.js"]);
        for directory in
            ["", "src", "src/a", "src/a/b", "public", "public/.well-known", "assets", "assets/.x", "a", "b", "b/c"]
        {
            assert!(globs.may_hold(directory), "{directory}");
        }
        for directory in
            ["lib", "src/.a", "src/node_modules", "public/a", "public/.well-known/a", "a/c", "assets/.git", ".eslintrc"]
        {
            assert!(!globs.may_hold(directory), "{directory}");
        }
        let starts: Vec<String> = globs.starts().iter().map(ToString::to_string).collect();
        assert_eq!(
            starts,
            FileGlobs::new(["x", "src/**", "public/.well-known/*", "a/x.js", "b/c/x.js"])
                .starts()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        );
    }

    proptest! {
        /// Where no name is passed over, both ways say the same.
        #[test]
        fn alternatives_say_what_the_glob_says(
            glob in "([a-c*?.]|\\*\\*|/|\\{a,b/c\\}|\\{,\\.a\\}|\\[ab\\]|\\[!a\\]){1,8}",
            path in "[a-c]{1,2}(/[a-c.]{1,2}){0,3}",
        ) {
            prop_assume!(super::super::compile(&glob).is_ok());
            let globs = FileGlobs::new([glob.as_str()]);
            let names: Vec<&str> = path.split('/').collect();
            let reached = globs.alternatives.iter().any(|one| one.reached(&names)[one.parts.len()]);
            if names.iter().any(|name| is_passed_over(name)) {
                prop_assert!(!reached || globs.plain.is_match(&path), "{glob} {path}");
            } else {
                prop_assert_eq!(reached, globs.plain.is_match(&path), "{} {}", glob, path);
                if reached {
                    for (at, _) in path.match_indices('/') {
                        prop_assert!(globs.may_hold(&path[..at]), "{glob} {path}");
                    }
                }
            }
        }
    }
}
