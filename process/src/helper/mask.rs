//! The two layers between the workspace and what a command writes.
//!
//! A [`Mask`] walks the directories that declared inputs lie in, each read once, beside the sorted list of inputs. What is not
//! declared there is hidden by one whiteout, be it a file or a directory; what is declared and a plain file costs nothing. What the
//! workspace does not have as a plain file at that very path is written: inputs from elsewhere, and what lies behind a link. So are
//! all inputs below a directory in which far more would have to be hidden than there is to show; it is hidden as a whole then.

use std::cell::OnceCell;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustc_hash::FxHashMap;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, mkdirat, mknodat, openat, statat};

use super::engine::Engine;
use super::{Stop, files};
use crate::plan::{Fault, Input, Source, Staged};

const SHOW: &str = "tree/show";
const HIDE: &str = "tree/hide";

/// Hiding a file takes about a fourth of the time of writing a small one.
const HIDDEN_FOR_A_COPY: usize = 4;
/// As many whiteouts are made in any case.
const FEW: usize = 32;
/// No more than this many bytes are written to save whiteouts.
const MOST_COPIED: u64 = 8 << 20;

/// Entries are read in pieces of this many bytes.
const BUFFER: usize = 128 << 10;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What lies below the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    Workspace,
    /// All that is declared was written.
    Nothing,
}

/// Makes the layers.
pub(super) struct Mask<'e> {
    engine: &'e Engine,
    staged: &'e Staged<'e>,
    root: &'e Path,
    buffer: Vec<MaybeUninit<u8>>,
    /// Directories so far.
    count: usize,
}

/// How many directories are read before the engine is asked whether to go on.
const PIECE: usize = 32;

/// What is declared below one directory; its parts are parts of sorted lists.
#[derive(Clone, Copy, Default)]
struct Level<'a> {
    /// The path with a slash at its end; empty for the root.
    path: &'a str,
    inputs: &'a [Input<'a>],
    packages: &'a [&'a str],
    directories: &'a [&'a str],
    /// Whether it is one of the directories itself, or one lies in it.
    is_wanted: bool,
}

enum Child<'a> {
    File(&'a Input<'a>),
    Directory(Level<'a>),
    /// Shown whole.
    Packages(&'a str),
}

impl<'e> Mask<'e> {
    pub(super) fn new(engine: &'e Engine, staged: &'e Staged<'e>) -> Self {
        Self { engine, staged, root: staged.root.as_path(), buffer: vec![MaybeUninit::uninit(); BUFFER], count: 0 }
    }

    /// Makes the layers for the tree over the workspace `lower`.
    pub(super) fn make(mut self, lower: BorrowedFd<'_>) -> Result<Below, Stop> {
        let tree = &self.staged.tree;
        let (inputs, packages, directories) = (&tree.inputs[..], &tree.packages[..], &tree.directories[..]);
        let level = Level { path: "", inputs, packages, directories, is_wanted: true };
        self.walk(level, Some(lower), &Hidden { above: None, name: HIDE, directory: OnceCell::new() })
    }

    /// One directory. `lower` is it in the workspace, where it is a directory there and no link.
    fn walk(&mut self, level: Level<'_>, lower: Option<BorrowedFd<'_>>, hidden: &Hidden<'_>) -> Result<Below, Stop> {
        self.count += 1;
        if self.count.is_multiple_of(PIECE) {
            self.engine.go_on()?;
        }
        let mut children = children(level);
        let mut below: Vec<(Level<'_>, Option<OwnedFd>)> = Vec::new();
        if let Some(lower) = lower {
            let failed = |error: rustix::io::Errno| Fault::io("Reading", level.path, &error.into());
            let mut count = 0;
            let mut few = FEW + HIDDEN_FOR_A_COPY * level.inputs.len();
            let mut entries = RawDir::new(lower, &mut self.buffer);
            while let Some(entry) = entries.next() {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name();
                if matches!(name.to_bytes(), b"." | b"..") {
                    continue;
                }
                let kind = match entry.file_type() {
                    FileType::Unknown => {
                        let stat = statat(lower, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
                        FileType::from_raw_mode(stat.st_mode)
                    }
                    kind => kind,
                };
                match (children.get(name.to_bytes()), kind) {
                    (None, _) => {
                        hidden.add(name)?;
                        count += 1;
                        if count > few {
                            if level.can_be_written(self.root) {
                                drop(below);
                                hidden.hide_all(level.path)?;
                                files::make_directory(&Path::new(SHOW).join(level.path))?;
                                self.walk(level, None, hidden)?;
                                return Ok(Below::Nothing);
                            }
                            few = usize::MAX;
                        }
                    }
                    (Some(Child::File(Input { source: Source::Workspace, .. })), FileType::RegularFile)
                    | (Some(Child::Packages(_)), _) => {
                        children.remove(name.to_bytes());
                    }
                    (Some(Child::Directory(level)), FileType::Directory) if level.has_workspace() => {
                        let level = *level;
                        let opened = openat(lower, name, DIRECTORY, Mode::empty()).map_err(failed)?;
                        children.remove(name.to_bytes());
                        below.push((level, Some(opened)));
                    }
                    // Not merged with what is shown in its place.
                    (Some(Child::Directory(_)), FileType::Directory) => hidden.add(name)?,
                    (Some(Child::File(_) | Child::Directory(_)), _) => {}
                }
            }
        }
        for child in sorted(children) {
            match child {
                Child::File(input) => {
                    let directory = Path::new(SHOW).join(level.path);
                    files::make_directory(&directory)?;
                    files::write(self.root, input, &Path::new(SHOW).join(input.path))?;
                }
                Child::Directory(level) => {
                    // Above what is there under this name: a link, a file, or nothing.
                    if !level.inputs.is_empty() || level.is_wanted {
                        files::make_directory(&Path::new(SHOW).join(level.path))?;
                    }
                    below.push((level, None));
                }
                // Behind a link.
                Child::Packages(path) => files::show_packages(self.staged, path, Path::new(SHOW))?,
            }
        }
        for (below, lower) in below {
            let name = below.path[level.path.len()..].trim_end_matches('/');
            let hidden = Hidden { above: Some(hidden), name, directory: OnceCell::new() };
            self.walk(below, lower.as_ref().map(|lower| lower.as_fd()), &hidden)?;
        }
        Ok(Below::Workspace)
    }
}

impl Level<'_> {
    /// Whether anything of the workspace is shown in it.
    fn has_workspace(&self) -> bool {
        !self.packages.is_empty() || self.inputs.iter().any(|input| input.source == Source::Workspace)
    }

    /// Whether all that is shown in it can be written instead.
    fn can_be_written(&self, root: &Path) -> bool {
        let size = |input: &Input<'_>| root.join(input.path).metadata().map_or(0, |metadata| metadata.len());
        self.packages.is_empty() && self.inputs.iter().map(size).sum::<u64>() <= MOST_COPIED
    }
}

/// What is hidden in one directory: a directory of whiteouts, made when the first of them is.
struct Hidden<'a> {
    above: Option<&'a Hidden<'a>>,
    name: &'a str,
    directory: OnceCell<OwnedFd>,
}

impl Hidden<'_> {
    fn open(&self) -> rustix::io::Result<BorrowedFd<'_>> {
        if let Some(directory) = self.directory.get() {
            return Ok(directory.as_fd());
        }
        let opened = match self.above {
            None => openat(CWD, self.name, DIRECTORY, Mode::empty())?,
            Some(above) => {
                let above = above.open()?;
                mkdirat(above, self.name, Mode::from_raw_mode(0o755))?;
                openat(above, self.name, DIRECTORY, Mode::empty())?
            }
        };
        Ok(self.directory.get_or_init(|| opened).as_fd())
    }

    fn add(&self, name: &CStr) -> Result<(), Fault> {
        let add = || mknodat(self.open()?, name, FileType::CharacterDevice, Mode::empty(), 0);
        add().map_err(|error| Fault::io("Hiding", &name.to_string_lossy(), &error.into()))
    }

    /// Hides the directory itself. The root cannot be; nothing is laid below the layers then.
    fn hide_all(&self, path: &str) -> Result<(), Fault> {
        let failed = |error: std::io::Error| Fault::io("Hiding", path, &error);
        let place = Path::new(HIDE).join(path.trim_end_matches('/'));
        std::fs::remove_dir_all(&place).map_err(failed)?;
        match self.above {
            None => files::make_directory(&place),
            Some(above) => {
                let hide = || mknodat(above.open()?, self.name, FileType::CharacterDevice, Mode::empty(), 0);
                hide().map_err(|error| failed(error.into()))
            }
        }
    }
}

/// In the order of names: no hash decides which of two faults is told.
fn sorted<'a>(children: FxHashMap<&'a [u8], Child<'a>>) -> Vec<Child<'a>> {
    let mut children: Vec<_> = children.into_iter().collect();
    children.sort_by_key(|(name, _)| *name);
    children.into_iter().map(|(_, child)| child).collect()
}

fn children(level: Level<'_>) -> FxHashMap<&[u8], Child<'_>> {
    let mut children = FxHashMap::default();
    let at = level.path.len();
    let mut inputs = level.inputs;
    children.reserve(inputs.len().min(1 << 16));
    while let Some(first) = inputs.first() {
        match first.path[at..].split_once('/') {
            None => {
                children.insert(&first.path.as_bytes()[at..], Child::File(first));
                inputs = &inputs[1..];
            }
            Some((name, _)) => {
                let path = &first.path[..=at + name.len()];
                let (within, rest) = inputs.split_at(count_within(inputs, |input| input.path, path));
                children.insert(name.as_bytes(), Child::Directory(Level { path, inputs: within, ..Level::default() }));
                inputs = rest;
            }
        }
    }
    for (list, is_packages) in [(level.directories, false), (level.packages, true)] {
        let mut list = list;
        while let Some(first) = list.first() {
            let (name, count, path) = match first[at..].split_once('/') {
                None if is_packages => {
                    children.insert(&first.as_bytes()[at..], Child::Packages(first));
                    list = &list[1..];
                    continue;
                }
                None => (&first[at..], 1, None),
                Some((name, _)) => {
                    let path = &first[..=at + name.len()];
                    (name, count_within(list, |path| path, path), Some(path))
                }
            };
            let (within, rest) = list.split_at(count);
            list = rest;
            let child = children.entry(name.as_bytes());
            let child =
                child.or_insert_with(|| Child::Directory(Level { path: path.unwrap_or(first), ..Level::default() }));
            let Child::Directory(level) = child else { continue };
            level.is_wanted |= !is_packages;
            let Some(path) = path else { continue };
            level.path = path;
            if is_packages {
                level.packages = within;
            } else {
                level.directories = within;
            }
        }
    }
    children
}

/// How many at the front of a sorted list lie below a directory, which is named with a slash at its end.
fn count_within<T>(list: &[T], path_of: impl Fn(&T) -> &str, directory: &str) -> usize {
    list.partition_point(|one| path_of(one).starts_with(directory))
}
