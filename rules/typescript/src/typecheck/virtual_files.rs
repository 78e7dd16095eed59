//! Files that the binary brings along.
//!
//! A [`VirtualFiles`] is an overlay of directories, for example the types of the built-in modules. Each stands in for a directory
//! of the workspace that is absent, as a whole: as soon as anything real is at its root, nothing of it is seen.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use webstir_engine::digest::{Digest, KeyHasher};
use webstir_engine::path::{PathError, RelPath};
use webstir_engine::system::PathKind;

/// Directories that exist only for the compiler.
#[derive(Debug, Clone, Default)]
pub struct VirtualFiles {
    roots: Vec<RelPath>,
    nodes: FxHashMap<RelPath, Node>,
    files: BTreeMap<RelPath, Cow<'static, [u8]>>,
}

/// What is at one path. `roots` are indices of the directories of which it is a part; it is seen when one of them is.
#[derive(Debug, Clone)]
enum Node {
    File { root: usize },
    Directory { roots: Vec<usize>, entries: BTreeMap<Box<str>, PathKind> },
}

impl VirtualFiles {
    /// Adds a directory at `root`. The files are named relative to it.
    pub fn add_directory<B: Into<Cow<'static, [u8]>>>(
        &mut self,
        root: &RelPath,
        files: impl IntoIterator<Item = (impl AsRef<str>, B)>,
    ) -> Result<(), PathError> {
        let index = self.roots.len();
        self.roots.push(root.clone());
        for (name, bytes) in files {
            let path = root.join(name.as_ref())?;
            self.nodes.insert(path.clone(), Node::File { root: index });
            self.files.insert(path.clone(), bytes.into());
            let mut below = path;
            let mut kind = PathKind::File;
            while let Some(parent) = below.parent() {
                let node = self
                    .nodes
                    .entry(parent.clone())
                    .or_insert_with(|| Node::Directory { roots: Vec::new(), entries: BTreeMap::new() });
                if let Node::Directory { roots, entries } = node {
                    if !roots.contains(&index) {
                        roots.push(index);
                    }
                    entries.insert(below.file_name().into(), kind);
                }
                below = parent;
                kind = PathKind::Directory;
            }
        }
        Ok(())
    }

    /// The identity of all files and their places: part of the key of whatever sees them.
    pub fn digest(&self) -> Digest {
        let mut hasher = KeyHasher::new("webstir virtual files v1");
        hasher.number(self.roots.len() as u64);
        for root in &self.roots {
            hasher.text(root.as_str());
        }
        for (path, bytes) in &self.files {
            hasher.text(path.as_str()).bytes(bytes);
        }
        hasher.finish()
    }

    /// The directories, by index.
    pub(super) fn roots(&self) -> &[RelPath] {
        &self.roots
    }

    /// What is at `path`, as far as the roots are visible.
    pub(super) fn kind<E>(
        &self,
        path: &RelPath,
        visible: &mut dyn FnMut(usize) -> Result<bool, E>,
    ) -> Result<PathKind, E> {
        match self.nodes.get(path) {
            Some(Node::File { root }) if visible(*root)? => Ok(PathKind::File),
            Some(Node::Directory { roots, .. }) => {
                for &root in roots {
                    if visible(root)? {
                        return Ok(PathKind::Directory);
                    }
                }
                Ok(PathKind::Absent)
            }
            _ => Ok(PathKind::Absent),
        }
    }

    /// The bytes of a file, seen or not.
    pub(super) fn bytes(&self, path: &RelPath) -> Option<&[u8]> {
        self.files.get(path).map(|bytes| &**bytes)
    }

    /// The entries of a directory, seen or not.
    pub(super) fn entries(&self, path: &RelPath) -> impl Iterator<Item = &str> {
        let entries = match self.nodes.get(path) {
            Some(Node::Directory { entries, .. }) => Some(entries),
            _ => None,
        };
        entries.into_iter().flat_map(|entries| entries.keys().map(|name| &**name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn overlay() -> VirtualFiles {
        let mut files = VirtualFiles::default();
        files
            .add_directory(&path("node_modules/@w/back"), [("package.json", &b"{}"[..]), ("runtime/a.d.ts", b"")])
            .unwrap();
        files.add_directory(&path("node_modules/@w/contract"), [("index.d.ts", &b"x"[..])]).unwrap();
        files
    }

    fn kind(files: &VirtualFiles, name: &str, shown: &[usize]) -> PathKind {
        files.kind(&path(name), &mut |root| Ok::<_, ()>(shown.contains(&root))).unwrap()
    }

    #[test]
    fn directories_lead_to_the_files() {
        let files = overlay();
        assert_eq!(kind(&files, "node_modules", &[0, 1]), PathKind::Directory);
        assert_eq!(kind(&files, "node_modules/@w/back/runtime", &[0, 1]), PathKind::Directory);
        assert_eq!(kind(&files, "node_modules/@w/back/runtime/a.d.ts", &[0, 1]), PathKind::File);
        assert_eq!(kind(&files, "node_modules/@w/back/b.d.ts", &[0, 1]), PathKind::Absent);
        assert_eq!(files.entries(&path("node_modules/@w")).collect::<Vec<_>>(), ["back", "contract"]);
    }

    #[test]
    fn a_hidden_directory_hides_its_parents() {
        let files = overlay();
        assert_eq!(kind(&files, "node_modules/@w/contract/index.d.ts", &[0]), PathKind::Absent);
        assert_eq!(kind(&files, "node_modules/@w", &[0]), PathKind::Directory);
        assert_eq!(kind(&files, "node_modules/@w", &[]), PathKind::Absent);
    }

    #[test]
    fn the_digest_covers_places_and_bytes() {
        let mut other = overlay();
        assert_eq!(overlay().digest(), other.digest());
        other.add_directory(&path("types"), [("css.d.ts", &b""[..])]).unwrap();
        assert_ne!(overlay().digest(), other.digest());
    }

    #[test]
    fn names_do_not_leave_the_workspace() {
        assert!(VirtualFiles::default().add_directory(&path("a"), [("../../b", &b""[..])]).is_err());
    }
}
