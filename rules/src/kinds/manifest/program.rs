//! A module definition, as the engine loads it from the inputs of an action.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use webstir_engine::path::RelPath;
use webstir_engine::run::{Context, RunError};
use webstir_script::{Code, Program, ProgramModule, SourceMap, SourceMaps};

use super::super::argument;
use super::super::transpile::map_of;

/// A module definition among the inputs.
#[derive(Serialize, Deserialize)]
pub(super) struct Module {
    pub(super) source: String,
    pub(super) code: String,
    /// Further modules that it loads, and where specifiers of packages lead among them.
    pub(super) others: Vec<String>,
    pub(super) imports: BTreeMap<String, String>,
}

/// The module definition as the engine loads it.
pub(super) fn load(context: &Context<'_>, module: &Module) -> Result<Program, RunError> {
    let names: BTreeMap<String, String> =
        if context.action.parameters().len() > 1 { argument(context.action, 1) } else { BTreeMap::new() };
    let load = |path: &str, name: Option<&str>| -> Result<ProgramModule, RunError> {
        let file = RelPath::new(path).expect("planned as a path");
        let read = || text_at(context, &file).map(|text| Arc::from(text.unwrap_or_default()));
        let code = match context.input(&file) {
            Some(input) => Code::known(path, *input.digest.as_bytes(), read)?,
            None => Code::new(""),
        };
        let name = name.or_else(|| names.get(path).map(String::as_str)).unwrap_or(path);
        Ok(ProgramModule { path: path.to_owned(), name: name.to_owned(), code })
    };
    let others = module.others.iter().map(|path| Ok((path.clone(), load(path, None)?)));
    Ok(Program {
        entry: load(&module.code, Some(&module.source))?,
        others: others.collect::<Result<_, RunError>>()?,
        imports: module.imports.clone(),
    })
}

/// The source maps among the inputs.
pub(super) struct Maps<'a>(pub(super) &'a Context<'a>);

impl SourceMaps for Maps<'_> {
    fn source_map(&self, path: &str) -> Option<SourceMap> {
        let path = RelPath::new(path).ok()?;
        let json = text_at(self.0, &map_of(&path)).ok()??.into();
        Some(SourceMap { json, directory: path.parent().unwrap_or_else(RelPath::root).to_string() })
    }
}

/// The text of an input.
pub(super) fn text_at(context: &Context<'_>, path: &RelPath) -> Result<Option<String>, RunError> {
    let Some(input) = context.input(path) else { return Ok(None) };
    Ok(Some(String::from_utf8_lossy(&context.read(input)?).into_owned()))
}
