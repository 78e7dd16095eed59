//! What a lockfile says about the compiler.

use std::collections::BTreeMap;

use webstir_engine::diagnostic::Diagnostic;

use super::super::document::Document;
use super::super::lockfiles::{Locked, Lockfile, Version};
use super::TYPESCRIPT;

/// The versions and hashes of `typescript` and its platform packages, as a workspace has them at its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pins {
    /// The version of `typescript` that the workspace has at its root.
    pub(super) version: String,
    /// Each package of interest by name.
    pub(super) packages: BTreeMap<String, Pin>,
}

/// One package of a lockfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) version: String,
    pub(super) integrity: Option<String>,
    pub(super) address: Option<String>,
}

/// The pins of a lockfile, told by its name; none when it does not have `typescript` at the root, or no format that says what is there.
pub(super) fn pins(document: Document<'_>) -> Result<Option<Pins>, Box<Diagnostic>> {
    let Document { path, text } = document;
    // yarn.lock does not say what lies where.
    let read = if path.file_name() == "yarn.lock" { None } else { Lockfile::read(path.file_name(), text) };
    let Some(lockfile) = read.transpose().map_err(|problem| Box::new(problem.finding(path.as_str(), Some(path))))?
    else {
        return Ok(None);
    };
    let Some(compiler) = lockfile.at_root(TYPESCRIPT) else { return Ok(None) };
    let version = match &compiler.version {
        Version::Exact(version) if compiler.name == TYPESCRIPT => version,
        _ => {
            let what = compiler.shown();
            let message = format!("`{path}` has `{what}` in place of `typescript`");
            return Err(Box::new(
                Diagnostic::error("toolchain::compiler_replaced", message)
                    .in_file(path)
                    .help("Name a version of TypeScript in `webstir.kdl` and run `webstir lock`"),
            ));
        }
    };
    // Several versions may be there; those of the root's are wanted.
    let is_wanted = |locked: &&Locked| locked.version == compiler.version;
    let packages = lockfile.names().filter(|name| is_compiler(name)).filter_map(|name| {
        let at_root = lockfile.at_root(name).into_iter();
        let locked = at_root.chain(lockfile.named(name)).filter(is_wanted).find(|locked| locked.name == name)?;
        let pin =
            Pin { version: version.clone(), integrity: locked.integrity.clone(), address: locked.address.clone() };
        Some((name.to_owned(), pin))
    });
    Ok(Some(Pins { version: version.clone(), packages: packages.collect() }))
}

/// Whether pins of `name` are of interest.
fn is_compiler(name: &str) -> bool {
    name == TYPESCRIPT || name.starts_with("@typescript/typescript-")
}

#[cfg(test)]
pub(super) mod tests;
