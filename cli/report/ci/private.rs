//! What is of this machine alone, and is taken out of texts that leave it.

use std::path::Path;

use webstir_engine::diagnostic::Diagnostic;

/// Places of this machine, and what is written for them.
#[derive(Debug)]
pub(super) struct Private(Vec<(String, &'static str)>);

impl Private {
    pub(super) fn new(workspace: &Path, repository: &Path) -> Self {
        let temporary = std::env::temp_dir();
        let home = std::env::var_os("HOME").map(std::path::PathBuf::from);
        let places = [
            (Some(workspace), ""),
            (Some(repository), "<repository>/"),
            (Some(temporary.as_path()), "<temporary>/"),
            (home.as_deref(), "~/"),
        ];
        Self::of(places.into_iter().filter_map(|(path, shown)| Some((path?.to_str()?, shown))))
    }

    fn of<'t>(places: impl Iterator<Item = (&'t str, &'static str)>) -> Self {
        let places = places.filter(|(path, _)| path.len() > 1 && path.starts_with('/'));
        let mut places: Vec<_> = places.map(|(path, shown)| (path.trim_end_matches('/').to_owned(), shown)).collect();
        // The longest first: it lies in the others. Of equal ones the first counts, which says most.
        places.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Self(places)
    }

    /// The text without them.
    pub(super) fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (path, shown)| replace(&text, path, shown))
    }

    /// A finding without them.
    pub(super) fn hidden(&self, diagnostic: &Diagnostic) -> Diagnostic {
        let mut hidden = diagnostic.clone();
        let texts = std::iter::once(&mut hidden.message).chain(&mut hidden.notes).chain(&mut hidden.help);
        let related = hidden.related.iter_mut().map(|related| &mut related.message);
        for text in texts.chain(related) {
            *text = self.hide(text);
        }
        hidden
    }
}

/// Puts `shown` in the place of a directory, where it is named alone or with what lies in it.
fn replace(text: &str, directory: &str, shown: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(directory) {
        let after = &rest[at + directory.len()..];
        out += &rest[..at];
        let below = after.strip_prefix('/');
        let is_longer = after.starts_with(|c: char| c.is_alphanumeric() || "-_.".contains(c)) && !is_end(after);
        if let Some(below) = below {
            out += shown;
            rest = below;
        } else if is_longer {
            // A directory whose name starts so.
            out += directory;
            rest = after;
        } else {
            out += if shown.is_empty() { "." } else { shown.trim_end_matches('/') };
            rest = after;
        }
    }
    out + rest
}

/// Whether a full stop ends a sentence here.
fn is_end(after: &str) -> bool {
    after.strip_prefix('.').is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_the_machine_are_hidden() {
        let private = Private::of(
            [("/home/a/repo/app", ""), ("/home/a/repo", "<repository>/"), ("/tmp", "<temporary>/"), ("/home/a", "~/")]
                .into_iter(),
        );
        let hidden = |text: &str| private.hide(text);
        assert_eq!(
            hidden("at /home/a/repo/app/src/a.ts:1 (file:///home/a/repo/b.ts)"),
            "at src/a.ts:1 (file://<repository>/b.ts)"
        );
        assert_eq!(
            hidden("in `/home/a/repo/app`, /home/a/repo/application and /home/a."),
            "in `.`, <repository>/application and ~."
        );
        assert_eq!(hidden("/home/abc stays"), "/home/abc stays");
        assert_eq!(hidden("/tmp/other"), "<temporary>/other");
        assert_eq!(hidden("/usr/bin/node"), "/usr/bin/node", "what every machine has");
        let root = Private::of([("/", "")].into_iter());
        assert_eq!(root.hide("/a/b"), "/a/b");
    }
}
