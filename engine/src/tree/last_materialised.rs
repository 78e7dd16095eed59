//! Changing a tree in a process that stays.
//!
//! [`LastMaterialised`] is what a tree held when this process materialised it last. [`Tree::change`] takes it to be there still and writes
//! only files that are to hold something else; [`Tree::materialise`] looks at every file, and undoes what others did to them.

use std::fs;
use std::path::Path;

use super::directory::Directories;
use super::{Artifact, Blobs, MaterialiseError, Materialised, RelPath, Stat, Tree, materialise_each};

/// What a tree held when it was materialised last.
#[derive(Debug)]
pub struct LastMaterialised {
    /// Sorted by path.
    artifacts: Vec<Artifact>,
    /// Of the list of owned files. Each process that materialises something writes a new one.
    list: Option<Stat>,
}

impl LastMaterialised {
    /// Under the lock of the tree.
    pub(super) fn new(artifacts: &[Artifact], list: &Path) -> Self {
        Self { artifacts: artifacts.to_vec(), list: stat(list) }
    }

    /// Those of `artifacts` that are not held yet; `None` when files come or go.
    fn replaced<'a>(&self, artifacts: &'a [Artifact]) -> Option<Vec<&'a Artifact>> {
        let mut replaced = Vec::new();
        for (previous, artifact) in self.artifacts.iter().zip(artifacts) {
            if previous.path != artifact.path {
                return None;
            }
            if previous != artifact {
                replaced.push(artifact);
            }
        }
        (self.artifacts.len() == artifacts.len()).then_some(replaced)
    }
}

fn stat(list: &Path) -> Option<Stat> {
    fs::symlink_metadata(list).ok().map(|metadata| Stat::of(&metadata))
}

impl Tree {
    /// As [`Tree::materialise`], of a tree that held this. Where files come or go, or another process materialised the tree, it is materialised.
    /// The list of owned files stays as it is: it names the files that are replaced, and vouches for none of them, for they have other stats.
    pub fn change(
        &self,
        previous: &LastMaterialised,
        artifacts: &[Artifact],
        blobs: &dyn Blobs,
        rank: &dyn Fn(&RelPath) -> u8,
    ) -> Result<(Materialised, LastMaterialised), MaterialiseError> {
        let replaced = {
            let (list, _lock) = self.lock()?;
            let replaced =
                previous.replaced(artifacts).filter(|_| previous.list.is_some() && previous.list == stat(&list));
            if let Some(replaced) = &replaced {
                self.replace(replaced, blobs, rank)?;
            }
            replaced
        };
        let Some(replaced) = replaced else { return self.materialise(artifacts, blobs, rank) };
        let materialised =
            Materialised { written: replaced.len(), kept: artifacts.len() - replaced.len(), ..Materialised::default() };
        Ok((materialised, LastMaterialised { artifacts: artifacts.to_vec(), list: previous.list }))
    }

    fn replace(
        &self,
        replaced: &[&Artifact],
        blobs: &dyn Blobs,
        rank: &dyn Fn(&RelPath) -> u8,
    ) -> Result<(), MaterialiseError> {
        if replaced.is_empty() {
            return Ok(());
        }
        let mut replaced = replaced.to_vec();
        replaced.sort_by_key(|artifact| (rank(&artifact.path), &artifact.path));
        let root = Directories::open(&self.root).map_err(MaterialiseError::io(&self.name))?;
        materialise_each(&root, self.staging()?.path(), &replaced, blobs)?;
        Ok(())
    }
}
