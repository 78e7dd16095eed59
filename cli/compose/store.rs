//! Which store a workspace has, and how much it may hold.
//!
//! `WEBSTIR_STORE` names a directory to share between workspaces. Without it the store lies below the workspace, and that of a linked
//! worktree of git is the one of the main worktree, for no key names an absolute path. `WEBSTIR_STORE_LOWER` names a store to read
//! from besides, for example that of a CI image. `WEBSTIR_STORE_SIZE` (5GiB) and `WEBSTIR_STORE_DAYS` (30) bound the store; both are
//! matters of the machine, not of the workspace.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use webstir_engine::config::parse_size;
use webstir_engine::state_directory::StateDirectory;
use webstir_engine::store::{Budget, Store};

use super::Failure;

/// Its name in the state directory.
const PLACE: &str = "store";

/// Where the store of the workspace at `root` lies.
pub(crate) fn store_root(root: &Path) -> PathBuf {
    match variable("WEBSTIR_STORE") {
        Some(path) => PathBuf::from(path),
        None => StateDirectory::of(&main_worktree(root).unwrap_or_else(|| root.to_owned())).join(PLACE),
    }
}

/// Opens the store at `place`, over the lower one when there is one.
pub(crate) fn open(place: &Path) -> Result<Store, Failure> {
    let store = Store::open(place).map_err(Failure::store(place))?;
    match variable("WEBSTIR_STORE_LOWER") {
        None => Ok(store),
        Some(lower) => store.over(Path::new(&lower)).map_err(Failure::store(Path::new(&lower))),
    }
}

/// How much the store may hold.
pub(crate) fn budget() -> Result<Budget, Failure> {
    let default = Budget::default();
    let bytes = match variable("WEBSTIR_STORE_SIZE") {
        None => default.bytes,
        Some(text) => parse_size(&text).ok_or_else(|| {
            Failure::new(format!("`WEBSTIR_STORE_SIZE` is `{text}`, which is not a valid size"))
                .with_help("Write a whole number and its unit, such as `500MiB` or `5GiB`")
        })?,
    };
    let days = match variable("WEBSTIR_STORE_DAYS") {
        None => default.days,
        Some(text) => text.parse().map_err(|_| {
            Failure::new(format!("`WEBSTIR_STORE_DAYS` is `{text}`, which is no number of days"))
                .with_help("Write a whole number, such as `30`")
        })?,
    };
    Ok(Budget { bytes, days })
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The place of `root` in the main worktree of its repository, when `root` lies in a linked one and the other can be written to.
fn main_worktree(root: &Path) -> Option<PathBuf> {
    let top = root.ancestors().find(|directory| directory.join(".git").exists())?;
    let link = fs::read_to_string(top.join(".git")).ok()?;
    let private = top.join(link.strip_prefix("gitdir:")?.trim());
    let common = fs::read_to_string(private.join("commondir")).ok()?;
    let common = fs::canonicalize(private.join(common.trim())).ok()?;
    // A bare repository has no main worktree.
    let main = common.parent().filter(|_| common.file_name() == Some(".git".as_ref()))?;
    let twin = main.join(root.strip_prefix(top).ok()?);
    let metadata = fs::metadata(&twin).ok()?;
    (metadata.is_dir() && rustix::fs::access(&twin, Access::WRITE_OK).is_ok()).then_some(twin)
}

/// Brings the store at `place` within its budget, when that is due. Best effort: what was built is built, and on a full disk there may
/// be no room to collect; `webstir cache gc` says why it could not.
pub(super) fn collect_if_due(place: &Path, store: &Store, budget: Budget) {
    if store.is_collection_due(budget).unwrap_or(false) {
        let _ = Store::collect(place, budget);
    }
}
