//! Packages and platforms.
//!
//! A [`Package`] is checked when it is made: its name and version hold no character that could change an address or a path
//! built from them. A [`Platform`] is an operating system and a processor in the words of npm.

use std::fmt;

use serde::{Deserialize, Serialize};
use webstir_engine::digest::{Digest, KeyHasher};

use super::integrity::Integrity;

/// One npm package, exactly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Shape")]
pub struct Package {
    name: Box<str>,
    version: Box<str>,
    integrity: Integrity,
    resolved: Option<Box<str>>,
}

/// A package as it is read, not checked yet.
#[derive(Deserialize)]
struct Shape {
    name: String,
    version: String,
    integrity: Integrity,
    resolved: Option<String>,
}

impl TryFrom<Shape> for Package {
    type Error = InvalidPackage;

    fn try_from(shape: Shape) -> Result<Self, InvalidPackage> {
        Ok(Self::new(&shape.name, &shape.version, shape.integrity)?.resolved(shape.resolved.as_deref()))
    }
}

/// A name or a version that npm would not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPackage {
    /// The name.
    #[error("`{0}` is not the name of a package")]
    Name(String),
    /// The version.
    #[error("`{0}` is not an exact version")]
    Version(String),
}

impl Package {
    /// Checks name and version.
    pub fn new(name: &str, version: &str, integrity: Integrity) -> Result<Self, InvalidPackage> {
        if !is_package_name(name) {
            return Err(InvalidPackage::Name(name.to_owned()));
        }
        if !is_exact_version(version) {
            return Err(InvalidPackage::Version(version.to_owned()));
        }
        Ok(Self { name: name.into(), version: version.into(), integrity, resolved: None })
    }

    /// Adds the address that a lockfile gives. It is used only when it lies at the configured registry.
    #[must_use]
    pub fn resolved(mut self, address: Option<&str>) -> Self {
        self.resolved = address.map(Into::into);
        self
    }

    /// The name, with its scope.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The exact version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The hash of the tarball.
    pub fn integrity(&self) -> Integrity {
        self.integrity
    }

    /// The address that a lockfile gave.
    pub(super) fn address(&self) -> Option<&str> {
        self.resolved.as_deref()
    }

    /// The identity of the tool for action keys: name, version and integrity. Known without fetching.
    pub fn digest(&self) -> Digest {
        KeyHasher::new("webstir tool v1").text(&self.name).text(&self.version).bytes(self.integrity.as_bytes()).finish()
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// Whether `name` is `name` or `@scope/name` of lower and upper case letters, digits, `-`, `.`, `_` and `~`, neither part
/// starting with a dot.
pub(super) fn is_package_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    name.len() <= 214
        && match name.strip_prefix('@') {
            Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| part(scope) && part(name)),
            None => part(name),
        }
}

/// Whether `version` is `major.minor.patch` with an optional prerelease and build, and nothing else.
pub fn is_exact_version(version: &str) -> bool {
    let (numbers, rest) = match version.find(['-', '+']) {
        Some(end) => (&version[..end], Some(&version[end + 1..])),
        None => (version, None),
    };
    let mut parts = 0;
    for part in numbers.split('.') {
        parts += 1;
        if part.is_empty() || part.len() > 10 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
    }
    let label = |rest: &str| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.+".contains(&byte))
    };
    parts == 3 && version.len() <= 256 && rest.is_none_or(label)
}

/// An operating system and a processor, as npm's `os` and `cpu` name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// For example `linux`, `darwin` or `win32`.
    pub os: &'static str,
    /// For example `x64` or `arm64`.
    pub cpu: &'static str,
}

impl Platform {
    /// The platform this program was built for.
    pub const fn current() -> Self {
        Self { os: OS, cpu: CPU }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.os, self.cpu)
    }
}

const OS: &str = if cfg!(target_os = "macos") {
    "darwin"
} else if cfg!(target_os = "windows") {
    "win32"
} else if cfg!(any(target_os = "solaris", target_os = "illumos")) {
    "sunos"
} else {
    std::env::consts::OS
};

const CPU: &str = if cfg!(target_arch = "x86_64") {
    "x64"
} else if cfg!(target_arch = "aarch64") {
    "arm64"
} else if cfg!(target_arch = "x86") {
    "ia32"
} else if cfg!(target_arch = "powerpc64") {
    "ppc64"
} else if cfg!(target_arch = "loongarch64") {
    "loong64"
} else if cfg!(all(target_arch = "mips64", target_endian = "little")) {
    "mips64el"
} else {
    std::env::consts::ARCH
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["typescript", "@typescript/typescript-linux-x64", "JSONStream", "lodash.merge"] {
            assert!(is_package_name(name), "{name}");
        }
        for name in
            ["", ".", "..", "../x", "a/b", "@a", "@a/", "@/b", "@a/../b", "@a/b/c", "a b", "a?b", "a:b", "a%2fb"]
        {
            assert!(!is_package_name(name), "{name}");
        }
    }

    #[test]
    fn versions() {
        for version in ["7.0.2", "7.1.0-beta", "7.1.0-dev.20261020.1", "1.0.0+build"] {
            assert!(is_exact_version(version), "{version}");
        }
        for version in ["", "7", "7.0", "^7.0.2", "7.0.2/../x", "latest", "7.0.x", "7.0.2-", "7.0.2 ", "7.0.2.1"] {
            assert!(!is_exact_version(version), "{version}");
        }
    }

    #[test]
    fn the_digest_is_of_name_version_and_integrity_only() {
        let package = |name, version, bytes| Package::new(name, version, Integrity::of(bytes)).unwrap();
        let one = package("a", "1.0.0", b"x");
        assert_eq!(one.digest(), one.clone().resolved(Some("https://mirror.test/a.tgz")).digest());
        assert_ne!(one.digest(), package("a", "1.0.1", b"x").digest());
        assert_ne!(one.digest(), package("b", "1.0.0", b"x").digest());
        assert_ne!(one.digest(), package("a", "1.0.0", b"y").digest());
    }
}
