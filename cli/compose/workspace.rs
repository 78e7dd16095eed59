//! A directory with its configuration.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use webstir_engine::action::Artifact;
use webstir_engine::config::{self, Config};
use webstir_engine::diagnostic::{Diagnostic, Severity};
use webstir_engine::digest::{Digest, KeyHasher};
use webstir_engine::environment::Environment;
use webstir_engine::event::{Event, EventSink, Phase, during};
use webstir_engine::path::RelPath;
use webstir_engine::state_directory::StateDirectory;
use webstir_engine::store::Store;
use webstir_engine::system::{Os, System as _};
use webstir_engine::tree::{LastMaterialised, MaterialiseError, Materialised, Tree};

use super::{Failure, store_root};
use crate::args::Global;
use crate::hidden;

/// The root of the workspace that the command works on.
pub(crate) fn workspace_root(global: &Global) -> Result<PathBuf, Failure> {
    let variable = |name: &str| {
        let value = std::env::var(name).ok()?;
        let value = value.trim();
        (!value.is_empty()).then(|| PathBuf::from(value))
    };
    let named = global
        .workspace
        .clone()
        .or_else(|| variable("WORKSPACE_ROOT"))
        .or_else(|| variable("WEBSTIR_WORKSPACE_ROOT"))
        .unwrap_or_else(|| PathBuf::from("."));
    let root = fs::canonicalize(&named).map_err(|error| {
        Failure::because(format!("The workspace `{}` cannot be opened", named.display()), error)
            .with_help("Name an existing directory with `--workspace`")
    })?;
    if !root.is_dir() {
        return Err(Failure::new(format!("The workspace `{}` is not a directory", named.display())));
    }
    Ok(root)
}

/// A directory with its configuration.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Where its store lies.
    pub(crate) store: PathBuf,
    pub(crate) system: Arc<Os>,
    pub(crate) config: Arc<Config>,
    /// What its rules may see of the environment.
    pub(super) environment: Environment,
    /// The texts that the configuration was made of.
    pub(super) sources: Digest,
    /// What the configuration had to say.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Workspace {
    /// Reads `webstir.kdl` and `package.json`. Their mistakes are diagnostics of the workspace.
    pub(crate) fn open(global: &Global) -> Result<Self, Failure> {
        let root = workspace_root(global)?;
        let system = Arc::new(
            Os::new(&root)
                .map_err(|error| Failure::because(format!("`{}` cannot be opened", root.display()), error))?,
        );
        Self::read(root, system, global.is_ci())
    }

    /// The same workspace as its files are now.
    pub(super) fn again(&self) -> Result<Self, Failure> {
        Self::read(self.root.clone(), self.system.clone(), self.environment.is_strict)
    }

    fn read(root: PathBuf, system: Arc<Os>, is_strict: bool) -> Result<Self, Failure> {
        let bytes = |name: &str| -> Result<Option<Vec<u8>>, Failure> {
            let path = RelPath::new(name).expect("a plain file name");
            match system.read(&path) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(Failure::because(format!("`{name}` cannot be read"), error)),
            }
        };
        let (kdl, package) = (bytes("webstir.kdl")?, bytes("package.json")?);
        let not_text = kdl.as_deref().and_then(|bytes| config::decode(bytes).err());
        let [kdl, package] =
            [kdl, package].map(|bytes| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
        if kdl.is_none() && package.is_none() {
            return Err(Failure::new(format!(
                "`{}` is not a workspace: it has no `webstir.kdl` and no `package.json`",
                root.display()
            ))
            .with_help("Run `webstir init api <directory>`, or name the workspace with `--workspace`"));
        }
        let (config, mut diagnostics) = webstir_rules::configuration(kdl.as_deref(), package.as_deref());
        diagnostics.extend(not_text.map(|finding| *finding));
        let mut sources = KeyHasher::new("webstir configuration v1");
        for source in [&kdl, &package] {
            sources.number(u64::from(source.is_some())).text(source.as_deref().unwrap_or_default());
        }
        let store = store_root(&root);
        let environment = webstir_rules::environment(&root, &config, is_strict)
            .map_err(|error| Failure::because("The key that hides secrets cannot be had", error))?;
        hidden::hide(webstir_rules::Redactor::of(&config));
        Ok(Self { root, store, system, config: Arc::new(config), environment, sources: sources.finish(), diagnostics })
    }

    /// With its store elsewhere.
    pub(crate) fn with_store(self, store: PathBuf) -> Self {
        Self { store, ..self }
    }

    /// Whether the configuration can be built.
    pub(crate) fn is_sound(&self) -> bool {
        !self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

impl Workspace {
    /// Gives a finding without a place the place of its rule, where the user wrote that rule.
    pub(super) fn put_at_rule(&self, diagnostic: &mut Diagnostic) {
        if diagnostic.file.is_some() || diagnostic.severity == Severity::Info {
            return;
        }
        let rule = diagnostic.rule.as_ref().and_then(|label| self.config.rule(label));
        let field = webstir_rules::field_of(&diagnostic.code);
        let place = rule.map(|rule| field.and_then(|field| rule.place_of(field)).unwrap_or_else(|| rule.place()));
        if let Some(place) = place.filter(|place| place.is_written()) {
            *diagnostic = self.config.put(diagnostic.clone(), place);
        }
    }

    /// Materialises the tree of a profile. What was materialised `last` is taken for granted.
    pub(super) fn materialise(
        &self,
        profile: &str,
        last: Option<&LastMaterialised>,
        artifacts: &[Artifact],
        store: &Store,
        events: &EventSink,
    ) -> Result<Option<(Materialised, LastMaterialised)>, MaterialiseError> {
        let Some(tree) = self.tree(profile) else { return Ok(None) };
        events(Event::Materialising { files: artifacts.len() });
        let materialised = during(events, Phase::Materialising, || match last {
            Some(last) => tree.change(last, artifacts, store, &webstir_rules::materialising_rank),
            None => tree.materialise(artifacts, store, &webstir_rules::materialising_rank),
        });
        materialised.map(Some)
    }

    /// Where what is known of it is kept.
    pub(super) fn state(&self) -> StateDirectory {
        StateDirectory::of(&self.root)
    }

    /// The tree of a profile that has one.
    pub(super) fn tree(&self, profile: &str) -> Option<Tree> {
        let out = self.config.profile(profile)?.path("out")?;
        Some(Tree::new(&self.root, self.state().path(), out.as_str()))
    }

    /// Where the module and what belongs to it lies.
    pub(crate) fn backend(&self, profile: &str) -> Option<RelPath> {
        self.config.profile(profile)?.path("out")?.value.join("backend").ok()
    }

    /// Where what is published beside the module lies, which others write.
    pub(super) fn frontend(&self, profile: &str) -> Option<RelPath> {
        self.config.profile(profile)?.path("out")?.value.join("frontend").ok()
    }
}
