//! Programs of the machine, and where the machine keeps what webstir fetches.

#![expect(clippy::disallowed_methods, reason = "programs are files of the machine")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use webstir_engine::digest::Digest;
use webstir_engine::state_directory::StateDirectory;
use webstir_engine::system::Stat;

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
        .unwrap_or_else(|| StateDirectory::of(root).join("toolchain"))
}

/// The programs that commands name. A program is looked up once in the life of a process, so that plans may rely on it.
#[derive(Debug, Default)]
pub(crate) struct Programs(Mutex<BTreeMap<String, Program>>);

#[derive(Debug)]
struct Program {
    /// Of what was found, before it was read.
    identity: String,
    found: Option<(PathBuf, Digest)>,
}

impl Programs {
    /// Where the program is, and the digest of its bytes. A path with a `/` is one below `root`.
    pub(crate) fn program(&self, root: &Path, name: &str) -> Option<(PathBuf, Digest)> {
        let mut programs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let program = programs.entry(name.to_owned()).or_insert_with(|| {
            let identity = identity(root, name);
            let read = |path: PathBuf| fs::read(&path).ok().map(|bytes| (path, Digest::of(&bytes)));
            Program { identity, found: locate(root, name).and_then(read) }
        });
        program.found.clone()
    }

    /// Name and identity of each program that was looked up.
    pub(crate) fn identities(&self) -> BTreeMap<String, String> {
        let programs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        programs.iter().map(|(name, program)| (name.clone(), program.identity.clone())).collect()
    }
}

fn locate(root: &Path, name: &str) -> Option<PathBuf> {
    let bin = root.join("node_modules/.bin").join(name);
    if name.contains('/') && !name.starts_with('/') {
        Some(root.join(name))
    } else if !name.contains('/') && bin.exists() {
        fs::canonicalize(bin).ok()
    } else {
        find(name)
    }
}

/// Which file the name `name` of a program stands for, as a text that differs when the file may: another place, or another
/// [`Stat`].
pub fn identity(root: &Path, name: &str) -> String {
    let Some(path) = locate(root, name) else { return "absent".to_owned() };
    match fs::metadata(&path).map(|metadata| Stat::of(&metadata)) {
        Ok(stat) if stat.is_settled_now() => format!("{} {stat:?}", path.display()),
        // Equal to nothing, itself included.
        Ok(_) => format!("unsettled {:?}", std::time::SystemTime::now()),
        Err(error) => error.to_string(),
    }
}
