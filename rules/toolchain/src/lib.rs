//! The toolchain: compilers that are named exactly, fetched once and proven by hash.
//!
//! A [`Package`] is a name, a version and the sha512 of its tarball. [`resolve`] says, from texts alone, which package is the
//! TypeScript compiler of a workspace; [`Packages`] is the store in which packages lie unpacked; a [`Registry`] is where
//! missing ones come from; a [`Lock`] is `webstir.lock`; a [`Lockfile`] is that of a package manager. Planning needs only the first: the [`Integrity`] is the identity of
//! the tool, so action keys are known before anything is fetched.

#![expect(clippy::disallowed_methods, reason = "packages live on disk")]

mod builtin;
mod certificates;
mod client;
mod document;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod integrity;
mod lock;
mod lockfiles;
mod manifest;
mod npmrc;
mod package;
mod packages;
mod registry;
mod resolve;
mod settings;
mod surroundings;
#[cfg(test)]
mod testing;
mod text;
mod unpack;

pub use builtin::{BUILT_IN_VERSION, built_in, built_in_lock};
pub use document::Document;
pub use error::ToolchainError;
pub use integrity::{Integrity, InvalidIntegrity};
pub use lock::{LOCK_FILE, Lock, LockedTool, write_lock};
pub use lockfiles::{
    FoundLockfile, LOCKFILES, Locked, Lockfile, Unreadable, Version, deciding as deciding_lockfile,
    find as find_lockfile,
};
pub use package::{InvalidPackage, Package, Platform, is_exact_version};
pub use packages::{Check, Condition, InstalledPackage, Network, Packages, Progress};
pub use registry::Registry;
pub use resolve::{
    Asked, BUN, Origin, Pinned, Request, Requested, ResolvedCompiler, Runtime, Source, TYPESCRIPT, asked, bun, resolve,
};
pub use settings::{Environment, Settings};
pub use surroundings::{Installed, Surroundings, bun_package};
pub use unpack::{ArchiveError, Limits};
