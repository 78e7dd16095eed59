//! What the process was told from outside.
//!
//! The *environment* is an immutable map of variables: those of the process, then `.env.local`, then `.env` of the workspace
//! root, where the first to name a variable wins. *Settings* are its typed reading. The environment of the process itself is
//! read once and never changed.

mod file;
mod number;
mod secret;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use settings::{
    AuthSettings, LogSettings, MetricsSettings, Mode, SameSite, SessionSettings, SettingProblem, Settings,
    SettingsError, StoreLocation,
};

/// The files that are read from the workspace root, in the order in which they win.
pub const FILE_NAMES: [&str; 2] = [".env.local", ".env"];

/// The most bytes that are read from one environment file.
const FILE_LIMIT: u64 = 1024 * 1024;

/// An immutable, ordered map of variables, with the workspace root that it belongs to. Cloning shares it.
#[derive(Clone)]
pub struct Environment {
    variables: Arc<BTreeMap<String, String>>,
    workspace_root: Arc<Path>,
}

impl Environment {
    /// Joins the variables of the process with the texts of environment files, strongest first.
    pub fn from_parts(
        process: BTreeMap<String, String>,
        files: impl IntoIterator<Item = impl AsRef<str>>,
        workspace_root: impl Into<PathBuf>,
    ) -> Self {
        let mut variables = process;
        for text in files {
            for (name, value) in file::variables(text.as_ref()) {
                if let Entry::Vacant(vacant) = variables.entry(name.to_owned()) {
                    vacant.insert(value.to_owned());
                }
            }
        }
        Self { variables: Arc::new(variables), workspace_root: workspace_root.into().into() }
    }

    /// Reads the environment of this process and the files of the workspace root.
    ///
    /// `explicit_root` is a root that the user named; without it, it is found by [`workspace_root`]. `module` is the path of
    /// the module that is served. A file that is there and cannot be read costs a warning.
    pub fn load(explicit_root: Option<&Path>, module: Option<&Path>) -> io::Result<Self> {
        let process: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let current = std::env::current_dir()?;
        let root = match explicit_root {
            Some(root) => current.join(root),
            None => workspace_root(&process, module, &current),
        };
        let texts: Vec<String> = FILE_NAMES
            .iter()
            .filter_map(|name| {
                let path = root.join(name);
                read_bounded(&path)
                    .inspect_err(|error| {
                        if error.kind() != io::ErrorKind::NotFound {
                            tracing::warn!(path = %path.display(), reason = %error, "Environment file cannot be read");
                        }
                    })
                    .ok()
            })
            .collect();
        Ok(Self::from_parts(process, texts, root))
    }

    /// The same environment with `value` for `name` where nothing names it.
    #[must_use]
    pub fn or_default(mut self, name: &str, value: &str) -> Self {
        if !self.variables.contains_key(name) {
            Arc::make_mut(&mut self.variables).insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// The value of a variable as it was given, blank values included.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The trimmed value of a variable; nothing when it is blank.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.variable(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// All variables, sorted by name.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The absolute directory that relative paths of settings start from.
    pub fn workspace_root(&self) -> &Path {
        &self.workspace_root
    }
}

/// Names only: values may be secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Environment")
            .field("workspace_root", &self.workspace_root)
            .field("names", &self.variables.keys())
            .finish_non_exhaustive()
    }
}

/// The workspace root: `WORKSPACE_ROOT`, else `WEBSTIR_WORKSPACE_ROOT` (blank counts as absent), else what stands above
/// `src/backend` or `build/backend` in the path of the module, else the current directory.
///
/// Only variables of the process count: the root must be known before its files are read.
pub fn workspace_root(process: &BTreeMap<String, String>, module: Option<&Path>, current: &Path) -> PathBuf {
    ["WORKSPACE_ROOT", "WEBSTIR_WORKSPACE_ROOT"]
        .iter()
        .find_map(|name| process.get(*name).map(|value| value.trim()).filter(|value| !value.is_empty()))
        .map(|root| current.join(root))
        .or_else(|| root_of_module(&current.join(module?)))
        .unwrap_or_else(|| current.to_path_buf())
}

fn root_of_module(module: &Path) -> Option<PathBuf> {
    module.ancestors().skip(1).find_map(|directory| {
        let output = directory.parent()?;
        let is_backend = directory.file_name()? == "backend";
        let is_output = matches!(output.file_name()?.to_str()?, "src" | "build");
        (is_backend && is_output).then(|| output.parent().map(Path::to_path_buf))?
    })
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 1 MiB"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
