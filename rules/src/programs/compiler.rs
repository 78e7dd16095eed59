//! What the machine tells of the compiler: what is installed, what is locked, and which Bun fits.

use std::fs;
use std::path::Path;

use serde_json::Value;
use webstir_engine::digest::{Digest, KeyHasher};
use webstir_toolchain::{
    Installed, Pinned, Platform, Runtime, Surroundings, TYPESCRIPT, bun_package, deciding_lockfile, is_exact_version,
};

use super::closure::{files, place, resolve};
use super::evidence::Looker;
use crate::compiler::help::TYPES;
use crate::installed::seen_from;

/// The name of the account: a JSON document of [`Surroundings`].
pub(crate) const ACCOUNT: &str = TYPESCRIPT;

/// What lies around the workspace at `root`, whose packages are installed in the one at `installed_in`.
pub(super) fn surroundings(looker: &mut Looker, root: &Path, installed_in: &Path) -> Surroundings {
    // Looked at before it is read: what changes meanwhile shows.
    deciding_lockfile(root).for_each(|path| {
        looker.look(&path);
    });
    let lockfile = Pinned::of(root);
    // A revision has no packages of its own. Those of this checkout stand for them as far as its lockfile has the same.
    let locked = lockfile.as_ref().and_then(Pinned::version).filter(|_| root != installed_in);
    let installed = installed(looker, installed_in);
    let installed = installed.filter(|installed| locked.is_none_or(|locked| *installed.version == *locked));
    let types = TYPES.iter().filter_map(|name| type_package_outside(looker, root, name)).collect();
    Surroundings { installed, lockfile, bun: bun_package(), types }
}

/// The place of a package below `@types` that is no file of the workspace: it lies above, or a link leads there.
fn type_package_outside(looker: &mut Looker, root: &Path, name: &str) -> Option<Box<str>> {
    let place = place(looker, root, &format!("@types/{name}"))?;
    let is_inside = fs::canonicalize(&place).is_ok_and(|real| real.starts_with(root));
    seen_from(root, &place).filter(|_| !is_inside)
}

/// What Node finds as `typescript` from the workspace, or from above it. An installation that cannot be run is none.
fn installed(looker: &mut Looker, root: &Path) -> Option<Installed> {
    let place = place(looker, root, TYPESCRIPT)?;
    let shown = seen_from(root, &place)?;
    let real = fs::canonicalize(&place).ok()?;
    let (name, version) = own_name(looker, &real)?;
    if &*name != TYPESCRIPT {
        return Some(Installed { name, version, shown, packages: Vec::new(), digest: Digest::of(b"") });
    }
    let (platform, runtime) = (Platform::current(), Runtime::of(&version));
    let packages = match runtime {
        Runtime::Script => vec![real],
        Runtime::Native => {
            let native = resolve(looker, &real, &runtime.package(platform))?;
            if own_name(looker, &native)?.1 != version {
                return None;
            }
            vec![real, native]
        }
    };
    let executable = packages.last()?.join(runtime.executable(platform));
    match runtime {
        Runtime::Script => looker.look(&executable).map(drop),
        Runtime::Native => looker.program(&executable).map(drop),
    }?;
    let mut hasher = KeyHasher::new("webstir installed packages v1");
    for package in &packages {
        hasher.digest(files(looker, package));
    }
    Some(Installed { name, version, shown, packages, digest: hasher.finish() })
}

/// The name and the version in the `package.json` of a package.
fn own_name(looker: &mut Looker, package: &Path) -> Option<(Box<str>, Box<str>)> {
    let manifest: Value = serde_json::from_slice(&looker.read(&package.join("package.json"))?).ok()?;
    let field = |name: &str| Some(Box::from(manifest.get(name)?.as_str()?));
    let (name, version): (Box<str>, Box<str>) = (field("name")?, field("version")?);
    is_exact_version(&version).then_some((name, version))
}
