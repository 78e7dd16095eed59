//! Installed packages, held against the lockfile.
//!
//! The packages that a build *reached* are those of which an action read a file, the compiler, and those that its programs may load, which
//! their keys stand for. They follow from plans and results, so they are the same whether an action ran or was found in the store.
//! [`compare_with_lockfile`] says of them what the lockfile does not.

#![expect(clippy::disallowed_methods, reason = "packages and lockfiles may lie above the workspace")]

mod reached;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use webstir_engine::diagnostic::Diagnostic;
use webstir_toolchain::{Locked, Lockfile, Version, find_lockfile};

use crate::compiler::help::not_found;
use crate::place::place_of;

pub use reached::reached_packages;

/// Where packages are installed.
const PACKAGES: &str = "node_modules";

/// A package as it is installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Installed {
    name: Option<String>,
    version: Option<String>,
    /// Where it is, free of links.
    real: PathBuf,
    /// Whether it lies elsewhere than where packages are installed.
    is_linked: bool,
    /// Whether it came in the archive of another package.
    is_bundled: bool,
}

impl Installed {
    /// The package in a directory; `None` where there is none.
    fn read(directory: &Path) -> Option<Self> {
        let manifest = manifest(directory)?;
        let text = |field: &str| Some(manifest.get(field)?.as_str()?.to_owned());
        let real = fs::canonicalize(directory).ok()?;
        // The nearest package above is the one in whose `node_modules` this one lies.
        let above = directory.ancestors().skip(1).find(|above| above.file_name().is_some_and(|name| name == PACKAGES));
        let owner = above.and_then(Path::parent).filter(|owner| is_below_packages(owner));
        Some(Self {
            name: text("name"),
            version: text("version"),
            is_linked: !is_below_packages(&real),
            real,
            is_bundled: owner.and_then(self::manifest).is_some_and(|owner| bundles(&owner)),
        })
    }
}

fn is_below_packages(place: &Path) -> bool {
    place.components().any(|part| part.as_os_str() == PACKAGES)
}

fn manifest(directory: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(directory.join("package.json")).ok()?).ok()
}

/// Whether the archive of a package holds others.
fn bundles(manifest: &Value) -> bool {
    let listed = ["bundleDependencies", "bundledDependencies"].iter().filter_map(|field| manifest.get(field));
    listed.into_iter().any(|listed| match listed {
        Value::Array(names) => !names.is_empty(),
        listed => listed.as_bool() == Some(true),
    })
}

/// Adds to what a build found what is installed otherwise than the lockfile says, and that there is none. Returns whether it had anything
/// to say.
pub fn compare_with_lockfile(root: &Path, reached: &[Box<str>], diagnostics: &mut Vec<Diagnostic>) -> bool {
    let mut names: Vec<&str> = reached.iter().map(|name| &**name).collect();
    // What the workspace itself depends on comes before what that depends on, and before where it lies in a store.
    names.sort_by_key(|name| name.matches(PACKAGES).count());
    let installed = || {
        let places = names.iter().map(|name| (*name, place_of(root, name)));
        places.filter_map(|(name, place)| Some((name, Installed::read(&place)?, place)))
    };
    let is_missing = |diagnostic: &Diagnostic| not_found(diagnostic).is_some();
    if reached.is_empty() && !diagnostics.iter().any(is_missing) {
        return false;
    }
    let Some(found) = find_lockfile(root) else {
        let any = installed().find(|(_, installed, _)| !installed.is_linked);
        diagnostics.extend(any.as_ref().map(|(name, ..)| no_lockfile(root, name)));
        return any.is_some();
    };
    let shown = &found.shown;
    let path = found.path();
    let lockfile = match &found.lockfile {
        Ok(lockfile) => lockfile,
        Err(problem) => {
            let finding = problem.finding(shown, path.as_ref());
            // Who looks for the compiler in it may have said so.
            if !diagnostics.iter().any(|other| other.code == finding.code && other.message == finding.message) {
                diagnostics.push(finding);
            }
            return true;
        }
    };
    let notes = diagnostics.iter_mut().filter_map(|diagnostic| {
        let note = locked_only(root, &found.directory, lockfile, shown, not_found(diagnostic)?)?;
        diagnostic.notes.push(note);
        Some(())
    });
    let has_added = notes.count() > 0;
    let mut said = BTreeSet::new();
    let mut different = installed().filter_map(|(name, installed, place)| {
        let below = place.strip_prefix(&found.directory).ok()?.to_str()?;
        // What is nobody's to install has to be as locked only where it lies at the place of something else.
        if (installed.is_linked || installed.is_bundled) && !lockfile.has_place(below) {
            return None;
        }
        let locked = lockfile.at(below);
        let (is, says) = difference(&installed, &locked)?;
        // One package may have been reached by several links.
        said.insert(installed.real).then_some((name, is, says, locked))
    });
    let Some((place, is, says, locked)) = different.next() else { return has_added };
    let more = different.count();
    let mut finding = Diagnostic::error("packages::not_as_locked", format!("`{place}` {is}, and `{shown}` {says}"))
        .help(format!("Run `{}`", lockfile.install));
    if let Some(path) = path {
        let span = locked.first().and_then(|locked| locked.span(&found.text));
        finding = match span {
            Some(span) => finding.at(&path, span),
            None => finding.in_file(&path),
        };
    }
    if more > 0 {
        let packages = if more == 1 { "package differs" } else { "packages differ" };
        finding = finding.note(format!("{more} more {packages}"));
    }
    diagnostics.push(finding);
    true
}

fn no_lockfile(root: &Path, reached: &str) -> Diagnostic {
    let message = format!("No lockfile says which packages are installed, of which `{reached}` is used");
    let diagnostic = Diagnostic::warning("packages::no_lockfile", message);
    if root.join("bun.lockb").is_file() {
        return diagnostic
            .note("`bun.lockb` cannot be read")
            .help("Run `bun install --save-text-lockfile` and commit `bun.lock`");
    }
    diagnostic.help("Commit the lockfile that your package manager writes")
}

/// How a package differs from what may be at its place: what it is, and what the lockfile says.
fn difference(installed: &Installed, locked: &[&Locked]) -> Option<(String, String)> {
    let exact: Vec<(&Locked, &str)> = locked
        .iter()
        .filter_map(|locked| match &locked.version {
            Version::Exact(version) => Some((*locked, version.as_str())),
            Version::Linked(_) | Version::Elsewhere(_) => None,
        })
        .collect();
    // What a directory, an archive or a repository holds is not said.
    if exact.len() < locked.len() {
        return None;
    }
    if exact.is_empty() {
        return Some(("is installed".to_owned(), "does not have it".to_owned()));
    }
    let says = |texts: Vec<String>| format!("says {}", texts.join(" or "));
    let versions = |versions: &[(&Locked, &str)]| says(versions.iter().map(|(_, text)| (*text).to_owned()).collect());
    if installed.is_linked {
        return Some(("is linked from elsewhere".to_owned(), versions(&exact)));
    }
    let has_name = |locked: &Locked| installed.name.as_ref().is_none_or(|name| *name == locked.name);
    let same: Vec<_> = exact.iter().filter(|(locked, _)| has_name(locked)).copied().collect();
    if same.is_empty() {
        let name = installed.name.as_deref().unwrap_or_default();
        let names = exact.iter().map(|(locked, _)| format!("`{}`", locked.name));
        return Some((format!("is the package `{name}`"), says(names.collect())));
    }
    let version = installed.version.as_deref().unwrap_or_default();
    if same.iter().any(|(_, locked)| plain(locked) == plain(version)) {
        return None;
    }
    let is = if version.is_empty() { "has no version".to_owned() } else { format!("is version {version}") };
    Some((is, versions(&same)))
}

/// A version as registries have it.
fn plain(version: &str) -> &str {
    version.trim_start_matches(['v', '=', ' ']).split('+').next().unwrap_or_default()
}

/// That a package which is not installed is in the lockfile.
fn locked_only(root: &Path, top: &Path, lockfile: &Lockfile, shown: &str, name: &str) -> Option<String> {
    let places = root.ancestors().take_while(|directory| directory.starts_with(top));
    let places: Vec<PathBuf> = places.map(|directory| directory.join(PACKAGES).join(name)).collect();
    if places.iter().any(|place| place.exists()) {
        return None;
    }
    let mut locked = places.iter().filter_map(|place| {
        let locked = lockfile.at(place.strip_prefix(top).ok()?.to_str()?);
        locked.into_iter().find_map(|locked| match &locked.version {
            Version::Exact(version) => Some(version),
            _ => None,
        })
    });
    let version = locked.next()?;
    Some(format!("`{name}` {version} is in `{shown}`: run `{}`", lockfile.install))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(name: &str, version: &str) -> Installed {
        Installed { name: Some(name.to_owned()), version: Some(version.to_owned()), ..Installed::default() }
    }

    #[test]
    fn name_version_and_presence_are_compared() {
        let text = r#"{"packages": {
            "node_modules/zod": {"version": "3.22.4"},
            "node_modules/old": {"name": "zod", "version": "1.0.0"},
            "node_modules/lib": {"resolved": "lib", "link": true},
            "node_modules/git": {"resolved": "git+ssh://x.test/git#1"}}}"#;
        let lockfile = Lockfile::read("package-lock.json", text).unwrap().unwrap();
        let differs = |place: &str, installed: &Installed| {
            difference(installed, &lockfile.at(place)).map(|(is, says)| format!("{is}, {says}"))
        };
        let zod = |version: &str| installed("zod", version);
        for same in ["3.22.4", "v3.22.4", "3.22.4+build"] {
            assert_eq!(differs("node_modules/zod", &zod(same)), None);
        }
        assert_eq!(differs("node_modules/old", &zod("1.0.0")), None);
        for free in ["node_modules/lib", "node_modules/git"] {
            assert_eq!(differs(free, &installed("any", "9.9.9")), None);
        }
        let linked = Installed { is_linked: true, ..zod("3.22.4") };
        for (place, found, says) in [
            ("node_modules/zod", zod("3.21.0"), "is version 3.21.0, says 3.22.4"),
            ("node_modules/old", installed("old", "1.0.0"), "is the package `old`, says `zod`"),
            ("node_modules/none", zod("3.22.4"), "is installed, does not have it"),
            ("node_modules/zod", linked, "is linked from elsewhere, says 3.22.4"),
            ("node_modules/zod", Installed { version: None, ..zod("") }, "has no version, says 3.22.4"),
        ] {
            assert_eq!(differs(place, &found).as_deref(), Some(says));
        }
    }

    #[test]
    fn any_version_of_a_name_will_do_where_places_are_not_told() {
        let text = "zod@^3.0.0:\n  version \"3.22.4\"\n\nzod@^4.0.0:\n  version \"4.1.0\"\n";
        let lockfile = Lockfile::read("yarn.lock", text).unwrap().unwrap();
        let differs = |version: &str| difference(&installed("zod", version), &lockfile.at("node_modules/zod"));
        assert_eq!((differs("3.22.4"), differs("4.1.0")), (None, None));
        assert_eq!(differs("3.0.0").unwrap().1, "says 3.22.4 or 4.1.0");
    }
}
