//! Writing the files of a tree.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::plan::{Fault, Input, Source, Staged};
use crate::sandbox::Tier;

/// Opens the bytes of an input that lie in a file; `None` for bytes that are at hand. Links are followed; what is no file (a named
/// pipe would never open) is none. The inner error is the workspace's, which has changed.
pub(super) fn open_source(root: &Path, input: &Input<'_>) -> Result<Option<File>, Fault> {
    let is_changed = |error: &io::Error| {
        matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO))
    };
    let path = match input.source {
        Source::Bytes(_) => return Ok(None),
        Source::Workspace => root.join(input.path),
        Source::File(path) => path.as_path().to_owned(),
    };
    let open = || -> io::Result<Option<File>> {
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
        let file = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(&path)?;
        Ok(file.metadata()?.is_file().then_some(file))
    };
    match open() {
        Ok(Some(file)) => Ok(Some(file)),
        Ok(None) if input.source == Source::Workspace => Err(Fault::InputChanged(input.path.to_owned())),
        Ok(None) => Err(Fault::io("Reading", &path.to_string_lossy(), &io::ErrorKind::InvalidInput.into())),
        Err(error) if input.source == Source::Workspace && is_changed(&error) => {
            Err(Fault::InputChanged(input.path.to_owned()))
        }
        Err(error) => Err(Fault::io("Reading", &path.to_string_lossy(), &error)),
    }
}

/// Writes an input to `place`, which is not there, in a directory that is. A copy where the file system cannot share the bytes;
/// never the file itself.
pub(super) fn write(root: &Path, input: &Input<'_>, place: &Path) -> Result<(), Fault> {
    let source = open_source(root, input)?;
    let write = || -> io::Result<()> {
        let mode = if input.executable { 0o777 } else { 0o666 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(place)?;
        match (source, &input.source) {
            (Some(mut source), from) => {
                io::copy(&mut source, &mut file)?;
                if matches!(from, Source::Workspace) {
                    // Commands that compare times find those of the workspace.
                    file.set_modified(source.metadata()?.modified()?)?;
                }
                Ok(())
            }
            (None, Source::Bytes(bytes)) => file.write_all(bytes.0),
            (None, _) => Ok(()),
        }
    };
    write().map_err(|error| Fault::io("Writing", &place.to_string_lossy(), &error))
}

/// Makes a directory, and those that it lies in.
pub(super) fn make_directory(place: &Path) -> Result<(), Fault> {
    fs::create_dir_all(place).map_err(|error| Fault::io("Making the directory", &place.to_string_lossy(), &error))
}

/// Shows a directory of packages in `tree`, which has none, where the workspace has it. In namespaces it is an empty directory, which the
/// real one is mounted over later; elsewhere it is a link, and what a program finds through it, it finds at its place in the workspace.
pub(super) fn show_packages(staged: &Staged<'_>, packages: &str, tree: &Path) -> Result<(), Fault> {
    let (target, place) = (staged.root.as_path().join(packages), tree.join(packages));
    if !target.is_dir() {
        return Ok(());
    }
    if staged.tier == Tier::Namespace {
        return make_directory(&place);
    }
    if let Some(parent) = place.parent() {
        make_directory(parent)?;
    }
    symlink(&target, &place).map_err(|error| Fault::io("Linking", &place.to_string_lossy(), &error))
}
