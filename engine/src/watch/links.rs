//! The links on the way to a file.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// As many links may follow each other; the system follows no more.
const MOST: usize = 40;

/// Where a path leads, step by step.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Trail {
    /// The place of each link on the way, in a directory without links.
    pub(super) links: Vec<PathBuf>,
    /// Where it ends: a place without links; the first that is not there, where something is missing. `None` for a circle.
    pub(super) end: Option<PathBuf>,
}

impl Trail {
    /// That of an absolute path.
    pub(super) fn of(path: &Path) -> Self {
        let mut trail = Self::default();
        let mut place = PathBuf::new();
        let mut open: VecDeque<OsString> = parts(path).collect();
        while let Some(part) = open.pop_front() {
            if part == ".." {
                place.pop();
                continue;
            }
            place.push(&part);
            let Ok(metadata) = fs::symlink_metadata(&place) else { break };
            if !metadata.is_symlink() {
                continue;
            }
            let Ok(target) = fs::read_link(&place) else { break };
            trail.links.push(place.clone());
            if trail.links.len() > MOST {
                return trail;
            }
            place.pop();
            for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                open.push_front(part);
            }
        }
        trail.end = Some(place);
        trail
    }

    /// The places where something can come that leads elsewhere.
    pub(super) fn places(self) -> impl Iterator<Item = PathBuf> {
        self.links.into_iter().chain(self.end)
    }
}

/// The root of an absolute path is one of them.
fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter(|part| *part != Component::CurDir).map(|part| part.as_os_str().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn t14_each_link_on_the_way_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap();
        for name in ["a/b", "real/deep"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        fs::write(root.join("real/deep/x.ts"), "").unwrap();
        symlink("../mid", root.join("a/first")).unwrap();
        symlink("real", root.join("mid")).unwrap();
        symlink("../a/./first/deep/x.ts", root.join("a/x.ts")).unwrap();
        symlink(root.join("a/x.ts"), root.join("absolute")).unwrap();
        symlink("missing/y.ts", root.join("dangling")).unwrap();
        symlink("circle", root.join("circle")).unwrap();
        let trail = |name: &str| {
            let Trail { links, end } = Trail::of(&root.join(name));
            let below = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            (links.iter().map(below).collect::<Vec<_>>().join(" "), end.as_ref().map(below))
        };
        let end = |name: &str| Some(name.to_owned());
        assert_eq!(trail("real/deep/x.ts"), (String::new(), end("real/deep/x.ts")));
        assert_eq!(trail("a/x.ts"), ("a/x.ts a/first mid".to_owned(), end("real/deep/x.ts")));
        assert_eq!(trail("absolute"), ("absolute a/x.ts a/first mid".to_owned(), end("real/deep/x.ts")));
        assert_eq!(trail("dangling"), ("dangling".to_owned(), end("missing")));
        assert_eq!(trail("circle").1, None);
    }
}
