//! A compiler: how its files are had, what runs it and where the choice came from.

use std::fmt;

use nodejs_semver::Version;
use serde::{Deserialize, Serialize};
use webstir_engine::digest::{Digest, KeyHasher};
use webstir_engine::path::RelPath;

use super::super::package::{Package, Platform};
use super::super::surroundings::Installed;
use super::TYPESCRIPT;

/// What runs the compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Runtime {
    /// Nothing: it is a program of the platform.
    Native,
    /// It is JavaScript and needs Node or Bun.
    Script,
}

impl Runtime {
    /// That of a version of TypeScript.
    pub fn of(version: &str) -> Self {
        match Version::parse(version) {
            Ok(version) if version.major() < 7 => Self::Script,
            _ => Self::Native,
        }
    }

    /// The file to run, or to have run, below the directory of the package that holds it.
    pub fn executable(self, platform: Platform) -> &'static str {
        match self {
            Self::Script => "lib/tsc.js",
            Self::Native if platform.os == "win32" => "lib/tsc.exe",
            Self::Native => "lib/tsc",
        }
    }

    /// The name of that package: since TypeScript 7 `typescript` only finds the native package of the platform.
    pub fn package(self, platform: Platform) -> String {
        match self {
            Self::Script => TYPESCRIPT.to_owned(),
            Self::Native => format!("@typescript/typescript-{platform}"),
        }
    }
}

/// Where version and integrity came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// `webstir.lock`.
    Lock(RelPath),
    /// What is installed, as it is named from the workspace.
    Installed(Box<str>),
    /// The lockfile of a package manager, as it is named from the workspace.
    Lockfile(Box<str>),
    /// The table in this program.
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock(path) => write!(f, "`{path}`"),
            Self::Installed(shown) | Self::Lockfile(shown) => write!(f, "`{shown}`"),
            Self::BuiltIn => f.write_str("the versions known to webstir"),
        }
    }
}

/// How the files of a compiler are had.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    /// This package is fetched.
    Fetched(Package),
    /// They are there.
    Installed(Installed),
}

/// The compiler of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResolvedCompiler {
    /// How its files are had.
    pub source: Source,
    /// What runs it.
    pub runtime: Runtime,
    /// Where version and integrity came from. Not part of the identity.
    pub origin: Origin,
    /// That of this program.
    #[serde(skip, default = "Platform::current")]
    pub(super) platform: Platform,
}

impl ResolvedCompiler {
    /// The identity of the compiler for action keys, known without fetching it.
    pub fn digest(&self) -> Digest {
        match &self.source {
            Source::Fetched(package) => package.digest(),
            Source::Installed(installed) => KeyHasher::new("webstir installed compiler v1")
                .text(&installed.version)
                .digest(installed.digest)
                .finish(),
        }
    }

    /// The version of TypeScript.
    pub fn version(&self) -> &str {
        match &self.source {
            Source::Fetched(package) => package.version(),
            Source::Installed(installed) => &installed.version,
        }
    }

    /// The file to run, or to have run, below the directory of the package.
    pub fn executable(&self) -> &'static str {
        self.runtime.executable(self.platform)
    }
}
