//! The store of unpacked packages.
//!
//! Below the root lies `packages/`, and in it, for each package, a directory named after the sha512 of the tarball:
//!
//! ```text
//! packages/
//!   <128 hexadecimal digits>/
//!     package/…      the files
//!     manifest       their digests, written last
//!   .locks/<128 hexadecimal digits>    held while a package is being fetched
//!   .fetch-<16 digits>-…               being fetched; garbage once its process is gone
//!   .damaged-<16 digits>-…             taken out of use
//! ```
//!
//! Each use compares the name and the version in a package with what is asked for: a hash alone may be that of another package.
//!
//! A package directory appears by rename, whole, and is never written to again. The first line of the manifest names the
//! version of this layout; a directory of another version counts as damaged.

use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use webstir_engine::digest::Digest;
use webstir_engine::state_directory::StateDirectory;

use super::error::ToolchainError;
use super::manifest::Manifest;
use super::package::Package;
use super::registry::Registry;
use super::unpack::{ArchiveError, unpack};

const MANIFEST: &str = "manifest";
const FILES: &str = "package";

/// The store.
#[derive(Debug, Clone)]
pub struct Packages {
    directory: PathBuf,
}

/// Whether missing packages may be fetched.
#[derive(Debug, Clone, Copy)]
pub enum Network<'a> {
    /// From here.
    Online(&'a Registry),
    /// They may not.
    Offline,
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes so far. Falls back to 0 when an attempt failed and another one begins.
    pub received: u64,
    /// All bytes, where the server says how many there are.
    pub total: Option<u64>,
}

/// A package that is ready for use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledPackage {
    /// The directory with its files: what `package/` is in the tarball.
    pub directory: PathBuf,
    /// The digest of paths, contents and modes.
    pub digest: Digest,
}

/// How closely a package is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Every file is there with its length and mode. Made on each use.
    Sizes,
    /// Every file has its bytes, and there is no other file.
    Contents,
}

/// What is in the place of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Absent,
    /// Something that is not what was unpacked.
    Damaged,
    /// Another package, by its own `package.json`: a lockfile gave it the hash of this one.
    Another(String),
    /// The package.
    Whole(InstalledPackage),
}

impl Packages {
    /// A store below `root`, which need not exist.
    pub fn new(root: PathBuf) -> Self {
        let mut directory = root;
        directory.push("packages");
        Self { directory }
    }

    /// Where `package` is, or would be.
    pub fn place(&self, package: &Package) -> PathBuf {
        self.directory.join(package.integrity().to_hex())
    }

    /// Looks at a package.
    pub fn condition(&self, package: &Package, check: Check) -> Condition {
        let place = self.place(package);
        if fs::symlink_metadata(&place).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Condition::Absent;
        }
        let manifest = fs::read_to_string(place.join(MANIFEST)).ok().and_then(|text| Manifest::parse(&text));
        let Some(manifest) = manifest else { return Condition::Damaged };
        if !manifest.is_of(package) {
            return Condition::Another(manifest.of().to_owned());
        }
        let directory = place.join(FILES);
        let whole = match check {
            Check::Sizes => manifest.matches_sizes(&directory),
            Check::Contents => manifest.matches_contents(&directory),
        };
        if whole {
            Condition::Whole(InstalledPackage { directory, digest: manifest.digest() })
        } else {
            Condition::Damaged
        }
    }

    /// Makes `package` ready for use: fetches it when it is absent, replaces it when it is damaged. Any number of processes
    /// may ask for the same package at once; one fetches, the others wait.
    pub fn ensure(
        &self,
        package: &Package,
        network: Network<'_>,
        progress: &dyn Fn(Progress),
    ) -> Result<InstalledPackage, ToolchainError> {
        self.ensure_checked(package, Check::Sizes, network, progress)
    }

    /// [`Packages::ensure`] with a closer look at what is there.
    pub fn ensure_checked(
        &self,
        package: &Package,
        check: Check,
        network: Network<'_>,
        progress: &dyn Fn(Progress),
    ) -> Result<InstalledPackage, ToolchainError> {
        let problem = match self.condition(package, check) {
            Condition::Whole(installed) => return Ok(installed),
            Condition::Another(found) => return Err(another(package, found)),
            Condition::Absent => "does not exist",
            Condition::Damaged => "is damaged",
        };
        let Network::Online(registry) = network else {
            return Err(ToolchainError::Offline {
                name: package.name().to_owned(),
                version: package.version().to_owned(),
                path: self.place(package),
                problem,
            });
        };
        let lock = self.lock(package)?;
        // Another process may have been first.
        match self.condition(package, check) {
            Condition::Whole(installed) => return Ok(installed),
            Condition::Another(found) => return Err(another(package, found)),
            Condition::Damaged => self.quarantine(package)?,
            Condition::Absent => {}
        }
        if lock.is_some() {
            self.remove_remains(package);
        }
        self.fetch(package, registry, progress)
    }

    /// Waits until no other process fetches this package. None where the file system has no locks: then several may fetch at
    /// once, and the last rename decides.
    fn lock(&self, package: &Package) -> Result<Option<File>, ToolchainError> {
        if let Some(state) = StateDirectory::around(&self.directory) {
            state.create().map_err(ToolchainError::store("Creating", state.path()))?;
        }
        let directory = self.directory.join(".locks");
        fs::create_dir_all(&directory).map_err(ToolchainError::store("Creating", &directory))?;
        let path = directory.join(package.integrity().to_hex());
        let mut options = File::options();
        let file = options.create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(ToolchainError::store("Opening", &path))?;
        match file.lock() {
            Ok(()) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(ToolchainError::store("Locking", path)(error)),
        }
    }

    /// Moves what is in the place of `package` out of the way, and then removes it: a process that runs it keeps its files open.
    fn quarantine(&self, package: &Package) -> Result<(), ToolchainError> {
        let place = self.place(package);
        let aside = self.temporary("damaged", package)?;
        let moved = fs::rename(&place, aside.path().join("package"));
        moved.map_err(ToolchainError::store("Moving away", place))
    }

    /// Removes what processes that were killed left behind. Holding the lock means that none of them is alive.
    fn remove_remains(&self, package: &Package) {
        let suffix = format!("{}-", short(package));
        let prefixes = [format!(".fetch-{suffix}"), format!(".damaged-{suffix}")];
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if prefixes.iter().any(|prefix| name.starts_with(prefix)) {
                // Garbage that stays is only garbage.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn temporary(&self, purpose: &str, package: &Package) -> Result<tempfile::TempDir, ToolchainError> {
        let prefix = format!(".{purpose}-{}-", short(package));
        let made = tempfile::Builder::new().prefix(&prefix).tempdir_in(&self.directory);
        made.map_err(ToolchainError::store("Creating a directory in", &self.directory))
    }

    fn fetch(
        &self,
        package: &Package,
        registry: &Registry,
        progress: &dyn Fn(Progress),
    ) -> Result<InstalledPackage, ToolchainError> {
        let temporary = self.temporary("fetch", package)?;
        let tarball = temporary.path().join("tarball");
        let file = File::options().read(true).write(true).create_new(true).open(&tarball);
        let mut file = file.map_err(ToolchainError::store("Creating", &tarball))?;
        registry.download(package, &mut file, &tarball, progress)?;
        file.rewind().map_err(ToolchainError::store("Reading", &tarball))?;

        let staged = temporary.path().join("staged");
        let files = staged.join(FILES);
        fs::create_dir_all(&files).map_err(ToolchainError::store("Creating", &files))?;
        let manifest = unpack(io::BufReader::new(file), &files, registry.settings().limits)
            .map_err(|error| unpacking(package, &files, error))?;
        if !manifest.is_of(package) {
            return Err(another(package, manifest.of().to_owned()));
        }
        let record = staged.join(MANIFEST);
        fs::write(&record, manifest.print()).map_err(ToolchainError::store("Writing", &record))?;

        let place = self.place(package);
        if let Err(error) = fs::rename(&staged, &place) {
            // Without locks another process may have been first.
            return match self.condition(package, Check::Sizes) {
                Condition::Whole(installed) => Ok(installed),
                Condition::Another(found) => Err(another(package, found)),
                Condition::Absent | Condition::Damaged => Err(ToolchainError::store("Publishing", place)(error)),
            };
        }
        Ok(InstalledPackage { directory: place.join(FILES), digest: manifest.digest() })
    }
}

fn short(package: &Package) -> String {
    package.integrity().to_hex()[..16].to_owned()
}

fn another(package: &Package, found: String) -> ToolchainError {
    ToolchainError::AnotherPackage { name: package.name().to_owned(), version: package.version().to_owned(), found }
}

fn unpacking(package: &Package, directory: &Path, error: ArchiveError) -> ToolchainError {
    match error {
        ArchiveError::Write { path, source } => ToolchainError::store("Writing", directory.join(path))(source),
        source => {
            ToolchainError::Archive { name: package.name().to_owned(), version: package.version().to_owned(), source }
        }
    }
}

#[cfg(test)]
mod tests;
