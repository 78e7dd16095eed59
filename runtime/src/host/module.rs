//! A module to load: its files, as a build made them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use webstir_script::{Code, Program, ProgramModule, SourceMap, SourceMaps};

/// A module to load.
#[derive(Debug, Clone)]
pub struct HostedModule {
    /// The workspace.
    pub root: PathBuf,
    /// Everything in one file, or the module that imports the others.
    pub entry: HostedFile,
    /// The other modules that it loads, when it is not linked, sorted by path.
    pub others: Vec<HostedFile>,
    /// The paths of those among them that specifiers of packages lead to.
    pub imports: BTreeMap<String, String>,
}

/// One file of a module.
#[derive(Debug, Clone)]
pub struct HostedFile {
    /// Where it lies below the workspace: what `import.meta.url` says, and where installed packages are searched from.
    pub path: String,
    pub code: HostedText,
    /// Its source map.
    pub map: Option<HostedText>,
}

/// A text with its digest.
#[derive(Debug, Clone)]
pub struct HostedText {
    pub text: Arc<str>,
    pub digest: blake3::Hash,
}

impl HostedText {
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        Self { digest: blake3::hash(text.as_bytes()), text }
    }
}

impl HostedModule {
    /// A module in one file.
    pub fn linked(root: &Path, path: impl Into<String>, code: HostedText, map: Option<HostedText>) -> Self {
        let entry = HostedFile { path: path.into(), code, map };
        Self { root: root.to_owned(), entry, others: Vec::new(), imports: BTreeMap::new() }
    }

    /// The path of the entry below the workspace.
    pub fn name(&self) -> &str {
        &self.entry.path
    }

    /// Where the entry lies.
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.entry.path)
    }

    /// Equal for modules that load the same.
    pub fn identity(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for file in self.files() {
            part(file.path.as_bytes());
            part(file.code.digest.as_bytes());
            part(file.map.as_ref().map_or(&[], |map| map.digest.as_bytes()));
        }
        for (specifier, path) in &self.imports {
            part(specifier.as_bytes());
            part(path.as_bytes());
        }
        hasher.finalize()
    }

    /// Its texts.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &HostedText> {
        self.files().flat_map(|file| iter::once(&file.code).chain(&file.map))
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &HostedFile> {
        iter::once(&self.entry).chain(&self.others)
    }

    pub(super) fn program(&self) -> Program {
        let module = |file: &HostedFile| {
            let read = || Ok::<_, Infallible>(Arc::clone(&file.code.text));
            let Ok(code) = Code::known(&file.path, *file.code.digest.as_bytes(), read);
            ProgramModule { path: file.path.clone(), name: file.path.clone(), code }
        };
        Program {
            entry: module(&self.entry),
            others: self.others.iter().map(|file| (file.path.clone(), module(file))).collect(),
            imports: self.imports.clone(),
        }
    }
}

impl SourceMaps for HostedModule {
    fn source_map(&self, path: &str) -> Option<SourceMap> {
        let map = self.files().find(|file| file.path == path)?.map.as_ref()?;
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
        Some(SourceMap { json: Arc::clone(&map.text), directory })
    }
}
