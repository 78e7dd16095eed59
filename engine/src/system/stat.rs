//! What tells whether a file may have changed without reading it.
//!
//! Two equal [`Stat`]s of one path mean the same bytes, save where a change could have left no mark: time stamps are as coarse
//! as the file system's clock, so a file that was looked at within one tick of its last change is *racy*, as git says, and has to be read
//! again.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// The coarsest clock of file systems whose stamps have parts of a second, in nanoseconds.
const GRANULARITY: u64 = 20_000_000;

/// That of file systems that keep seconds only, or every other second (ext4 with small inodes, HFS+, FAT).
const COARSE: u64 = 2_000_000_000;

const SECOND: u64 = 1_000_000_000;

/// What the system says about a file or directory. Times are nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Stat {
    /// The file system.
    pub device: u64,
    /// The file within it.
    pub inode: u64,
    /// The length.
    pub bytes: u64,
    /// Type and permissions.
    pub mode: u32,
    /// When the bytes were last changed.
    pub modified: u64,
    /// When anything about it was last changed; nobody can set this one back.
    pub changed: u64,
}

impl Stat {
    /// Of an open file.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            mode: metadata.mode(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the owner may execute it.
    pub fn is_executable(&self) -> bool {
        self.mode & 0o100 != 0
    }

    /// Whether a later write may leave this stat as it is.
    pub fn is_racy_now(&self) -> bool {
        self.is_racy(now())
    }

    /// Whether a write after `now` may leave this stat as it is.
    pub fn is_racy(&self, now: u64) -> bool {
        [self.modified, self.changed].into_iter().any(|stamp| {
            // Of a finer clock one stamp in a thousand million looks like this, and is read once more than it had to be.
            let granularity = if stamp.is_multiple_of(SECOND) { COARSE } else { GRANULARITY };
            stamp.saturating_add(granularity) >= now
        })
    }
}

impl From<rustix::fs::Stat> for Stat {
    #[expect(clippy::useless_conversion, reason = "the widths differ between systems")]
    fn from(stat: rustix::fs::Stat) -> Self {
        Self {
            device: stat.st_dev.into(),
            inode: stat.st_ino.into(),
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            mode: stat.st_mode.into(),
            modified: nanoseconds(stat.st_mtime.into(), i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            changed: nanoseconds(stat.st_ctime.into(), i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
        }
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> u64 {
    u64::try_from(i128::from(seconds) * 1_000_000_000 + i128::from(rest)).unwrap_or(0)
}

/// The time, in nanoseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "stamps of files are compared with it")]
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_asking_agree() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let stat = Stat::of(&std::fs::File::create_new(&path).unwrap().metadata().unwrap());
        assert_eq!(stat, Stat::from(rustix::fs::stat(&path).unwrap()));
        assert!(stat.is_racy(now()));
        assert!(!stat.is_racy(now() + 2 * GRANULARITY + if stat.modified.is_multiple_of(SECOND) { COARSE } else { 0 }));
    }

    #[test]
    fn review_6_13_a_stamp_in_whole_seconds_is_of_a_coarse_clock() {
        let stamp = 1_700_000_000 * SECOND;
        let stat = |modified, changed| Stat { device: 1, inode: 1, bytes: 1, mode: 0, modified, changed };
        // The second write within the second, or within the two of FAT, has the same stamp.
        assert!(stat(stamp, stamp).is_racy(stamp + 900_000_000));
        assert!(stat(stamp, stamp).is_racy(stamp + SECOND + 900_000_000));
        assert!(!stat(stamp, stamp).is_racy(stamp + COARSE + 1));
        let fine = stamp + 7;
        assert!(!stat(fine, fine).is_racy(fine + GRANULARITY + 1));
        // A time that somebody set long ago says nothing about the clock.
        assert!(!stat(stamp - 1_000 * SECOND, fine).is_racy(fine + GRANULARITY + 1));
        assert!(stat(fine, stamp).is_racy(stamp + SECOND));
    }
}
