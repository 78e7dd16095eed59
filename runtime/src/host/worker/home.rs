//! The directory in which workers find their socket, the built-in modules, and the files of the module that they load: what lies at the
//! paths of those may be another build's by then, or be replaced while the worker starts. Nobody else may look into it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tempfile::TempDir;

use super::super::{DISPATCHER, HostedModule};

/// A directory that goes when this is dropped.
pub(super) struct Home(TempDir);

impl Home {
    pub(super) fn create(module: &HostedModule) -> io::Result<Self> {
        let home = Self(tempfile::Builder::new().prefix("webstir-").tempdir()?);
        home.write("bootstrap.mjs", include_str!("bootstrap.mjs"))?;
        home.write("resolve.mjs", include_str!("resolve.mjs"))?;
        home.write("describe.mjs", webstir_script::DESCRIBE)?;
        home.write("dispatch.mjs", DISPATCHER)?;
        let mut builtins = Map::new();
        for (number, specifier) in webstir_script::portable_modules().enumerate() {
            let name = format!("builtin-{number}.mjs");
            home.write(&name, webstir_script::portable_module(specifier).unwrap_or_default())?;
            builtins.insert(specifier.to_owned(), Value::String(name));
        }
        home.write("builtins.json", &Value::Object(builtins).to_string())?;
        home.write("files.json", &Value::Object(home.place(module)?).to_string())?;
        Ok(home)
    }

    /// By the paths that they have in the workspace.
    fn place(&self, module: &HostedModule) -> io::Result<Map<String, Value>> {
        let mut files = Map::new();
        for (number, file) in module.files().enumerate() {
            let mut names = Map::new();
            for (part, text) in [("code", Some(&file.code)), ("map", file.map.as_ref())] {
                let Some(text) = text else { continue };
                let name = format!("{part}-{number}");
                self.write(&name, &text.text)?;
                names.insert(part.to_owned(), Value::String(name));
            }
            let path = module.root.join(&file.path);
            files.insert(path.to_string_lossy().into_owned(), Value::Object(names));
        }
        Ok(files)
    }

    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.path().join(name), text)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn bootstrap(&self) -> PathBuf {
        self.path().join("bootstrap.mjs")
    }
}
