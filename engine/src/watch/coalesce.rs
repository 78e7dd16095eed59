//! Putting events together that belong together.
//!
//! A save is several events, a checkout hundreds. A [`Batch`] is due once nothing came for a moment: a short one after a file was closed,
//! a longer one while somebody may still be writing, and in any case after a while, so that a stream of events holds nothing up.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};

use super::{Changes, Names};
use crate::path::RelPath;

/// After the last event of files that are whole.
const QUIET: Duration = Duration::from_millis(2);
/// While a file is open for writing, and between the many events of a checkout.
const BUSY: Duration = Duration::from_millis(40);
/// After the first event.
const LONGEST: Duration = Duration::from_millis(400);
/// As many paths are a checkout rather than a save.
const MANY: usize = 30;
/// More paths than these are not worth to be told apart.
const MOST: usize = 20_000;

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing that matters.
    Nothing,
    /// Events were lost.
    Lost,
    /// Bytes are being written, and the end of it is told by another event.
    Writing(Vec<PathBuf>),
    /// Bytes were written.
    Written(Vec<PathBuf>),
    /// Something came, went or moved.
    Moved(Vec<PathBuf>),
}

impl Seen {
    pub(super) fn of(event: notify::Result<notify::Event>) -> Self {
        // An error is about some directory, which may have gone without a word.
        let Ok(event) = event else { return Self::Lost };
        if event.need_rescan() {
            return Self::Lost;
        }
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Self::Written(event.paths),
            EventKind::Access(_) => Self::Nothing,
            // Where closing is told, writing is only the beginning.
            EventKind::Modify(ModifyKind::Data(_)) if cfg!(target_os = "linux") => Self::Writing(event.paths),
            EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_)) => Self::Written(event.paths),
            _ => Self::Moved(event.paths),
        }
    }

    /// A file that was emptied is most likely about to be written.
    fn doubted(self) -> Self {
        match self {
            Self::Written(paths) if paths.iter().any(|path| is_empty(path)) => Self::Writing(paths),
            seen => seen,
        }
    }
}

fn is_empty(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
}

/// Events that are told together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    paths: BTreeSet<RelPath>,
    moved: BTreeSet<RelPath>,
    lost: bool,
    first: Option<Instant>,
    last: Option<Instant>,
    /// Files that are being written.
    open: BTreeSet<PathBuf>,
}

impl Batch {
    pub(super) fn take(&mut self, seen: Seen, names: &Names) {
        let seen = seen.doubted();
        let (paths, moved) = match &seen {
            Seen::Nothing => return,
            Seen::Lost => {
                self.lost = true;
                (&[][..], false)
            }
            Seen::Writing(paths) => {
                self.open.extend(paths.iter().cloned());
                (&paths[..], false)
            }
            Seen::Written(paths) => (&paths[..], false),
            Seen::Moved(paths) => (&paths[..], true),
        };
        for path in paths {
            if !matches!(&seen, Seen::Writing(_)) {
                self.open.remove(path);
            }
            for path in names.of(path, moved) {
                if moved {
                    // What is in a directory changed with what came or went.
                    self.paths.extend(path.parent());
                    self.moved.insert(path);
                } else {
                    self.paths.insert(path);
                }
            }
        }
        self.lost |= self.paths.len() + self.moved.len() > MOST;
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    /// When what was gathered is to be reported.
    pub(super) fn due(&self) -> Option<Instant> {
        let (first, last) = (self.first?, self.last?);
        let pause = if self.open.is_empty() && self.paths.len() + self.moved.len() < MANY { QUIET } else { BUSY };
        Some((last + pause).min(first + LONGEST))
    }

    /// What was gathered.
    pub(super) fn finish(&mut self) -> Option<Changes> {
        self.first.take()?;
        let Self { paths, moved, lost, .. } = std::mem::take(self);
        Some(if lost { Changes::Everything } else { Changes::Some { paths, moved } })
    }
}
