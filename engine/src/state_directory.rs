//! The directory `.webstir` of a workspace, where everything is kept that can be made again.
//!
//! [`StateDirectory`] says where it is, creates it, and gives names of users (profiles, output roots) a file name: the one place where
//! that is done, so that two names never share a file.

#![expect(clippy::disallowed_methods, reason = "it lies on disk")]

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::digest::Digest;

/// The name of the directory.
pub const STATE_DIRECTORY: &str = ".webstir";

/// What keeps git from all of it, wherever the workspace lies.
const IGNORED: &str = "# Everything here can be made again.\n*\n";

/// The longest name that is kept as it is.
const LONGEST: usize = 64;

/// The state directory of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDirectory(PathBuf);

impl StateDirectory {
    /// That of the workspace at `root`. It need not be there.
    pub fn of(root: &Path) -> Self {
        Self(root.join(STATE_DIRECTORY))
    }

    /// The one that `place` lies in; `None` when it lies in none.
    pub fn around(place: &Path) -> Option<Self> {
        let is_state = |directory: &&Path| directory.file_name().is_some_and(|name| name == STATE_DIRECTORY);
        place.ancestors().find(is_state).map(|directory| Self(directory.to_owned()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A place in it.
    pub fn join(&self, below: &str) -> PathBuf {
        self.0.join(below)
    }

    /// Creates it where it is missing, with a `.gitignore` of its own. One that another process writes meanwhile is as good.
    pub fn create(&self) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        match File::create_new(self.0.join(".gitignore")) {
            Ok(mut file) => file.write_all(IGNORED.as_bytes()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The file name that stands for `name`, which may be any text: another one for each, also where the file system does not tell upper
/// from lower case. It has no `.`, so that extensions and prefixes that end in one keep names apart.
pub fn file_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if !name.is_empty() && name.len() <= LONGEST && name.chars().all(is_plain) {
        name.to_owned()
    } else {
        // No plain name starts so.
        format!("={}", Digest::of(name.as_bytes()).to_hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t6_each_name_has_a_file_name_of_its_own() {
        let digest = Digest::of(b"dist/app").to_hex();
        let names =
            ["build", "dist/app", "dist-app", "dist\\app", "Build", "build.lock", "", "..", "é", "e\u{301}", &digest];
        let files: std::collections::BTreeSet<_> = names.iter().map(|name| file_name(name)).collect();
        assert_eq!(files.len(), names.len());
        for file in &files {
            assert!(!file.is_empty() && !file.contains(['/', '.', '\\']) && file.is_ascii(), "{file}");
            assert_eq!(*file, file.to_lowercase());
        }
        assert_eq!(file_name("build"), "build");
    }

    #[test]
    fn t15_the_directory_ignores_itself() {
        let root = tempfile::tempdir().unwrap();
        let state = StateDirectory::of(root.path());
        state.create().unwrap();
        assert_eq!(fs::read_to_string(state.join(".gitignore")).unwrap(), IGNORED);
        fs::write(state.join(".gitignore"), "mine").unwrap();
        state.create().unwrap();
        assert_eq!(fs::read_to_string(state.join(".gitignore")).unwrap(), "mine", "what the user wrote there stays");
        assert_eq!(StateDirectory::around(&state.join("store/v1")), Some(state));
        assert_eq!(StateDirectory::around(root.path()), None);
    }
}
