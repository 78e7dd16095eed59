//! Programs of the machine, and where the machine keeps what webstir fetches.

#![expect(clippy::disallowed_methods, reason = "programs are files of the machine")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use webstir_engine::digest::Digest;

/// The program `name` on `PATH`, absolute.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;

    let executable = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    if name.starts_with('/') {
        return Some(PathBuf::from(name)).filter(executable);
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(executable)
}

/// Where compilers are kept, for all workspaces of a user: `WEBSTIR_TOOLCHAIN`, else `webstir` in the user's cache directory,
/// else below the workspace.
pub(crate) fn cache_directory(root: &Path) -> PathBuf {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    variable("WEBSTIR_TOOLCHAIN")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("webstir")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/webstir")))
        .unwrap_or_else(|| root.join(".webstir/toolchain"))
}

/// The programs that commands name. A program is looked up once in the life of a process, so that plans may rely on it.
#[derive(Debug, Default)]
pub(crate) struct Programs(Mutex<BTreeMap<String, Option<(PathBuf, Digest)>>>);

impl Programs {
    /// Where the program is, and the digest of its bytes. A path with a `/` is one below `root`.
    pub(crate) fn program(&self, root: &Path, name: &str) -> Option<(PathBuf, Digest)> {
        let mut programs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let looked_up = programs.entry(name.to_owned()).or_insert_with(|| {
            let bin = root.join("node_modules/.bin").join(name);
            let path = if name.contains('/') && !name.starts_with('/') {
                Some(root.join(name))
            } else if !name.contains('/') && bin.exists() {
                fs::canonicalize(bin).ok()
            } else {
                find(name)
            }?;
            let bytes = fs::read(&path).ok()?;
            Some((path, Digest::of(&bytes)))
        });
        looked_up.clone()
    }
}
