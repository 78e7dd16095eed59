//! The packages that a build reached, by their places.
//!
//! A place is named from the workspace root, and may lie above it: `../node_modules/a`. So it means the same where a workspace is moved.

use std::collections::BTreeSet;
use std::path::Path;

use webstir_engine::action::{Action, ActionResult, Origin, Tool};
use webstir_engine::discovered::DiscoveredInput;
use webstir_engine::schedule::Run;

use super::{PACKAGES, is_below_packages};
use crate::compiler;
use crate::place::seen_from;
use crate::programs::Programs;

/// The places of all packages that a build reached, sorted.
pub fn reached_packages(root: &Path, run: &Run, programs: &Programs) -> Vec<Box<str>> {
    let mut reached = BTreeSet::new();
    let mut loaded_by = BTreeSet::new();
    let mut compilers = BTreeSet::new();
    for step in run.plans.values().flat_map(|plan| &plan.steps) {
        reached.extend(read(&step.action, step.result.as_deref()));
        if let Tool::Program(program) | Tool::Package(_, Some(program)) = &step.action.tool {
            loaded_by.insert(&program.wanted);
        }
        if let Tool::Package(package, _) = &step.action.tool {
            compilers.extend(compiler::installed(package));
        }
    }
    let mut reached: BTreeSet<Box<str>> = reached.into_iter().map(Box::from).collect();
    reached.extend(compilers.iter().filter_map(|place| seen_from(root, place)));
    for place in loaded_by.into_iter().flat_map(|wanted| programs.packages_of(wanted)) {
        reached.extend(seen_from(root, &place).filter(|_| is_below_packages(&place)));
    }
    reached.into_iter().collect()
}

/// The packages of which an action read a file.
fn read<'a>(action: &'a Action, result: Option<&'a ActionResult>) -> impl Iterator<Item = &'a str> {
    let declared = action.inputs.iter().filter(|input| input.origin == Origin::Workspace).map(|input| &input.path);
    let discovered = result.into_iter().flat_map(|result| result.discovered.iter());
    let discovered = discovered
        .filter(|(_, input)| matches!(input, DiscoveredInput::Content(Some(_)) | DiscoveredInput::Derived(..)));
    declared.chain(discovered.map(|(path, _)| path)).filter_map(|path| package_of(path.as_str()))
}

/// The place of the package that a file belongs to.
fn package_of(file: &str) -> Option<&str> {
    let at = file.rfind("node_modules/").filter(|&at| at == 0 || file[..at].ends_with('/'))?;
    let name = at + PACKAGES.len() + 1;
    let parts = if file[name..].starts_with('@') { 2 } else { 1 };
    let (end, _) = file[name..].match_indices('/').nth(parts - 1)?;
    (!file[name..].starts_with('.')).then(|| &file[..name + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_package_of_the_last_directory() {
        for (file, place) in [
            ("node_modules/a/package.json", Some("node_modules/a")),
            ("node_modules/@s/a/lib/x.js", Some("node_modules/@s/a")),
            ("x/node_modules/a/node_modules/b/y.js", Some("x/node_modules/a/node_modules/b")),
            ("node_modules/.pnpm/a@1.0.0/node_modules/a/y.js", Some("node_modules/.pnpm/a@1.0.0/node_modules/a")),
            ("node_modules/.package-lock.json", None),
            ("node_modules/.bin/a", None),
            ("node_modules/a.js", None),
            ("node_modules/@s/a", None),
            ("src/my_node_modules/a/y.js", None),
            ("src/a.ts", None),
        ] {
            assert_eq!(package_of(file), place, "{file}");
        }
    }
}
