//! A tree that is an overlay: the workspace below, what hides and what is shown above it, and a layer for what the command writes.
//!
//! ```text
//! upper    what the command writes
//! show     inputs that do not lie in the workspace, directories
//! hide     whiteouts for what is not declared
//! workspace
//! ```
//!
//! The first three are in memory, mounted where the tree is then laid over it: on some file systems a new directory takes longer than
//! all the rest. Only where a command fails for want of room is it run again with `upper` on disk. All of it is in namespaces of its own, which end with the helper. What the engine gets is a descriptor of the merged tree.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, fgetxattr, fstatvfs, openat};
use rustix::mount::{MountFlags, mount};

use super::engine::Engine;
use super::leader::{self, Setup};
use super::mask::{Below, Mask};
use super::root::{self, Own};
use super::start::Started;
use super::streams::Streams;
use super::{MOST_WRITTEN, Prepared, Stop, compare, files, is_input, namespaces};
use crate::path::is_within;
use crate::plan::{Fault, Input, Kind, Plan, Source, Staged};

/// The mounted tree.
pub(super) struct Overlay<'a> {
    staged: &'a Staged<'a>,
    root: &'a Path,
    stage: &'a Path,
    tree: PathBuf,
    upper: OwnedFd,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn overlay_fault(what: &str) -> impl Fn(rustix::io::Errno) -> Fault + '_ {
    move |error| Fault::Overlay(what.to_owned(), error.raw_os_error())
}

impl<'a> Overlay<'a> {
    pub(super) fn make(engine: &Engine, staged: &'a Staged<'a>) -> Result<Self, Stop> {
        let (root, stage) = (staged.root.as_path(), staged.stage.as_path());
        namespaces::enter(staged)?;
        // Mounts are named relative to here: a path may hold what separates options.
        std::env::set_current_dir(stage)
            .map_err(|error| Fault::io("Entering the directory", &stage.to_string_lossy(), &error))?;
        let size = match staged.kind {
            Kind::Memory(Some(bytes)) => format!(",size={bytes}"),
            _ => String::new(),
        };
        let options = CString::new(format!("mode=0755{size}")).unwrap_or_default();
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("tmpfs", "tree", "tmpfs", flags, Some(options.as_c_str())).map_err(overlay_fault("Mounting memory"))?;
        let above = if staged.kind == Kind::Disk { "" } else { "tree/" };
        let [upper, work] = ["upper", "work"].map(|name| format!("{above}{name}"));
        for directory in ["tree/show", "tree/hide", &upper, &work] {
            fs::create_dir(directory).map_err(|error| Fault::io("Making the directory", directory, &error))?;
        }
        let own = Own::make(&stage.join(if above.is_empty() { "temporary" } else { "tree" }))?;
        // Opened in the new namespace: one of another namespace could not be a layer.
        let lower = openat(CWD, root, DIRECTORY, Mode::empty())
            .map_err(|error| Fault::io("Reading", &root.to_string_lossy(), &error.into()))?;
        let below = match Mask::new(engine, staged).make(lower.as_fd())? {
            Below::Workspace => format!(":/proc/self/fd/{}", lower.as_raw_fd()),
            Below::Nothing => String::new(),
        };
        // `volatile`: nothing is written through to the disk when the tree goes.
        let options = format!("lowerdir=tree/show:tree/hide{below},upperdir={upper},workdir={work},userxattr,volatile");
        // What lies in memory has no name any more once the tree is laid over it.
        let upper = openat(CWD, &*upper, DIRECTORY, Mode::empty())
            .map_err(|error| Fault::io("Reading", &upper, &error.into()))?;
        let options = CString::new(options).map_err(|_| Fault::Overlay("Naming the layers".to_owned(), 0))?;
        mount("overlay", "tree", "overlay", flags, Some(options.as_c_str()))
            .map_err(overlay_fault("Mounting the tree"))?;
        root::make(staged, &own)?;
        Ok(Self { staged, root, stage, tree: stage.join("tree"), upper })
    }

    /// Adds the inputs that the command may have changed: those that have something in the upper layer.
    fn candidates(&self, upper: &OwnedFd, path: &str, found: &mut Vec<&'a Input<'a>>) -> Result<(), Fault> {
        let failed = |error: rustix::io::Errno| Fault::io("Reading what was written at", path, &error.into());
        for entry in Dir::read_from(upper).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            let inputs = within(&self.staged.tree.inputs, &path);
            if inputs.is_empty() {
                continue;
            }
            let opened = match entry.file_type() {
                FileType::Directory => {
                    Some(openat(upper, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).map_err(failed)?)
                }
                _ => None,
            };
            match opened {
                // What lay below it before is still there.
                Some(directory) if !is_opaque(&directory) => self.candidates(&directory, &path, found)?,
                _ => found.extend(inputs),
            }
        }
        Ok(())
    }
}

impl Overlay<'_> {
    /// Adds the files of the upper layer that are no inputs.
    fn add_written(&self, upper: &OwnedFd, path: &str, found: &mut Vec<String>) -> Result<(), Fault> {
        let failed = |error: rustix::io::Errno| Fault::io("Reading what was written at", path, &error.into());
        for entry in Dir::read_from(upper).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") || found.len() >= MOST_WRITTEN {
                continue;
            }
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            match entry.file_type() {
                FileType::Directory if !self.staged.tree.packages.contains(&&*path) => {
                    let below = openat(upper, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).map_err(failed)?;
                    self.add_written(&below, &path, found)?;
                }
                // Packages, what was removed, and inputs.
                FileType::Directory | FileType::CharacterDevice => {}
                _ if is_input(self.staged, &path) => {}
                _ => found.push(path),
            }
        }
        Ok(())
    }
}

impl Prepared for Overlay<'_> {
    fn start(&self, plan: &Plan<'_>, streams: &mut Streams) -> Result<Started, Fault> {
        files::make_directory(&self.tree.join(plan.directory.as_path()))?;
        let setup = Setup { staged: self.staged, tree: Path::new(self.staged.surroundings.tree()) };
        leader::start(plan, &setup, streams)
    }

    fn written(&self) -> Result<Vec<String>, Fault> {
        let mut written = Vec::new();
        self.add_written(&self.upper, "", &mut written)?;
        written.sort();
        Ok(written)
    }

    fn changed(&self) -> Result<Vec<String>, Fault> {
        let mut candidates = Vec::new();
        self.candidates(&self.upper, "", &mut candidates)?;
        candidates.sort_by_key(|input| input.path);
        candidates.dedup();
        let mut changed = Vec::new();
        for input in candidates {
            if self.staged.tree.packages.iter().any(|packages| is_within(input.path, packages)) {
                continue;
            }
            // A file of the workspace is shown as it is, with the bit that it has.
            let bit = if input.source == Source::Workspace { executable(&self.root.join(input.path)) } else { None };
            let place = self.tree.join(input.path);
            if compare::is_changed(self.root, input, &place, bit.unwrap_or(input.executable))? {
                changed.push(input.path.to_owned());
            }
        }
        Ok(changed)
    }

    fn is_full(&self) -> bool {
        fstatvfs(&self.upper).is_ok_and(|room| room.f_blocks > 0 && room.f_bavail < room.f_blocks / 10)
    }

    fn root(&self) -> Result<Option<OwnedFd>, Fault> {
        openat(CWD, &self.tree, DIRECTORY, Mode::empty())
            .map(Some)
            .map_err(|error| Fault::io("Reading the tree", &self.stage.to_string_lossy(), &error.into()))
    }
}

fn executable(path: &Path) -> Option<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().ok().map(|metadata| metadata.permissions().mode() & 0o100 != 0)
}

/// The inputs at and below a path.
fn within<'a, 'b>(inputs: &'b [Input<'a>], path: &str) -> Vec<&'b Input<'a>> {
    let from = inputs.partition_point(|input| input.path < path);
    inputs[from..]
        .iter()
        .take_while(|input| input.path.starts_with(path))
        .filter(|input| is_within(input.path, path))
        .collect()
}

/// Whether a directory of the upper layer hides what lies below it.
fn is_opaque(directory: &OwnedFd) -> bool {
    let mut value = [0_u8; 4];
    fgetxattr(directory, "user.overlay.opaque", &mut value[..]).is_ok_and(|length| length > 0)
}
