//! What a build put where others publish.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use webstir_engine::action::Artifact;
use webstir_engine::digest::Digest;
use webstir_engine::path::RelPath;

/// The files of the last build, and those that it took away (`None`). To write them is no change of the user's.
#[derive(Debug, Default)]
pub(super) struct Published(BTreeMap<RelPath, Option<Digest>>);

impl Published {
    /// These were materialised.
    pub(super) fn are<'a>(&mut self, artifacts: impl Iterator<Item = &'a Artifact>) {
        self.0.retain(|_, digest| digest.take().is_some());
        self.0.extend(artifacts.map(|artifact| (artifact.path.clone(), Some(artifact.digest))));
    }

    /// Whether a path is as the build left it: a file with its bytes, or a directory that holds such files.
    pub(super) fn explains(&self, path: &RelPath, root: &Path) -> bool {
        let real = root.join(path.as_str());
        match self.0.get(path) {
            Some(Some(digest)) => fs::read(real).is_ok_and(|bytes| Digest::of(&bytes) == *digest),
            Some(None) => !real.exists(),
            None => {
                let mut within = self.0.iter().filter(|(file, _)| file.is_within(path)).peekable();
                within.peek().is_some() && real.is_dir() == within.any(|(_, digest)| digest.is_some())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_placed_is_no_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = |text: &str| RelPath::new(text).unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let artifact = |name: &str, text: &str| Artifact {
            path: path(name),
            digest: Digest::of(text.as_bytes()),
            bytes: text.len() as u64,
            executable: false,
        };
        let mut published = Published::default();
        write("site/app/one.css", "one");
        published.are([artifact("site/app/one.css", "one"), artifact("site/old/two.css", "two")].iter());
        published.are([artifact("site/app/one.css", "one")].iter());
        let explains = |name: &str| published.explains(&path(name), directory.path());
        assert!(explains("site/app/one.css") && explains("site/app"));
        assert!(explains("site/old/two.css") && explains("site/old"));
        assert!(!explains("site/app/other.css") && !explains("site/new"));

        write("site/app/one.css", "another");
        write("site/old/two.css", "two");
        assert!(!explains("site/app/one.css") && !explains("site/old/two.css") && !explains("site/old"));
    }
}
