//! The `imports` of the `package.json` that is nearest to a module: what specifiers that start with `#` mean.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use oxc_resolver::{FileMetadata, FileSystem, ResolveError, ResolveOptions, ResolverGeneric};
use rustc_hash::FxHashMap;
use serde_json::Value;
use webstir_engine::path::RelPath;

use super::conditions::{Asked, Conditions};

/// The `imports` in the text of a `package.json`, as text. It is empty where there are none, and where the file is not JSON: that
/// file's faults are reported by whoever reads it for its own sake.
pub fn imports_of(package_json: &[u8]) -> Box<str> {
    let imports = match serde_json::from_slice(package_json) {
        Ok(Value::Object(mut package)) => package.remove("imports"),
        _ => None,
    };
    imports.filter(Value::is_object).map_or_else(Box::default, |imports| imports.to_string().into())
}

/// What a specifier means by `imports`.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// A path below the workspace root. Nobody has looked what is there.
    File(RelPath),
    /// A specifier of a package, or of a module of Node.
    Bare(Box<str>),
}

/// The `imports` of one `package.json`, under conditions. They are read by a resolver to which that file is all there is, so that
/// what it keeps follows from the file alone.
#[derive(Debug)]
pub struct PackageImports {
    /// Where the file lies; its targets are seen from there.
    directory: RelPath,
    text: Box<str>,
    conditions: Conditions,
    import: Reading,
    require: Reading,
}

/// How one way of asking reads them, and what it has read so far: many modules ask for the same.
#[derive(Debug)]
struct Reading {
    resolver: ResolverGeneric<Alone>,
    found: Mutex<FxHashMap<Box<str>, Option<Target>>>,
}

impl Reading {
    fn new(resolver: ResolverGeneric<Alone>) -> Self {
        Self { resolver, found: Mutex::default() }
    }
}

/// What was read follows from the rest.
impl PartialEq for PackageImports {
    fn eq(&self, other: &Self) -> bool {
        (&self.directory, &self.text, &self.conditions) == (&other.directory, &other.text, &other.conditions)
    }
}

impl Eq for PackageImports {}

impl PackageImports {
    /// Those of the `package.json` in `directory`, as [`imports_of`] gives them.
    pub fn new(directory: RelPath, imports: &str, conditions: Conditions) -> Self {
        let package = if imports.is_empty() { "{}".to_owned() } else { format!("{{\"imports\":{imports}}}") };
        let options = |asked| ResolveOptions {
            cwd: Some(PathBuf::from("/")),
            tsconfig: None,
            condition_names: conditions.names(asked),
            builtin_modules: false,
            extensions: vec![MAIN.1.to_owned()],
            main_files: vec![MAIN.0.to_owned()],
            module_type: false,
            node_path: false,
            symlinks: false,
            yarn_pnp: false,
            ..ResolveOptions::default()
        };
        let file_system = Alone(Arc::from(package.into_bytes()));
        let import = ResolverGeneric::new_with_file_system(file_system, options(Asked::Import));
        let require = import.clone_with_options(options(Asked::Require));
        let (import, require) = (Reading::new(import), Reading::new(require));
        Self { directory, text: imports.into(), conditions, import, require }
    }

    /// What `specifier` means; `None` where nothing is said of it, or where it is forbidden.
    pub(super) fn target(&self, specifier: &str, asked: Asked) -> Option<Target> {
        let Reading { resolver, found } = match asked {
            Asked::Import => &self.import,
            Asked::Require => &self.require,
        };
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = found.get(specifier) {
            return target.clone();
        }
        let target = self.read(resolver, specifier);
        found.insert(specifier.into(), target.clone());
        target
    }

    fn read(&self, resolver: &ResolverGeneric<Alone>, specifier: &str) -> Option<Target> {
        match resolver.resolve("/", specifier) {
            // A file is known by its path alone.
            Ok(found) if found.query().is_none() && found.fragment().is_none() => {
                let path = found.path().to_str()?.strip_prefix('/')?;
                match path.strip_prefix(PACKAGES).and_then(|path| path.strip_prefix('/')) {
                    Some(path) => {
                        let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
                        let is_main = file.strip_prefix(MAIN.0) == Some(MAIN.1);
                        Some(Target::Bare(if is_main { directory } else { path }.into()))
                    }
                    None => self.directory.join(path).ok().map(Target::File),
                }
            }
            _ => None,
        }
    }
}

/// Where a resolver looks for packages.
const PACKAGES: &str = "node_modules";

/// What a package itself means there: name and extension of a file in it that no specifier names.
const MAIN: (&str, &str) = ("\u{1}", ".main");

/// A file system with one `package.json`, in which everything else is there, a file and a directory at once, so that a target is taken
/// as it is written.
struct Alone(Arc<[u8]>);

fn absent<T>() -> io::Result<T> {
    Err(io::Error::from(io::ErrorKind::NotFound))
}

impl FileSystem for Alone {
    fn new(_: bool) -> Self {
        Self(Arc::from(&b"{}"[..]))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new("/package.json") { Ok(self.0.to_vec()) } else { absent() }
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn metadata(&self, _: &Path) -> io::Result<FileMetadata> {
        Ok(FileMetadata::new(true, true, false))
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.metadata(path)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        Err(ResolveError::PathNotSupported(path.to_path_buf()))
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_path_buf())
    }
}
