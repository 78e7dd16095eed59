//! `extends`: reading the files that it names.

use jsonc_parser::ast::{StringLit, Value};

use super::locate::locate;
use super::options::Options;
use super::{Loader, Source};

/// How many files stand between a project and the last that it extends.
const MOST_DEEP: usize = 64;

/// How many files are read for a project. A file that is extended twice is read twice, so a few short files may ask for very many.
const MOST_FILES: usize = 1_000;

impl Loader<'_, '_> {
    /// Reads what `value` names into `options`, in order: later files win over earlier ones.
    pub(super) fn extends(&mut self, source: &Source<'_>, value: &Value<'_>, options: &mut Options) {
        match value {
            Value::StringLit(name) => self.extend(source, name, options),
            Value::Array(names) => {
                for name in &names.elements {
                    match name {
                        Value::StringLit(name) => self.extend(source, name, options),
                        value => self.found.push(source.error("tsconfig::extends", "Expected a file name", value)),
                    }
                }
            }
            // The compiler says what it thinks of it.
            Value::NullKeyword(_) => {}
            value => {
                let message = "`extends` must be a file name or a list of file names";
                self.found.push(source.error("tsconfig::extends", message, value));
            }
        }
    }

    fn extend(&mut self, source: &Source<'_>, name: &StringLit<'_>, options: &mut Options) {
        let Some((path, bytes)) = locate(self.read, &source.directory(), &name.value) else {
            let message = format!("There is no configuration `{}` to extend", name.value);
            self.found.push(source.error("tsconfig::extends", message, name));
            return;
        };
        if let Some(start) = self.open.iter().position(|open| *open == path) {
            let chain: Vec<String> = self.open[start..].iter().chain([&path]).map(|path| format!("`{path}`")).collect();
            let error = source.error("tsconfig::cycle", "A configuration extends itself", name);
            self.found.push(error.note(chain.join(" extends ")));
            return;
        }
        if self.open.len() >= MOST_DEEP || self.files.len() >= MOST_FILES {
            // Said once: where one is too many, the others are too.
            if !self.is_full {
                let message = format!("At most {MOST_FILES} configurations may be extended, {MOST_DEEP} deep");
                self.found.push(source.error("tsconfig::extends", message, name));
            }
            self.is_full = true;
            return;
        }
        self.file(&path, &bytes, options);
    }
}
