//! A tree of copies.

use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::engine::Engine;
use super::leader::{self, Setup};
use super::root::{self, Own};
use super::start::Started;
use super::streams::Streams;
use super::{MOST_WRITTEN, Prepared, Stop, compare, files, is_input, namespaces};
use crate::path::is_within;
use crate::plan::{Fault, Input, Plan, Staged};
use crate::sandbox::Tier;
use crate::surroundings::Order;

/// A file system's clock may stand still for this long: a change within it has the time of what was before.
const TICK: Duration = Duration::from_millis(20);

/// How many files are written before the engine is asked whether to go on.
const PIECE: usize = 32;

/// The copies, and how they were when they had been made.
pub(super) struct Copied<'a> {
    staged: &'a Staged<'a>,
    root: &'a Path,
    tree: PathBuf,
    copies: Vec<(&'a Input<'a>, Stamp)>,
    made: SystemTime,
}

/// What a file system says of a file; another one after any change that is longer ago than its clock is exact.
#[derive(PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(place: &Path) -> std::io::Result<Self> {
        let metadata = place.symlink_metadata()?;
        Ok(Self {
            inode: metadata.ino(),
            size: metadata.size(),
            mode: metadata.mode(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Whether a change may have gone unnoticed in it.
    fn is_racy(&self, made: SystemTime) -> bool {
        let (seconds, nanoseconds) = self.modified;
        let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u32::try_from(nanoseconds)) else { return true };
        let modified = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        modified + TICK >= made
    }
}

impl<'a> Copied<'a> {
    /// Copies all inputs. Their directories are made anew, so that no link of the workspace can lead a write out of the tree.
    pub(super) fn make(engine: &Engine, staged: &'a Staged<'a>) -> Result<Self, Stop> {
        let root = staged.root.as_path();
        let tree = staged.stage.as_path().join("tree");
        if staged.tier == Tier::Namespace {
            namespaces::enter(staged)?;
        }
        let order = staged.surroundings.order();
        if order.is_some() && staged.tier == Tier::Namespace {
            in_memory(&tree)?;
        }
        let made = SystemTime::now();
        let mut copies = Vec::with_capacity(staged.tree.inputs.len());
        let mut parent = "";
        for (at, entry) in entries(staged, order).into_iter().enumerate() {
            if at.is_multiple_of(PIECE) {
                engine.go_on()?;
            }
            let input = match entry {
                Entry::Input(input) => input,
                Entry::Directory(directory) => {
                    files::make_directory(&tree.join(directory))?;
                    continue;
                }
                Entry::Packages(packages) => {
                    files::show_packages(staged, packages, &tree)?;
                    continue;
                }
            };
            let directory = input.path.rsplit_once('/').map_or("", |(directory, _)| directory);
            if directory != parent {
                files::make_directory(&tree.join(directory))?;
                parent = directory;
            }
            let place = tree.join(input.path);
            files::write(root, input, &place)?;
            let stamp = Stamp::of(&place).map_err(|error| Fault::io("Reading", &place.to_string_lossy(), &error))?;
            copies.push((input, stamp));
        }
        copies.sort_by_key(|(input, _)| input.path);
        if staged.tier == Tier::Namespace {
            root::make(staged, &Own::make(&staged.stage.as_path().join("temporary"))?)?;
        }
        Ok(Self { staged, root, tree, copies, made })
    }
}

/// What a tree is made of.
enum Entry<'a> {
    Input(&'a Input<'a>),
    Directory(&'a str),
    Packages(&'a str),
}

/// All of a tree, in the order in which it is made.
fn entries<'a>(staged: &'a Staged<'a>, order: Option<Order>) -> Vec<Entry<'a>> {
    let tree = &staged.tree;
    let in_packages = |path: &str| tree.packages.iter().any(|packages| is_within(path, packages));
    let inputs = tree.inputs.iter().filter(|input| !in_packages(input.path)).map(Entry::Input);
    let directories = tree.directories.iter().map(|directory| Entry::Directory(directory));
    let packages = tree.packages.iter().map(|packages| Entry::Packages(packages));
    let mut entries: Vec<Entry<'a>> = inputs.chain(directories).chain(packages).collect();
    if order == Some(Order::Reversed) {
        entries.reverse();
    }
    entries
}

/// Lays memory over a directory in this mount namespace: a file system that lists entries in an order that follows from the one in which
/// they were made.
fn in_memory(directory: &Path) -> Result<(), Fault> {
    use rustix::mount::{MountFlags, mount};
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", directory, "tmpfs", flags, Some(c"mode=0755"))
        .map_err(|error| Fault::Sandbox("Mounting memory".to_owned(), error.raw_os_error()))
}

impl Copied<'_> {
    /// Adds the files that are no inputs.
    fn add_written(&self, directory: &Path, path: &str, found: &mut Vec<String>) -> Result<(), Fault> {
        let failed = |error: std::io::Error| Fault::io("Reading what was written at", path, &error);
        for entry in std::fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if found.len() >= MOST_WRITTEN {
                return Ok(());
            }
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            if self.staged.tree.packages.contains(&&*path) || is_input(self.staged, &path) {
                continue;
            }
            if entry.file_type().map_err(failed)?.is_dir() {
                self.add_written(&entry.path(), &path, found)?;
            } else {
                found.push(path);
            }
        }
        Ok(())
    }
}

impl Prepared for Copied<'_> {
    fn start(&self, plan: &Plan<'_>, streams: &mut Streams) -> Result<Started, Fault> {
        files::make_directory(&self.tree.join(plan.directory.as_path()))?;
        let is_named = self.staged.tier == Tier::Namespace;
        let tree = if is_named { Path::new(self.staged.surroundings.tree()) } else { &self.tree };
        leader::start(plan, &Setup { staged: self.staged, tree }, streams)
    }

    fn written(&self) -> Result<Vec<String>, Fault> {
        let mut written = Vec::new();
        self.add_written(&self.tree, "", &mut written)?;
        written.sort();
        Ok(written)
    }

    fn changed(&self) -> Result<Vec<String>, Fault> {
        let mut changed = Vec::new();
        for (input, stamp) in &self.copies {
            let place = self.tree.join(input.path);
            let is_untouched = Stamp::of(&place).is_ok_and(|now| now == *stamp) && !stamp.is_racy(self.made);
            if !is_untouched && compare::is_changed(self.root, input, &place, input.executable)? {
                changed.push(input.path.to_owned());
            }
        }
        Ok(changed)
    }

    fn root(&self) -> Result<Option<OwnedFd>, Fault> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = openat(CWD, &self.tree, flags, Mode::empty());
        opened.map(Some).map_err(|error| {
            Fault::io("Reading the tree", &self.staged.stage.as_path().to_string_lossy(), &error.into())
        })
    }
}
