//! The record of an unpacked package: every file, its digest, its length and whether it may be executed.
//!
//! The text form is one file a line, sorted by path, between a head and a last line with the digest of all the others.
//! A manifest is written after everything it names, and a text that was cut or altered is not a manifest.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use webstir_engine::digest::{Digest, KeyHasher};
use webstir_engine::path::RelPath;

const HEAD: &str = "webstir package 1";

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct File {
    /// Below the directory of the package.
    pub(super) path: RelPath,
    pub(super) digest: Digest,
    pub(super) bytes: u64,
    pub(super) executable: bool,
}

/// All files of a package, sorted by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest(Vec<File>);

impl Manifest {
    /// Sorts the files.
    pub(super) fn new(mut files: Vec<File>) -> Self {
        files.sort();
        Self(files)
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn files(&self) -> &[File] {
        &self.0
    }

    /// The digest of paths, contents and modes: the same for every unpacking of the same tarball.
    pub(super) fn digest(&self) -> Digest {
        let mut hasher = KeyHasher::new("webstir package v1");
        for file in &self.0 {
            hasher.text(file.path.as_str()).digest(file.digest).number(u64::from(file.executable)).number(file.bytes);
        }
        hasher.finish()
    }

    /// The text form.
    pub(super) fn print(&self) -> String {
        let mut text = format!("{HEAD}\n");
        for file in &self.0 {
            let mode = if file.executable { 'x' } else { '-' };
            writeln!(text, "{} {} {mode} {}", file.digest, file.bytes, file.path.as_str())
                .expect("writing to a text does not fail");
        }
        writeln!(text, "{}", self.digest()).expect("writing to a text does not fail");
        text
    }

    /// Reads the text form; none when it is not whole.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != HEAD {
            return None;
        }
        let digest: Digest = lines.next_back()?.parse().ok()?;
        let files = lines.map(|line| {
            let mut fields = line.splitn(4, ' ');
            let (file_digest, bytes) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            let executable = match fields.next()? {
                "x" => true,
                "-" => false,
                _ => return None,
            };
            let path = fields.next()?;
            let path = RelPath::new(path).ok().filter(|normal| normal.as_str() == path && !path.is_empty())?;
            Some(File { path, digest: file_digest, bytes, executable })
        });
        let manifest = Self(files.collect::<Option<_>>()?);
        (manifest.digest() == digest).then_some(manifest)
    }

    /// Whether every file is there with its length and mode. Costs one look at each file, reads none.
    pub(super) fn matches_sizes(&self, directory: &Path) -> bool {
        self.0.iter().all(|file| {
            fs::symlink_metadata(directory.join(file.path.as_str())).is_ok_and(|found| {
                found.is_file() && found.len() == file.bytes && mode_matches(&found, file.executable)
            })
        })
    }

    /// Whether every file has its bytes, and there is no other.
    pub(super) fn matches_contents(&self, directory: &Path) -> bool {
        let same = |file: &File| {
            fs::read(directory.join(file.path.as_str())).is_ok_and(|bytes| Digest::of(&bytes) == file.digest)
        };
        self.matches_sizes(directory) && self.0.iter().all(same) && count(directory) == Some(self.0.len())
    }
}

fn mode_matches(found: &fs::Metadata, executable: bool) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    (found.permissions().mode() & 0o100 != 0) == executable
}

/// How many things below `directory` are not directories.
fn count(directory: &Path) -> Option<usize> {
    let mut found = 0;
    for entry in fs::read_dir(directory).ok()? {
        let entry = entry.ok()?;
        found += if entry.file_type().ok()?.is_dir() { count(&entry.path())? } else { 1 };
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest() -> Manifest {
        let file = |path, bytes: &[u8], executable| File {
            path: RelPath::new(path).unwrap(),
            digest: Digest::of(bytes),
            bytes: bytes.len() as u64,
            executable,
        };
        Manifest::new(vec![file("lib/tsc", b"program", true), file("a file.txt", b"", false)])
    }

    #[test]
    fn round_trip() {
        assert_eq!(Manifest::parse(&manifest().print()), Some(manifest()));
        assert_eq!(Manifest::parse(&Manifest::new(Vec::new()).print()), Some(Manifest::new(Vec::new())));
    }

    #[test]
    fn a_cut_text_is_no_manifest() {
        let text = manifest().print();
        for end in 0..text.len() {
            assert_eq!(Manifest::parse(&text[..end]), None, "{end}");
        }
    }

    #[test]
    fn paths_stay_inside() {
        for path in ["../x", "/x", "a/../b", "a//b", ""] {
            let text = format!("{HEAD}\n{} 0 - {path}\n{}\n", Digest::of(b""), Digest::of(b""));
            assert_eq!(Manifest::parse(&text), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_damage_is_read(at in 0_usize..400, byte in 0x20_u8..0x7f) {
            let text = manifest().print();
            let mut bytes = text.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let damaged = String::from_utf8(bytes).unwrap();
            // Hexadecimal digits are read in either case.
            prop_assume!(!damaged.eq_ignore_ascii_case(&text));
            prop_assert_eq!(Manifest::parse(&damaged), None);
        }

        #[test]
        fn no_text_panics(text in ".*") {
            prop_assert_eq!(Manifest::parse(&text), None);
        }
    }
}
