//! Whether a command left an input as it was.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::files::open_source;
use crate::plan::{Fault, Input, Source};

/// Whether the file at `place` in the tree is not what `input` is: other bytes, another executable bit, no file, nothing.
pub(super) fn is_changed(root: &Path, input: &Input<'_>, place: &Path, executable: bool) -> Result<bool, Fault> {
    let metadata = match place.symlink_metadata() {
        Ok(metadata) if metadata.is_file() => metadata,
        _ => return Ok(true),
    };
    if executable != (metadata.permissions().mode() & 0o100 != 0) {
        return Ok(true);
    }
    let Ok(left) = File::open(place) else { return Ok(true) };
    let same = match (open_source(root, input), &input.source) {
        (Ok(Some(source)), _) => {
            // The size of the workspace's file is not asked for: it may be growing.
            is_same(left, source)
        }
        (Ok(None), Source::Bytes(bytes)) => {
            if metadata.len() != bytes.0.len() as u64 {
                return Ok(true);
            }
            is_same(left, bytes.0)
        }
        // The workspace changed meanwhile, which is found elsewhere.
        (Ok(None) | Err(Fault::InputChanged(_)), _) => return Ok(false),
        (Err(fault), _) => return Err(fault),
    };
    same.map(|same| !same).map_err(|error| Fault::io("Reading", &place.to_string_lossy(), &error))
}

fn is_same(left: impl io::Read, right: impl io::Read) -> io::Result<bool> {
    let (mut left, mut right) = (BufReader::with_capacity(64 << 10, left), BufReader::with_capacity(64 << 10, right));
    let mut ours = [0; 4096];
    let mut theirs = [0; 4096];
    loop {
        let read = left.read(&mut ours)?;
        if read == 0 {
            return Ok(right.read(&mut theirs[..1])? == 0);
        }
        match right.read_exact(&mut theirs[..read]) {
            Ok(()) if ours[..read] == theirs[..read] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}
