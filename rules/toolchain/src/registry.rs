//! A registry: where tarballs and their hashes come from.
//!
//! Nothing is read or connected to before the first question. What a registry says is believed in one place only, when
//! `webstir.lock` is written; everything fetched afterwards is held against that.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nodejs_semver::{Range, Version};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use sha2::{Digest as _, Sha512};
use url::Url;

use super::certificates;
use super::client::{Body, Client, Failure, Get, shown};
use super::error::ToolchainError;
use super::integrity::{Integrity, InvalidIntegrity};
use super::lock::LockedTool;
use super::npmrc::Npmrc;
use super::package::{InvalidPackage, Package, is_exact_version, is_package_name};
use super::packages::Progress;
use super::settings::Settings;

/// The most bytes of the description of one version.
const VERSION_LIMIT: u64 = 16 << 20;
/// The most bytes of the description of all versions.
const VERSIONS_LIMIT: u64 = 128 << 20;
/// How many packages are asked for at once.
const CONNECTIONS: usize = 6;

/// The registries of a workspace.
pub struct Registry {
    settings: Settings,
    opened: Mutex<Option<Arc<Opened>>>,
}

struct Opened {
    npmrc: Npmrc,
    client: Client,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// One version as a registry describes it.
#[derive(Debug, Deserialize)]
struct Description {
    name: String,
    version: String,
    dist: Distribution,
    #[serde(default, rename = "optionalDependencies")]
    optional_dependencies: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Distribution {
    integrity: Option<String>,
    shasum: Option<String>,
    tarball: Option<String>,
}

/// All versions, in the abbreviated form; a version that is not described properly does not spoil the others.
#[derive(Debug, Deserialize)]
struct Descriptions {
    #[serde(default)]
    versions: FxHashMap<String, serde_json::Value>,
}

impl Description {
    fn integrity(&self) -> Result<Integrity, ToolchainError> {
        let integrity = match (&self.dist.integrity, &self.dist.shasum) {
            (Some(integrity), _) => integrity.parse(),
            (None, Some(_)) => Err(InvalidIntegrity::Weak),
            (None, None) => Err(InvalidIntegrity::Malformed),
        };
        integrity.map_err(|source| ToolchainError::Integrity {
            name: self.name.clone(),
            version: self.version.clone(),
            source,
        })
    }
}

impl Registry {
    /// The registries that `settings` lead to.
    pub fn new(settings: Settings) -> Self {
        Self { settings, opened: Mutex::default() }
    }

    /// The registries of a workspace in the environment of this process.
    pub fn from_environment(workspace: &Path) -> Self {
        Self::new(Settings::from_environment(workspace))
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The settings, read; the first call reads them.
    fn open(&self) -> Result<Arc<Opened>, ToolchainError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = &*opened {
            return Ok(Arc::clone(opened));
        }
        let npmrc = Npmrc::read(&self.settings)?;
        let roots = certificates::roots(&npmrc, &self.settings.environment)?;
        let client = Client::new(&npmrc, &self.settings.environment, roots, self.settings.pause)?;
        Ok(Arc::clone(opened.insert(Arc::new(Opened { npmrc, client }))))
    }

    /// What `webstir.lock` says of one version: the integrity of the package and of its package for each platform.
    pub fn lock(&self, name: &str, version: &str) -> Result<LockedTool, ToolchainError> {
        check(name, version)?;
        let opened = self.open()?;
        let description = opened.describe(name, version)?;
        for (name, wanted) in &description.optional_dependencies {
            if wanted != version {
                let problem = format!("`{name}` is wanted as `{wanted}`, not as `{version}`");
                return Err(opened.malformed(&description.name, problem));
            }
        }
        let mut packages = BTreeMap::from([(name.to_owned(), description.integrity()?)]);
        let names: Vec<&String> = description.optional_dependencies.keys().collect();
        let share = names.len().div_ceil(CONNECTIONS).max(1);
        let results: Vec<Result<Vec<_>, ToolchainError>> = thread::scope(|scope| {
            let ask = |names: &[&String]| {
                let described = names.iter().map(|name| {
                    check(name, version)?;
                    Ok(((*name).clone(), opened.describe(name, version)?.integrity()?))
                });
                described.collect()
            };
            let threads: Vec<_> = names.chunks(share).map(|names| scope.spawn(move || ask(names))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        for result in results {
            packages.extend(result?);
        }
        Ok(LockedTool { version: version.to_owned(), packages })
    }

    /// The newest version of a package that a range of npm allows.
    pub fn newest(&self, name: &str, range: &str) -> Result<String, ToolchainError> {
        let unknown = || ToolchainError::UnknownVersion { name: name.to_owned(), version: range.to_owned() };
        let allowed = Range::parse(range).map_err(|_| unknown())?;
        let all = self.open()?.describe_all(name)?.ok_or_else(unknown)?;
        let versions = all.versions.into_keys().filter_map(|text| Some((Version::parse(&text).ok()?, text)));
        let newest = versions.filter(|(version, _)| allowed.satisfies(version)).max();
        newest.map(|(_, text)| text).ok_or_else(unknown)
    }

    /// Writes the tarball of `package` to `file`, which is empty, once its hash is known to be right. On an error `file` holds
    /// anything.
    pub(super) fn download(
        &self,
        package: &Package,
        file: &mut File,
        path: &Path,
        progress: &dyn Fn(Progress),
    ) -> Result<(), ToolchainError> {
        let opened = self.open()?;
        let address = opened.tarball(package);
        let limit = self.settings.limits.compressed;
        let result = opened.fetch(package, &address, limit, file, path, progress);
        if !matches!(result, Err(ToolchainError::Status { status: 404, .. })) {
            return result;
        }
        // Some registries keep tarballs elsewhere and say where.
        let Ok(description) = opened.describe(package.name(), package.version()) else { return result };
        let elsewhere = description.dist.tarball.and_then(|tarball| Url::parse(&tarball).ok());
        let elsewhere = elsewhere.map(|elsewhere| opened.npmrc.replace_host(elsewhere, package.name()));
        match elsewhere {
            Some(elsewhere) if elsewhere != address && matches!(elsewhere.scheme(), "http" | "https") => {
                opened.fetch(package, &elsewhere, limit, file, path, progress)
            }
            _ => result,
        }
    }
}

impl Opened {
    /// Where the tarball of `package` is: where the lockfile says if that is at the configured registry, else where npm
    /// registries have it.
    fn tarball(&self, package: &Package) -> Url {
        let registry = self.npmrc.registry(package.name());
        let locked = package.address().and_then(|address| Url::parse(address).ok());
        if let Some(locked) = locked.map(|locked| self.npmrc.replace_host(locked, package.name()))
            && locked.origin() == registry.origin()
            && locked.username().is_empty()
            && locked.password().is_none()
        {
            return locked;
        }
        let basename = package.name().rsplit('/').next().unwrap_or_default();
        below(registry, &format!("{}/-/{basename}-{}.tgz", package.name(), package.version()))
    }

    fn fetch(
        &self,
        package: &Package,
        address: &Url,
        limit: u64,
        file: &mut File,
        path: &Path,
        progress: &dyn Fn(Progress),
    ) -> Result<(), ToolchainError> {
        let get = Get {
            url: address.clone(),
            accept: "application/octet-stream, */*",
            authorization: self.npmrc.authorization(address, package.name()),
            limit,
        };
        let found = self.client.get(&get, &mut |body| save(body, file, path, progress))?;
        if found != package.integrity() {
            return Err(ToolchainError::IntegrityMismatch {
                name: package.name().to_owned(),
                version: package.version().to_owned(),
                url: shown(address),
                expected: Box::new(package.integrity()),
                found: Box::new(found),
            });
        }
        Ok(())
    }

    /// What the registry has below the name of a package.
    fn ask(&self, name: &str, below_name: &str, accept: &str, limit: u64) -> Result<Vec<u8>, ToolchainError> {
        // npm sends the slash of a scope encoded.
        let path = format!("{}{below_name}", name.replace('/', "%2f"));
        let url = below(self.npmrc.registry(name), &path);
        let authorization = self.npmrc.authorization(&url, name);
        self.client.get(&Get { url, accept, authorization, limit }, &mut |body| body.read_to_end())
    }

    /// Asks for all versions; `None` where the registry has no package of this name.
    fn describe_all(&self, name: &str) -> Result<Option<Descriptions>, ToolchainError> {
        let accept = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8";
        match self.ask(name, "", accept, VERSIONS_LIMIT) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|error| self.malformed(name, error.to_string()))
            }
            Err(ToolchainError::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for one version, or, where the registry has no such address, for all of them.
    fn describe(&self, name: &str, version: &str) -> Result<Description, ToolchainError> {
        let unknown = || ToolchainError::UnknownVersion { name: name.to_owned(), version: version.to_owned() };

        let description = match self.ask(name, &format!("/{version}"), "application/json", VERSION_LIMIT) {
            Ok(bytes) => serde_json::from_slice(&bytes),
            Err(ToolchainError::Status { status: 404 | 405, .. }) => {
                let mut all = self.describe_all(name)?.ok_or_else(unknown)?;
                serde_json::from_value(all.versions.remove(version).ok_or_else(unknown)?)
            }
            Err(error) => return Err(error),
        };
        let description: Description = description.map_err(|error| self.malformed(name, error.to_string()))?;
        if description.name != name || description.version != version {
            return Err(self.malformed(name, format!("it describes another package than `{name}` {version}")));
        }
        Ok(description)
    }

    fn malformed(&self, name: &str, problem: String) -> ToolchainError {
        ToolchainError::Metadata { url: shown(&below(self.npmrc.registry(name), name)), problem }
    }
}

fn check(name: &str, version: &str) -> Result<(), ToolchainError> {
    let problem = if !is_package_name(name) {
        InvalidPackage::Name(name.to_owned())
    } else if !is_exact_version(version) {
        InvalidPackage::Version(version.to_owned())
    } else {
        return Ok(());
    };
    Err(ToolchainError::Settings { place: "The package to lock".to_owned(), problem: problem.to_string() })
}

/// `registry` with `path`, which is made of a checked name and version, appended.
fn below(registry: &Url, path: &str) -> Url {
    let mut url = registry.clone();
    url.set_path(&format!("{}/{path}", registry.path().trim_end_matches('/')));
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// Writes a body to `file` from its beginning and returns its hash.
fn save(body: &mut Body<'_>, file: &mut File, path: &Path, progress: &dyn Fn(Progress)) -> Result<Integrity, Failure> {
    use std::io::Seek as _;

    let failed = |error| Failure::from(ToolchainError::store("Writing", path)(error));
    file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
    let mut hasher = Sha512::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        progress(Progress { received: body.received(), total: body.length });
        let count = body.read(&mut buffer)?;
        if count == 0 {
            return Ok(Integrity::of_hasher(hasher));
        }
        hasher.update(&buffer[..count]);
        file.write_all(&buffer[..count]).map_err(failed)?;
    }
}

#[cfg(test)]
mod tests;
