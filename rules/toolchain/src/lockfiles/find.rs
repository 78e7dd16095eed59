//! Which lockfile a workspace is installed by.
//!
//! It is the nearest one, from the workspace up to the root of its repository or of the packages that are installed together. Of several
//! in one directory that counts which belongs to the package manager that `package.json` there names, else the first of [`LOCKFILES`].

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;
use webstir_engine::path::RelPath;

use super::{LOCKFILES, Lockfile, MOST_BYTES, PackageManager, Unreadable, too_large};

/// The lockfile of a workspace.
#[derive(Debug)]
pub struct FoundLockfile {
    /// Where it lies, and what it speaks of is installed.
    pub directory: PathBuf,
    /// How it is called.
    pub name: &'static str,
    /// How it is named from the workspace: `../../bun.lock`.
    pub shown: String,
    /// What it holds.
    pub text: String,
    /// What it says.
    pub lockfile: Result<Lockfile, Unreadable>,
}

impl FoundLockfile {
    /// Its path, if it is a file of the workspace.
    pub fn path(&self) -> Option<RelPath> {
        RelPath::new(&self.shown).ok()
    }
}

/// The lockfile of the workspace at `root`.
pub fn find(root: &Path) -> Option<FoundLockfile> {
    let top = root.ancestors().find(|directory| is_top(directory)).unwrap_or(root);
    let directories = root.ancestors().take_while(|directory| directory.starts_with(top));
    directories.enumerate().find_map(|(steps, directory)| {
        let names = LOCKFILES.iter().copied().filter(|name| directory.join(name).is_file());
        let manifest = fs::read_to_string(directory.join("package.json")).ok();
        let name = believed(names, manifest.as_deref())?;
        let read = read(&directory.join(name));
        let (text, lockfile) = match read {
            Ok(text) => {
                let lockfile = Lockfile::read(name, &text)?;
                (text, lockfile)
            }
            Err(problem) => (String::new(), Err(problem)),
        };
        let shown = format!("{}{name}", "../".repeat(steps));
        Some(FoundLockfile { directory: directory.to_owned(), name, shown, text, lockfile })
    })
}

/// Every path that decides what [`find`] finds for the workspace at `root`, and what it holds.
pub fn deciding(root: &Path) -> impl Iterator<Item = PathBuf> {
    let names = [".git", "pnpm-workspace.yaml", "package.json"];
    let names = move || names.into_iter().chain(LOCKFILES.iter().copied());
    root.ancestors().flat_map(move |directory| names().map(|name| directory.join(name)))
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

/// Of the lockfiles of one directory that of the package manager that its `package.json` names; else the first.
fn believed(lockfiles: impl Iterator<Item = &'static str>, manifest: Option<&str>) -> Option<&'static str> {
    let manager = manifest.and_then(package_manager);
    lockfiles.min_by_key(|name| manager.is_some() && PackageManager::of(name) != manager)
}

/// The package manager that a `package.json` names: `"packageManager": "pnpm@9.0.0"`, or `devEngines`.
fn package_manager(manifest: &str) -> Option<PackageManager> {
    let manifest: Value = serde_json::from_str(manifest.trim_start_matches('\u{feff}')).ok()?;
    let named = manifest.get("packageManager").and_then(Value::as_str);
    let named = named.map(|named| named.split('@').next().unwrap_or_default());
    named.or_else(|| manifest.pointer("/devEngines/packageManager/name")?.as_str()).and_then(PackageManager::named)
}
