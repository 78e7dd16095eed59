//! What the machine tells of the compiler: what is installed, what is locked, and which Bun fits.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use webstir_engine::digest::{Digest, KeyHasher};
use webstir_toolchain::{
    Installed, Pinned, Platform, Runtime, Surroundings, TYPESCRIPT, bun_package, deciding_lockfile, is_exact_version,
};

use super::closure::{files, place, resolve};
use super::evidence::{Evidence, Looker};
use crate::place::seen_from;

/// The name of the account: a JSON document of [`Surroundings`].
pub(crate) const ACCOUNT: &str = TYPESCRIPT;

/// The packages below `@types` that declare global names of which a finding may be, sorted.
pub(crate) const TYPES: &[&str] = &["bun", "jest", "jquery", "mocha", "node"];

/// What is told, each part with what it was concluded from: the files of a compiler are many, and what says which lockfile counts changes
/// more often.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Told {
    installed: Concluded<Option<Installed>>,
    lockfile: Concluded<Option<Pinned>>,
    types: Concluded<Vec<Box<str>>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Concluded<T> {
    evidence: Evidence,
    conclusion: T,
}

impl<T> Concluded<T> {
    /// What was concluded before, if that still holds; else it is concluded again, and `any` says so.
    fn again(before: Option<Self>, any: &mut bool, conclude: impl FnOnce(&mut Looker) -> T) -> Self {
        if let Some(before) = before.filter(|before| before.evidence.holds()) {
            return before;
        }
        *any = true;
        let mut looker = Looker::default();
        let conclusion = conclude(&mut looker);
        Self { evidence: looker.evidence(), conclusion }
    }
}

impl Told {
    /// What is so now of the workspace at `root`, whose packages are installed in the one at `installed_in`; and whether any of it was
    /// concluded anew.
    pub(super) fn now(before: Option<Self>, root: &Path, installed_in: &Path) -> (Self, bool) {
        let (before_installed, before_lockfile, before_types) =
            before.map_or((None, None, None), |told| (Some(told.installed), Some(told.lockfile), Some(told.types)));
        let mut any = false;
        let told = Self {
            installed: Concluded::again(before_installed, &mut any, |looker| installed(looker, installed_in)),
            lockfile: Concluded::again(before_lockfile, &mut any, |looker| {
                // Looked at before it is read: what changes meanwhile shows.
                for path in deciding_lockfile(root) {
                    // Git changes its directory all the time.
                    if path.ends_with(".git") {
                        looker.is_there(&path)
                    } else {
                        looker.look(&path).is_some()
                    };
                }
                Pinned::of(root)
            }),
            types: Concluded::again(before_types, &mut any, |looker| {
                TYPES.iter().filter_map(|name| type_package_outside(looker, root, name)).collect()
            }),
        };
        (told, any)
    }

    /// All of it. `is_elsewhere` says that the packages of another checkout stand for those of the workspace, which they do as far as its
    /// lockfile has the same.
    pub(super) fn surroundings(&self, is_elsewhere: bool) -> Surroundings {
        let lockfile = self.lockfile.conclusion.clone();
        let locked = lockfile.as_ref().and_then(Pinned::version).filter(|_| is_elsewhere);
        let installed = self.installed.conclusion.clone();
        let installed = installed.filter(|installed| locked.is_none_or(|locked| *installed.version == *locked));
        Surroundings { installed, lockfile, bun: bun_package(), types: self.types.conclusion.clone() }
    }
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
