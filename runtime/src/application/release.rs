//! What a build made, as the server needs it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use webstir_contract::artifacts::{Artifact, ArtifactIndex, Engine, IndexError};

use crate::host::{HostedFile, HostedModule, HostedText};
use crate::site::{Site, SiteError, is_full};
use crate::task::{Job, Tasks};

/// A build's outputs for one server. Two with equal identities serve the same.
#[derive(Debug, Clone)]
pub struct Release {
    /// The workspace.
    pub root: PathBuf,
    /// The profile that was built.
    pub profile: String,
    /// The compiled module, when there is one.
    pub module: Option<HostedModule>,
    /// What the build decided should run it.
    pub engine: Option<Engine>,
    /// Whether schemas of routes are applied.
    pub validates: bool,
    /// The text of `package.json`.
    pub package_json: Option<String>,
    /// What is published beside the module, in a `full` workspace.
    pub site: Option<Arc<Site>>,
    /// Of everything above.
    pub identity: blake3::Hash,
    /// Of everything above but the site: two releases that share it may share a loaded module.
    pub module_identity: blake3::Hash,
    /// Jobs and migrations, with an identity of their own: a server serves the same with others.
    pub tasks: Tasks,
}

/// A module that the next release has if nothing goes wrong.
#[derive(Debug, Clone)]
pub struct Foreseen {
    pub(crate) module: HostedModule,
    /// What the build of the release before decided should run it.
    pub(crate) engine: Option<Engine>,
}

/// Why there is nothing to serve.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("There is no build to serve: {} is missing. Run `webstir build` or `webstir publish` first, or add `--build`", .0.display())]
    NotBuilt(PathBuf),
    #[error("{}: {source}", path.display())]
    Index { path: PathBuf, source: IndexError },
    #[error("{} is not what the build made; run it again", .0.display())]
    Altered(PathBuf),
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

const INDEX: &str = "artifacts.json";
/// The module's manifest, merged with what `package.json` declares.
const MANIFEST: &str = "manifest.json";

impl Release {
    /// Reads what lies below `output`, for example `build/backend`.
    pub fn read(root: &Path, output: &str) -> Result<Self, ReleaseError> {
        Self::gather(root, output, None, |path| match fs::read(root.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
    }

    /// Takes what lies below `output` from `read`, which is given paths below the root. Only bytes that the index names are taken;
    /// what `before` has already is not read again.
    pub fn gather(
        root: &Path,
        output: &str,
        before: Option<&Self>,
        read: impl Fn(&str) -> io::Result<Option<Vec<u8>>>,
    ) -> Result<Self, ReleaseError> {
        let path_of = |name: &str| root.join(output).join(name);
        let text_of = |name: &str| -> Result<Option<String>, ReleaseError> {
            let bytes = read(&format!("{output}/{name}"));
            let bytes = bytes.map_err(|source| ReleaseError::Read { path: path_of(name), source })?;
            bytes.map(String::from_utf8).transpose().map_err(|_| ReleaseError::Altered(path_of(name)))
        };
        let text = text_of(INDEX)?.ok_or_else(|| ReleaseError::NotBuilt(path_of(INDEX)))?;
        let index =
            ArtifactIndex::from_json(&text).map_err(|source| ReleaseError::Index { path: path_of(INDEX), source })?;
        let artifacts: HashMap<&str, &Artifact> =
            index.artifacts.iter().map(|artifact| (artifact.path.as_str(), artifact)).collect();
        let known: HashMap<&blake3::Hash, &HostedText> =
            before.into_iter().flat_map(Self::texts).map(|text| (&text.digest, text)).collect();
        let named = |name: &str| -> Result<Option<HostedText>, ReleaseError> {
            let Some(artifact) = artifacts.get(name) else { return Ok(None) };
            let altered = || ReleaseError::Altered(path_of(name));
            let digest = blake3::Hash::from_hex(&artifact.digest).map_err(|_| altered())?;
            if let Some(text) = known.get(&digest) {
                return Ok(Some((*text).clone()));
            }
            let text = HostedText::new(text_of(name)?.ok_or_else(altered)?);
            (text.digest == digest).then_some(Some(text)).ok_or_else(altered)
        };
        let file = |name: &str| -> Result<Option<HostedFile>, ReleaseError> {
            let Some(code) = named(name)? else { return Ok(None) };
            Ok(Some(HostedFile { path: format!("{output}/{name}"), code, map: named(&format!("{name}.map"))? }))
        };
        let hosted = |name: &str| -> Result<Option<HostedModule>, ReleaseError> {
            Ok(file(name)?.map(|file| HostedModule::linked(root, file.path, file.code, file.map)))
        };
        let mut module = match &index.module {
            None => None,
            Some(module) => hosted(&module.path)?,
        };
        if let (Some(module), Some(artifact)) = (&mut module, &index.module) {
            for name in &artifact.modules {
                module.others.push(file(name)?.ok_or_else(|| ReleaseError::Altered(path_of(name)))?);
            }
            let path = |(specifier, name): (&String, &String)| (specifier.clone(), format!("{output}/{name}"));
            module.imports = artifact.imports.iter().map(path).collect();
        }
        let package_json = fs::read_to_string(root.join("package.json")).ok();
        let declared = index.module.as_ref();
        let (engine, validates) =
            (declared.and_then(|module| module.engine), declared.is_some_and(|module| module.validate));
        let site = site(&root.join(output).with_file_name("frontend"), &index.profile, package_json.as_deref())?;
        let module_identity = identity(&index.profile, module.as_ref(), engine, validates, package_json.as_deref());
        let identity = match &site {
            None => module_identity,
            Some(site) => blake3::keyed_hash(module_identity.as_bytes(), site.assets().identity().as_bytes()),
        };
        let mut jobs = Job::registered(named(MANIFEST)?.as_ref().map(|text| &*text.text), package_json.as_deref());
        for job in &mut jobs {
            job.module = hosted(&job.output())?;
        }
        let migrations = index.buckets.migrations.iter().map(|name| hosted(name));
        let migrations = migrations.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        let tasks = Tasks { jobs, migrations };
        let root = root.to_owned();
        Ok(Self {
            root,
            profile: index.profile,
            module,
            engine,
            validates,
            package_json,
            site,
            identity,
            module_identity,
            tasks,
        })
    }
}

impl Release {
    /// The module that the next release has, if its build changes texts and nothing else. `digest` is that of a file of the build, which
    /// `read` gives; both are given paths below the root. `None` where no text differs, or a file is gone.
    pub fn foresee(
        &self,
        digest: impl Fn(&str) -> Option<blake3::Hash>,
        read: impl Fn(&str) -> io::Result<Option<Vec<u8>>>,
    ) -> io::Result<Option<Foreseen>> {
        let Some(mut module) = self.module.clone() else { return Ok(None) };
        let mut differs = false;
        for file in iter::once(&mut module.entry).chain(&mut module.others) {
            let map = file.map.as_mut().map(|map| (format!("{}.map", file.path), map));
            for (path, text) in iter::once((file.path.clone(), &mut file.code)).chain(map) {
                let Some(digest) = digest(&path) else { return Ok(None) };
                if digest == text.digest {
                    continue;
                }
                let Some(Ok(new)) = read(&path)?.map(String::from_utf8) else { return Ok(None) };
                *text = HostedText::new(new);
                differs = true;
            }
        }
        Ok(differs.then_some(Foreseen { module, engine: self.engine }))
    }

    /// The texts of its modules.
    fn texts(&self) -> impl Iterator<Item = &HostedText> {
        let jobs = self.tasks.jobs.iter().filter_map(|job| job.module.as_ref());
        self.module.iter().chain(jobs).chain(&self.tasks.migrations).flat_map(HostedModule::texts)
    }
}

/// What is published in `frontend`. Only a `full` workspace publishes pages beside its module.
fn site(frontend: &Path, profile: &str, package_json: Option<&str>) -> Result<Option<Arc<Site>>, ReleaseError> {
    let Some(package_json) = package_json.filter(|text| is_full(text)) else { return Ok(None) };
    if frontend.is_dir() {
        return Ok(Some(Arc::new(Site::read(frontend, package_json)?)));
    }
    // A build may be of the module alone; what is published is whole.
    if profile == "publish" { Err(ReleaseError::NotBuilt(frontend.to_owned())) } else { Ok(None) }
}

fn identity(
    profile: &str,
    module: Option<&HostedModule>,
    engine: Option<Engine>,
    validates: bool,
    package_json: Option<&str>,
) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut part = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    part(profile);
    part(module.map(|module| module.identity().to_hex()).as_deref().unwrap_or_default());
    part(engine.map_or("", |engine| if engine == Engine::Worker { "worker" } else { "embedded" }));
    part(if validates { "validates" } else { "" });
    part(package_json.unwrap_or(""));
    hasher.finalize()
}
