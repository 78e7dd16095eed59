//! Which lockfile a workspace is installed by.
//!
//! It is the nearest one, from the workspace up to the root of its repository or of the packages that are installed together. Of several
//! in one directory that counts which belongs to the package manager that `package.json` there names, else the first of [`LOCKFILES`].

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{LOCKFILES, Lockfile, MOST_BYTES, PackageManager, Unreadable, too_large};

/// The lockfile of a workspace.
#[derive(Debug)]
pub struct FoundLockfile {
    /// Where it lies, and what it speaks of is installed.
    pub directory: PathBuf,
    /// How it is called.
    pub name: &'static str,
    /// What it holds.
    pub text: String,
    /// What it says.
    pub lockfile: Result<Lockfile, Unreadable>,
}

/// The lockfile of the workspace at `root`.
pub fn find(root: &Path) -> Option<FoundLockfile> {
    let top = root.ancestors().find(|directory| is_top(directory)).unwrap_or(root);
    let directories = root.ancestors().take_while(|directory| directory.starts_with(top));
    directories.into_iter().find_map(|directory| {
        let names = LOCKFILES.iter().copied().filter(|name| directory.join(name).is_file());
        let manifest = fs::read_to_string(directory.join("package.json")).ok();
        let name = believed_first(names.collect(), manifest.as_deref(), |name| name).into_iter().next()?;
        let read = read(&directory.join(name));
        let (text, lockfile) = match read {
            Ok(text) => {
                let lockfile = Lockfile::read(name, &text)?;
                (text, lockfile)
            }
            Err(problem) => (String::new(), Err(problem)),
        };
        Some(FoundLockfile { directory: directory.to_owned(), name, text, lockfile })
    })
}

/// Whether nothing above the directory has to do with it.
fn is_top(directory: &Path) -> bool {
    directory.join(".git").exists()
        || directory.join("pnpm-workspace.yaml").is_file()
        || manifest(&directory.join("package.json")).is_some_and(|manifest| manifest.get("workspaces").is_some())
}

fn manifest(path: &Path) -> Option<Value> {
    serde_json::from_str(fs::read_to_string(path).ok()?.trim_start_matches('\u{feff}')).ok()
}

fn read(path: &Path) -> Result<String, Unreadable> {
    let unreadable = |error: io::Error| Unreadable::new(error.to_string(), None);
    let mut bytes = Vec::new();
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    fs::File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() > MOST_BYTES {
        return Err(too_large());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lockfiles of one directory with that of the package manager first that its `package.json` names; else as they were.
pub(in super::super) fn believed_first<T>(
    mut lockfiles: Vec<T>,
    manifest: Option<&str>,
    name: impl Fn(&T) -> &str,
) -> Vec<T> {
    if let Some(manager) = manifest.and_then(package_manager) {
        lockfiles.sort_by_key(|lockfile| PackageManager::of(name(lockfile)) != Some(manager));
    }
    lockfiles
}

/// The package manager that a `package.json` names: `"packageManager": "pnpm@9.0.0"`, or `devEngines`.
fn package_manager(manifest: &str) -> Option<PackageManager> {
    let manifest: Value = serde_json::from_str(manifest.trim_start_matches('\u{feff}')).ok()?;
    let named = manifest.get("packageManager").and_then(Value::as_str);
    let named = named.map(|named| named.split('@').next().unwrap_or_default());
    named.or_else(|| manifest.pointer("/devEngines/packageManager/name")?.as_str()).and_then(PackageManager::named)
}
