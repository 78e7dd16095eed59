//! Which exports of another module an import asks for.

use serde::{Deserialize, Serialize};
use swc_core::ecma::ast::{ExportSpecifier, Id, ImportDecl, ImportSpecifier, ModuleExportName, NamedExport};

/// What an import asks for of the module that it names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Names {
    /// Everything: `import * as x`, `export *`, `import()`, `require()`.
    All,
    /// These exports; none for `import "x"`.
    These(Box<[Name]>),
}

/// One export that an import asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name {
    /// What it is called there; `default` too.
    pub export: Box<str>,
    /// What it is called here; `None` for what is exported again.
    pub local: Option<Box<str>>,
    /// Whether it is used as a value.
    pub used: bool,
}

impl Names {
    /// The exports that are left once the module is transpiled: those that are used, all of them with `verbatim`, and the
    /// `factories` of JSX. `None` is everything.
    pub fn emitted(&self, verbatim: bool, factories: &[&str]) -> Option<Vec<&str>> {
        let Self::These(names) = self else { return None };
        let is_factory = |name: &Name| name.local.as_deref().is_some_and(|local| factories.contains(&local));
        let emitted = names.iter().filter(|name| name.used || verbatim || is_factory(name));
        Some(emitted.map(|name| &*name.export).collect())
    }
}

/// What an import declaration asks for; `is_used` says which of its bindings are used as values.
pub(super) fn imported(import: &ImportDecl, is_used: impl Fn(&Id) -> bool) -> Names {
    let mut names = Vec::new();
    for specifier in import.specifiers.iter().filter(|specifier| !specifier.is_type_only()) {
        let local = specifier.local();
        let export = match specifier {
            ImportSpecifier::Namespace(_) if is_used(&local.to_id()) => return Names::All,
            ImportSpecifier::Namespace(_) => continue,
            ImportSpecifier::Default(_) => Box::from("default"),
            ImportSpecifier::Named(specifier) => {
                specifier.imported.as_ref().map_or_else(|| Box::from(&*local.sym), text)
            }
        };
        names.push(Name { export, local: Some(Box::from(&*local.sym)), used: is_used(&local.to_id()) });
    }
    Names::These(names.into_boxed_slice())
}

/// What `export .. from` asks for.
pub(super) fn exported(export: &NamedExport) -> Names {
    let mut names = Vec::new();
    for specifier in &export.specifiers {
        let name = match specifier {
            ExportSpecifier::Namespace(_) => return Names::All,
            ExportSpecifier::Default(_) => Box::from("default"),
            ExportSpecifier::Named(specifier) if specifier.is_type_only => continue,
            ExportSpecifier::Named(specifier) => text(&specifier.orig),
        };
        names.push(Name { export: name, local: None, used: true });
    }
    Names::These(names.into_boxed_slice())
}

fn text(name: &ModuleExportName) -> Box<str> {
    match name {
        ModuleExportName::Ident(name) => Box::from(&*name.sym),
        ModuleExportName::Str(name) => name.value.to_string_lossy().into(),
    }
}
