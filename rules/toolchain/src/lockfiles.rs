//! What the lockfile of a package manager says about the compiler.
//!
//! [`Pins`] are the versions and hashes of `typescript` and its platform packages as a workspace has them at its root. A
//! lockfile is foreign text: it is only asked for names that are known beforehand, and nothing it says is a path.

mod bun;
mod npm;
mod pnpm;

use std::collections::BTreeMap;

use webstir_engine::diagnostic::{Diagnostic, Span};

use super::resolve::Document;

/// The lockfiles that can be read, in the order in which they are believed.
pub const LOCKFILES: &[&str] = &["package-lock.json", "bun.lock", "pnpm-lock.yaml"];

/// Everything that a lockfile says about `typescript`.
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

/// Why a lockfile gives no pins.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    /// The text is not of the format.
    Malformed(String, Option<Span>),
    /// What is installed under the name is not the package of that name.
    Replaced(String),
}

/// The pins of a lockfile, told by its name; none when it does not have `typescript` at the root.
pub(super) fn pins(document: Document<'_>) -> Result<Option<Pins>, Box<Diagnostic>> {
    let Document { path, text } = document;
    let result = match path.file_name() {
        "package-lock.json" => npm::pins(text),
        "bun.lock" => bun::pins(text),
        "pnpm-lock.yaml" => pnpm::pins(text),
        _ => return Ok(None),
    };
    result.map_err(|fault| {
        Box::new(match fault {
            Fault::Malformed(problem, span) => {
                let message = format!("`{path}` cannot be read: {problem}");
                let diagnostic = Diagnostic::error("toolchain::lockfile_malformed", message)
                    .help("Let the package manager write it anew, or run `webstir lock`");
                match span {
                    Some(span) => diagnostic.at(path, span),
                    None => diagnostic.in_file(path),
                }
            }
            Fault::Replaced(what) => {
                let message = format!("`{path}` has `{what}` in place of `typescript`");
                Diagnostic::error("toolchain::compiler_replaced", message)
                    .in_file(path)
                    .help("Name a version of TypeScript in `webstir.kdl` and run `webstir lock`")
            }
        })
    })
}

/// Whether pins of `name` are of interest.
fn is_compiler(name: &str) -> bool {
    name == super::resolve::TYPESCRIPT || name.starts_with("@typescript/typescript-")
}

#[cfg(test)]
pub(super) mod tests;
