//! The record of an unpacked package: what its `package.json` calls it, and every file, its digest, its length and its mode.
//!
//! The text form is a head, the name and version, one file a line, sorted by path, and a last line with the digest of all the others.
//! A manifest is written after everything it names, and a text that was cut or altered is not a manifest.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use webstir_engine::digest::{Digest, KeyHasher};
use webstir_engine::path::RelPath;

use super::package::Package;

const HEAD: &str = "webstir package 2";

/// All bits that a mode may have.
pub(super) const ALLOWED: u32 = 0o755;

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct File {
    /// Below the directory of the package.
    pub(super) path: RelPath,
    pub(super) digest: Digest,
    pub(super) bytes: u64,
    /// The bits of its permissions.
    pub(super) mode: u32,
}

/// All files of a package, sorted by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Its own `name@version`; empty where it says neither.
    of: String,
    files: Vec<File>,
}

impl Manifest {
    /// Sorts the files. `of` is of one line.
    pub(super) fn new(of: String, mut files: Vec<File>) -> Self {
        files.sort();
        Self { of, files }
    }

    /// What the package calls itself.
    pub(super) fn of(&self) -> &str {
        &self.of
    }

    /// Whether it is the package that it is taken for. What follows a `+` is no part of a version to a registry.
    pub(super) fn is_of(&self, package: &Package) -> bool {
        let plain = |text: &str| text.split('+').next().unwrap_or_default().to_owned();
        plain(&self.of) == plain(&package.to_string())
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    /// The digest of name, paths, contents and modes: the same for every unpacking of the same tarball.
    pub(super) fn digest(&self) -> Digest {
        let mut hasher = KeyHasher::new("webstir package v2");
        hasher.text(&self.of);
        for file in &self.files {
            hasher.text(file.path.as_str()).digest(file.digest).number(u64::from(file.mode)).number(file.bytes);
        }
        hasher.finish()
    }

    /// The text form.
    pub(super) fn print(&self) -> String {
        let mut text = format!("{HEAD}\n{}\n", self.of);
        for file in &self.files {
            writeln!(text, "{} {} {:o} {}", file.digest, file.bytes, file.mode, file.path.as_str())
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
        let of = lines.next()?.to_owned();
        let digest: Digest = lines.next_back()?.parse().ok()?;
        let files = lines.map(|line| {
            let mut fields = line.splitn(4, ' ');
            let (file_digest, bytes) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            let mode = u32::from_str_radix(fields.next()?, 8).ok().filter(|mode| mode & !ALLOWED == 0)?;
            let path = fields.next()?;
            let path = RelPath::new(path).ok().filter(|normal| normal.as_str() == path && !path.is_empty())?;
            Some(File { path, digest: file_digest, bytes, mode })
        });
        let manifest = Self { of, files: files.collect::<Option<_>>()? };
        (manifest.digest() == digest).then_some(manifest)
    }

    /// Whether every file is there with its length and mode. Costs one look at each file, reads none.
    pub(super) fn matches_sizes(&self, directory: &Path) -> bool {
        self.files.iter().all(|file| {
            fs::symlink_metadata(directory.join(file.path.as_str()))
                .is_ok_and(|found| found.is_file() && found.len() == file.bytes && mode_matches(&found, file.mode))
        })
    }

    /// Whether every file has its bytes, and there is no other.
    pub(super) fn matches_contents(&self, directory: &Path) -> bool {
        let same = |file: &File| {
            fs::read(directory.join(file.path.as_str())).is_ok_and(|bytes| Digest::of(&bytes) == file.digest)
        };
        self.matches_sizes(directory) && self.files.iter().all(same) && count(directory) == Some(self.files.len())
    }
}

/// Whether the owner may execute both or neither: not every file system keeps the other bits.
fn mode_matches(found: &fs::Metadata, mode: u32) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    (found.permissions().mode() ^ mode) & 0o100 == 0
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
        let file = |path, bytes: &[u8], mode| File {
            path: RelPath::new(path).unwrap(),
            digest: Digest::of(bytes),
            bytes: bytes.len() as u64,
            mode,
        };
        let files = vec![file("lib/tsc", b"program", 0o744), file("a file.txt", b"", 0o644)];
        Manifest::new("@scope/tool@1.2.3+build".to_owned(), files)
    }

    #[test]
    fn round_trip() {
        assert_eq!(Manifest::parse(&manifest().print()), Some(manifest()));
        assert_eq!(
            Manifest::parse(&Manifest::new(String::new(), Vec::new()).print()),
            Some(Manifest::new(String::new(), Vec::new()))
        );
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
            let text = format!("{HEAD}\n\n{} 0 644 {path}\n{}\n", Digest::of(b""), Digest::of(b""));
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
