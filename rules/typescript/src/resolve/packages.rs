//! Files of npm packages.
//!
//! A [`Packages`] finds what a specifier of a package means, over the [`Files`] of a workspace. The workspace is mounted at
//! `/`: nothing above it exists, and every question about the workspace goes through [`Files`], misses included.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::GlobBuilder;
use oxc_resolver::{
    FileMetadata, FileSystem, ModuleType, ResolveError, ResolveOptions, ResolverGeneric, SideEffects, TsconfigDiscovery,
};

use webstir_engine::system::PathKind;

use super::conditions::{Asked, Conditions, Platform};

/// Whether Node takes a file for an ES module or for CommonJS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `.mjs`, or `"type": "module"` in the nearest `package.json`.
    Esm,
    /// `.cjs`, or `"type": "commonjs"`.
    CommonJs,
}

/// The files of a workspace. Paths are relative to its root, `/`-separated and normalised; the root itself is empty.
pub trait Files: Send + Sync {
    /// What is at `path`, links followed.
    fn kind(&self, path: &str) -> io::Result<PathKind>;
    /// The bytes of a file; `None` when there is none.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
    /// Where `path` really is, links followed; `None` when nothing is there.
    fn real_path(&self, path: &str) -> io::Result<Option<String>>;
}

/// The file that a specifier of a package means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageFile {
    /// Relative to the workspace root, links followed.
    pub path: String,
    /// `sideEffects` of its `package.json`.
    pub side_effects: Option<bool>,
    /// What Node takes it for, where something says so.
    pub format: Option<Format>,
    /// `name` of its `package.json`.
    pub package: Option<String>,
}

/// What a specifier of a package leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Found {
    /// A file.
    File(PackageFile),
    /// `browser` in a `package.json` replaces it by nothing.
    Nothing,
    /// There is no such package, or it has no such file.
    Missing {
        /// One sentence, no final period.
        reason: String,
    },
}

/// Finds files of packages. What was read is kept, so one of it serves one snapshot of the files.
pub struct Packages {
    import: ResolverGeneric<Mounted>,
    require: ResolverGeneric<Mounted>,
}

impl std::fmt::Debug for Packages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packages")
    }
}

impl Packages {
    /// Over these files, under these conditions.
    pub fn new(files: Arc<dyn Files>, conditions: &Conditions) -> Self {
        let import = ResolverGeneric::new_with_file_system(Mounted(files), options(conditions, Asked::Import));
        let require = import.clone_with_options(options(conditions, Asked::Require));
        Self { import, require }
    }

    /// What `specifier` in the file `importer`, relative to the workspace root, leads to: a package, a file of the importer's
    /// own package, or `#imports` of it.
    pub fn resolve(&self, importer: &str, specifier: &str, asked: Asked) -> Found {
        let resolver = match asked {
            Asked::Import => &self.import,
            Asked::Require => &self.require,
        };
        let directory = match importer.rfind('/') {
            Some(slash) => format!("/{}", &importer[..slash]),
            None => "/".to_owned(),
        };
        // `fs?x` and `fs#x` are files of that name in packages; queries mean nothing here.
        match resolver.resolve(&directory, specifier) {
            Ok(resolution) => {
                let Some(path) = relative(resolution.path()) else {
                    return Found::Missing { reason: format!("`{specifier}` leads out of the workspace") };
                };
                let package_json = resolution.package_json();
                let side_effects =
                    package_json.and_then(|json| side_effects(json.side_effects(), json.directory(), &path));
                let format = match resolution.module_type() {
                    Some(ModuleType::Module) => Some(Format::Esm),
                    Some(ModuleType::CommonJs) => Some(Format::CommonJs),
                    _ => None,
                };
                let package = package_json.and_then(|json| json.name()).map(str::to_owned);
                Found::File(PackageFile { path, side_effects, format, package })
            }
            Err(ResolveError::Ignored(_)) => Found::Nothing,
            Err(error) => Found::Missing { reason: reason(specifier, &error) },
        }
    }
}

fn options(conditions: &Conditions, asked: Asked) -> ResolveOptions {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let (main_fields, alias_fields) = match conditions.platform {
        // `main` first, as Node itself has it: packages that are built for both worlds are tested with it.
        Platform::Node => (names(&["main", "module"]), Vec::new()),
        Platform::Browser => (names(&["browser", "module", "main"]), vec![names(&["browser"])]),
    };
    ResolveOptions {
        cwd: Some(PathBuf::from("/")),
        tsconfig: None::<TsconfigDiscovery>,
        condition_names: conditions.names(asked),
        main_fields,
        alias_fields,
        extensions: names(&[".js", ".mjs", ".cjs", ".json"]),
        modules: names(&["node_modules"]),
        symlinks: true,
        node_path: false,
        builtin_modules: false,
        module_type: true,
        yarn_pnp: false,
        ..ResolveOptions::default()
    }
}

fn reason(specifier: &str, error: &ResolveError) -> String {
    match error {
        ResolveError::NotFound(_) => format!("There is no package for `{specifier}` in `node_modules`"),
        error => error.to_string().replace('"', "`").trim_end_matches('.').to_owned(),
    }
}

/// Whether the file `path` has side effects by the `sideEffects` of the package in `directory`.
fn side_effects(declared: Option<SideEffects<'_>>, directory: &Path, path: &str) -> Option<bool> {
    let inside = Path::new("/").join(path);
    let inside = inside.strip_prefix(directory).ok()?.to_str()?.to_owned();
    let matches = |pattern: &str| {
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        // As in webpack, a pattern without a slash matches in every directory.
        let pattern = if pattern.contains('/') { pattern.to_owned() } else { format!("**/{pattern}") };
        let glob = GlobBuilder::new(&pattern).literal_separator(true).build();
        // A pattern that cannot be read keeps the file.
        glob.map_or(true, |glob| glob.compile_matcher().is_match(&inside))
    };
    match declared? {
        SideEffects::Bool(has) => Some(has),
        SideEffects::String(pattern) => Some(matches(pattern)),
        SideEffects::Array(patterns) => Some(patterns.iter().any(|pattern| matches(pattern))),
    }
}

/// A path below `/`, as [`Files`] knows it; `None` for one that is not.
fn relative(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.to_str()?.strip_prefix('/')?.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The workspace as a file system with `/` for its root.
#[derive(Clone)]
struct Mounted(Arc<dyn Files>);

fn absent<T>() -> io::Result<T> {
    Err(io::Error::from(io::ErrorKind::NotFound))
}

impl FileSystem for Mounted {
    fn new(_: bool) -> Self {
        struct NoFiles;
        impl Files for NoFiles {
            fn kind(&self, _: &str) -> io::Result<PathKind> {
                Ok(PathKind::Absent)
            }

            fn read(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
                Ok(None)
            }

            fn real_path(&self, _: &str) -> io::Result<Option<String>> {
                Ok(None)
            }
        }
        Self(Arc::new(NoFiles))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match relative(path) {
            Some(path) => self.0.read(&path)?.map_or_else(absent, Ok),
            None => absent(),
        }
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        let Some(path) = relative(path) else { return absent() };
        match self.0.kind(&path)? {
            PathKind::Absent => absent(),
            PathKind::File => Ok(FileMetadata::new(true, false, false)),
            PathKind::Directory => Ok(FileMetadata::new(false, true, false)),
        }
    }

    /// Whether the path itself is a link follows from where it really is, as seen from where its parent really is.
    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        let Some(path) = relative(path) else { return absent() };
        let Some(real) = self.0.real_path(&path)? else { return absent() };
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let parent = self.0.real_path(parent)?.unwrap_or_default();
        let unlinked = if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") };
        if real != unlinked {
            return Ok(FileMetadata::new(false, false, true));
        }
        self.metadata(&Path::new("/").join(path))
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        Ok(self.canonicalize(path)?)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        let Some(path) = relative(path) else { return absent() };
        match self.0.real_path(&path)? {
            Some(real) => Ok(Path::new("/").join(real)),
            None => absent(),
        }
    }
}
