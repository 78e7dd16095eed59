//! What a build made, as the server needs it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use webstir_contract::artifacts::{ArtifactIndex, Engine, IndexError};

use crate::host::HostedModule;

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
    /// The text of `package.json`.
    pub package_json: Option<String>,
    /// Of everything above.
    pub identity: blake3::Hash,
}

/// Why there is nothing to serve.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("There is no build to serve: {} is missing. Run `webstir build` or `webstir publish` first, or add `--build`", .0.display())]
    NotBuilt(PathBuf),
    #[error("{}: {1}", .0.display())]
    Index(PathBuf, IndexError),
    #[error("{} is not what the build made; run it again", .0.display())]
    Altered(PathBuf),
    #[error("{}: {1}", .0.display())]
    Read(PathBuf, io::Error),
}

impl Release {
    /// Reads what lies below `output`, for example `build/backend`. Only bytes that the index names are taken.
    pub fn read(root: &Path, output: &str) -> Result<Self, ReleaseError> {
        let directory = root.join(output);
        let index_path = directory.join("artifacts.json");
        let text = match fs::read_to_string(&index_path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ReleaseError::NotBuilt(index_path)),
            Err(error) => return Err(ReleaseError::Read(index_path, error)),
        };
        let index = ArtifactIndex::from_json(&text).map_err(|error| ReleaseError::Index(index_path, error))?;
        let read = |name: &str| -> Result<Option<String>, ReleaseError> {
            let Some(artifact) = index.artifact(name) else { return Ok(None) };
            let path = directory.join(&artifact.path);
            let bytes = fs::read(&path).map_err(|error| ReleaseError::Read(path.clone(), error))?;
            if blake3::hash(&bytes).to_hex().as_str() != artifact.digest {
                return Err(ReleaseError::Altered(path));
            }
            String::from_utf8(bytes).map(Some).map_err(|_| ReleaseError::Altered(path))
        };
        let module = match &index.module {
            None => None,
            Some(module) => read(&module.path)?.map(|source| (module.path.clone(), source)),
        };
        let module = match module {
            None => None,
            Some((name, source)) => {
                let map = read(&format!("{name}.map"))?;
                Some(HostedModule {
                    path: directory.join(&name),
                    name: format!("{output}/{name}"),
                    source: source.into(),
                    map: map.map(|map| (Arc::from(map), output.to_owned())),
                })
            }
        };
        let package_json = fs::read_to_string(root.join("package.json")).ok();
        Ok(Self::new(root, index.profile, module, index.module.and_then(|module| module.engine), package_json))
    }

    /// From parts that are already in memory.
    pub fn new(
        root: &Path,
        profile: String,
        module: Option<HostedModule>,
        engine: Option<Engine>,
        package_json: Option<String>,
    ) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut part = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        part(&profile);
        part(module.as_ref().map_or("", |module| &module.source));
        part(module.as_ref().and_then(|module| module.map.as_ref()).map_or("", |(map, _)| map));
        part(engine.map_or("", |engine| if engine == Engine::Worker { "worker" } else { "embedded" }));
        part(package_json.as_deref().unwrap_or(""));
        let identity = hasher.finalize();
        Self { root: root.to_owned(), profile, module, engine, package_json, identity }
    }
}
