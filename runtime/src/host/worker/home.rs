//! The directory in which workers find their socket and the built-in modules. Nobody else may look into it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tempfile::TempDir;

use super::super::DISPATCHER;

/// A directory that goes when this is dropped.
pub(super) struct Home(TempDir);

impl Home {
    pub(super) fn create() -> io::Result<Self> {
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
        Ok(home)
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
