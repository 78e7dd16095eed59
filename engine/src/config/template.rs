//! Output templates: paths with placeholders.
//!
//! A [`Template`] is text such as `{out}/backend/{dir}/{name}.js`. `{out}` is the output root of the profile, `{dir}` and `{name}`
//! describe one source: its directory below the root of the rule, and its file name without the extension.

use std::fmt;
use std::sync::Arc;

use crate::path::{PathError, RelPath};

/// An output path with placeholders.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Template {
    text: Arc<str>,
}

/// Why a text is not a template. Offsets are bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TemplateFault {
    /// A placeholder that is not known here, with its range including the braces.
    Unknown { name: String, start: usize, end: usize },
    /// A brace without its partner.
    Brace(usize),
}

enum Part<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

impl Template {
    pub(super) fn parse(text: &str, placeholders: &[&str]) -> Result<Self, TemplateFault> {
        let mut at = 0;
        while let Some(found) = text[at..].find(['{', '}']) {
            let start = at + found;
            let end = match text[start + 1..].find(['{', '}']) {
                Some(length) if text[start..].starts_with('{') && text[start + 1 + length..].starts_with('}') => {
                    start + 1 + length
                }
                _ => return Err(TemplateFault::Brace(start)),
            };
            let name = &text[start + 1..end];
            if !placeholders.contains(&name) {
                return Err(TemplateFault::Unknown { name: name.to_owned(), start, end: end + 1 });
            }
            at = end + 1;
        }
        Ok(Self { text: Arc::from(text) })
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let mut rest = &*self.text;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            if let Some(inner) = rest.strip_prefix('{')
                && let Some((name, after)) = inner.split_once('}')
            {
                rest = after;
                return Some(Part::Placeholder(name));
            }
            let (text, after) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
            rest = after;
            Some(Part::Text(text))
        })
    }

    /// Whether the placeholder is used.
    pub fn uses(&self, placeholder: &str) -> bool {
        self.parts().any(|part| matches!(part, Part::Placeholder(name) if name == placeholder))
    }

    /// Puts values in the place of the placeholders; one without a value becomes empty. The path is normalised, so an empty
    /// `{dir}` leaves no trace.
    pub fn expand(&self, values: &[(&str, &str)]) -> Result<RelPath, PathError> {
        let mut path = String::with_capacity(self.text.len() + 32);
        for part in self.parts() {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Placeholder(name) => {
                    if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
                        path.push_str(value);
                    }
                }
            }
        }
        RelPath::new(&path)
    }

    /// The output of one source: `{out}`, and `{dir}` and `{name}` of `source` below `root`.
    pub fn for_source(&self, out: &RelPath, root: &RelPath, source: &RelPath) -> Result<RelPath, PathError> {
        let directory = directory_below(root, source);
        self.expand(&[("out", out.as_str()), ("dir", &directory), ("name", source.file_stem())])
    }

    /// The output itself when no placeholder but `{out}` is used; otherwise the deepest directory that holds all outputs.
    pub fn extent(&self, out: &RelPath) -> Result<(RelPath, bool), PathError> {
        let mut path = String::new();
        for part in self.parts() {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Placeholder("out") => path.push_str(out.as_str()),
                Part::Placeholder(_) => {
                    let directory = path.rfind('/').map_or("", |slash| &path[..slash]);
                    return Ok((RelPath::new(directory)?, false));
                }
            }
        }
        Ok((RelPath::new(&path)?, true))
    }
}

/// The `{dir}` of a source: its directory as seen from `root`, with `_.._` for every step out of `root`, so that an output never
/// leaves the directory its template names. `src/shared/a.ts` is in `_.._/shared` as seen from `src/backend`. The notation is that
/// of esbuild's `outbase`.
pub fn directory_below(root: &RelPath, source: &RelPath) -> String {
    let directory = source.parent().unwrap_or_else(RelPath::root);
    let relative = directory.relative_to(root);
    let steps: Vec<&str> = relative.split('/').map(|part| if part == ".." { "_.._" } else { part }).collect();
    steps.join("/")
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[&str] = &["out", "dir", "name"];

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn outputs_mirror_the_root() {
        let template = Template::parse("{out}/backend/{dir}/{name}.js", ALL).unwrap();
        let output = |source: &str| template.for_source(&path("build"), &path("src/backend"), &path(source)).unwrap();
        assert_eq!(output("src/backend/index.ts").as_str(), "build/backend/index.js");
        assert_eq!(output("src/backend/functions/hello/index.ts").as_str(), "build/backend/functions/hello/index.js");
    }

    #[test]
    fn nothing_leaves_the_directory_of_the_template() {
        let template = Template::parse("{out}/backend/{dir}/{name}.js", ALL).unwrap();
        let output = |source: &str| template.for_source(&path("build"), &path("src/backend"), &path(source)).unwrap();
        assert_eq!(output("src/shared/a.ts").as_str(), "build/backend/_.._/shared/a.js");
        assert_eq!(output("src/a.ts").as_str(), "build/backend/_.._/a.js");
        assert_eq!(output("packages/b/a.ts").as_str(), "build/backend/_.._/_.._/packages/b/a.js");
    }

    #[test]
    fn extent_is_the_file_or_the_directory() {
        let extent = |text: &str| {
            let (path, whole) = Template::parse(text, ALL).unwrap().extent(&path("dist")).unwrap();
            (path.as_str().to_owned(), whole)
        };
        assert_eq!(extent("{out}/backend/module.js"), ("dist/backend/module.js".to_owned(), true));
        assert_eq!(extent("{out}/backend/{dir}/{name}.js"), ("dist/backend".to_owned(), false));
        assert_eq!(extent("{out}/page-{name}.js"), ("dist".to_owned(), false));
        assert_eq!(extent("{name}.js"), (String::new(), false));
    }

    #[test]
    fn faults() {
        let unknown = |text: &str| Template::parse(text, ALL).unwrap_err();
        assert_eq!(unknown("{out}/{path}"), TemplateFault::Unknown { name: "path".to_owned(), start: 6, end: 12 });
        assert_eq!(unknown("{out"), TemplateFault::Brace(0));
        assert_eq!(unknown("out}"), TemplateFault::Brace(3));
        assert_eq!(unknown("{{out}}"), TemplateFault::Brace(0));
    }
}
