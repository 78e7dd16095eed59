//! Derives what stands for the code that actions run: a digest of the locked versions of everything that this crate is built from, and
//! of our own sources among it. A cache entry of another parser, linker or engine is never taken for one of this one, and nobody has to
//! remember to raise a number.

#![expect(clippy::disallowed_methods, reason = "it runs while webstir is built, and reads our own sources")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_lock::{Lockfile, Package};

/// Our crates whose code decides what an action gives.
const OWN: [&str; 8] =
    ["engine", "contract", "script", "process", "rules", "rules/typescript", "rules/toolchain", "rules/bundler"];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut hasher = blake3::Hasher::new();
    for text in locked(&root.join("Cargo.lock")) {
        hasher.update(text.as_bytes());
        hasher.update(b"\n");
    }
    let mut sources = Vec::new();
    for name in OWN {
        let directory = root.join(name).join("src");
        println!("cargo::rerun-if-changed={}", directory.display());
        collect(&directory, &mut sources);
    }
    // The types that a check sees are compiled in.
    println!("cargo::rerun-if-changed={}", root.join("templates").display());
    sources.sort();
    for source in sources {
        let bytes = fs::read(&source).expect("a source that was listed can be read");
        let name = source.strip_prefix(&root).expect("listed below the root").to_string_lossy().into_owned();
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
    }
    println!("cargo::rustc-env=WEBSTIR_IMPLEMENTATION={}", hasher.finalize().to_hex());
}

/// Name, version and checksum of each package that this crate is built from, as they were locked.
fn locked(path: &Path) -> BTreeSet<String> {
    println!("cargo::rerun-if-changed={}", path.display());
    let lockfile = Lockfile::load(path).expect("the workspace has a lockfile");
    let find = |name: &str, version: &str| {
        lockfile.packages.iter().find(|package| package.name.as_str() == name && package.version.to_string() == version)
    };
    let own = lockfile.packages.iter().find(|package| package.name.as_str() == env!("CARGO_PKG_NAME"));
    let mut open: Vec<&Package> = own.into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(package) = open.pop() {
        let checksum = package.checksum.as_ref().map(ToString::to_string).unwrap_or_default();
        if seen.insert(format!("{} {} {checksum}", package.name, package.version)) {
            open.extend(
                package.dependencies.iter().filter_map(|next| find(next.name.as_str(), &next.version.to_string())),
            );
        }
    }
    seen
}

fn collect(directory: &Path, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory of sources can be listed") {
        let path = entry.expect("a directory of sources can be listed").path();
        if path.is_dir() {
            collect(&path, sources);
        } else {
            sources.push(path);
        }
    }
}
