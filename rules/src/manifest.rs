//! The module manifest of a workspace: what `package.json` declares, what the module definition exports, and both as one.
//!
//! A [`Projection`] is the part of `package.json` that a manifest can depend on. [`hydrate`] merges it with the description that
//! evaluating the module gave, validates the result against the contract and says what it found. Everything here is a pure
//! function; evaluation itself is `webstir-script`'s.

mod checks;
mod files;
mod load;
mod merge;
mod page_views;
mod paths;
mod position;
mod projection;

use serde_json::{Value, json};
use webstir_contract::schema::{Step, Violation};
use webstir_contract::{CONTRACT_VERSION, validate_module_manifest};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;
use webstir_script::ModuleDescription;

pub use files::ViewFiles;
pub use load::{LoadFailure, load_error_diagnostic};
pub use projection::{Projection, projection};

use merge::Merged;

use page_views::page_view_findings;
use position::Positions;

/// All that a manifest follows from.
pub struct HydrationInput<'a> {
    /// What `package.json` declares.
    pub projection: &'a Projection,
    /// The text of `package.json`, to place diagnostics in it. Whoever keeps the diagnostics of a hydration with this text must
    /// forget them when the text changes, also where the projection stays the same; without it they have no place.
    pub package_json: Option<&'a str>,
    /// The name of the workspace directory: the last resort for a name.
    pub directory_name: &'a str,
    /// What evaluating the module gave; none when there is no module, or it could not be loaded.
    pub module: Option<&'a ModuleDescription>,
    /// The source of the module, below the workspace root.
    pub module_file: Option<&'a RelPath>,
    /// Whether the build has an entry that could serve the routes.
    pub has_entries: bool,
}

/// The manifest, valid in any case, and what was found. A manifest that does not validate is an error among the findings and is
/// replaced by one with a name, a version and nothing to serve.
pub fn hydrate(input: &HydrationInput<'_>) -> (Value, Vec<Diagnostic>) {
    let mut hydration = Hydration { input, positions: input.package_json.map(Positions::new), diagnostics: Vec::new() };
    let merged = hydration.merge();
    let manifest = match validate_module_manifest(&Value::Object(merged.manifest.clone())) {
        Ok(manifest) => {
            hydration.check(&manifest, &merged);
            manifest
        }
        Err(violations) => {
            hydration.report_violations(&violations, &merged);
            fallback(&merged, input.directory_name)
        }
    };
    let page_findings = page_view_findings(input.projection, input.package_json);
    hydration.diagnostics.extend(page_findings);
    hydration.summarise(&manifest);
    (manifest, hydration.diagnostics)
}

/// One hydration under way.
struct Hydration<'a> {
    input: &'a HydrationInput<'a>,
    positions: Option<Positions<'a>>,
    diagnostics: Vec<Diagnostic>,
}

/// Where a part of the merged manifest was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// In `package.json`, at this path below its root.
    Package(Vec<Step>),
    /// In the module.
    Module,
    /// Nowhere.
    Default,
}

/// Violations past this many are counted, not shown.
const MAX_VIOLATIONS: usize = 20;

impl Hydration<'_> {
    fn report_violations(&mut self, violations: &[Violation], merged: &Merged) {
        let mut texts: Vec<String> = violations.iter().take(MAX_VIOLATIONS).map(ToString::to_string).collect();
        if violations.len() > MAX_VIOLATIONS {
            texts.push(format!("and {} more", violations.len() - MAX_VIOLATIONS));
        }
        let message = format!("Backend module manifest validation failed ({})", texts.join("; "));
        let mut diagnostic = Diagnostic::error("manifest::invalid", message);
        for (index, violation) in violations.iter().take(MAX_VIOLATIONS).enumerate() {
            let origin = merged.origin(&violation.path);
            if index == 0 {
                diagnostic = self.place(diagnostic, &origin);
            } else if let Origin::Package(path) = &origin
                && let Some(span) = self.positions.as_ref().and_then(|positions| positions.span(path))
            {
                diagnostic = diagnostic.related(violation.to_string(), Some(&package_json_path()), Some(span));
            }
        }
        for dropped in self.input.module.iter().flat_map(|module| &module.dropped) {
            diagnostic = diagnostic.note(format!("`{}` was left out: it is {}", dropped.path, dropped.what));
        }
        self.diagnostics.push(diagnostic);
    }

    /// Places a finding where its subject was declared.
    fn place(&self, diagnostic: Diagnostic, origin: &Origin) -> Diagnostic {
        match origin {
            Origin::Package(path) => place_in_package(diagnostic, self.positions.as_ref(), path),
            Origin::Module => match self.input.module_file {
                Some(file) => diagnostic.in_file(file),
                None => diagnostic,
            },
            Origin::Default => diagnostic,
        }
    }
}

fn package_json_path() -> RelPath {
    RelPath::new("package.json").expect("a path")
}

fn place_in_package(diagnostic: Diagnostic, positions: Option<&Positions<'_>>, path: &[Step]) -> Diagnostic {
    match positions.and_then(|positions| positions.span(path)) {
        Some(span) => diagnostic.at(&package_json_path(), span),
        None => diagnostic.in_file(&package_json_path()),
    }
}

/// A manifest that says who it is and serves nothing.
fn fallback(merged: &Merged, directory_name: &str) -> Value {
    let text =
        |key: &str| merged.manifest.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    json!({
        "contractVersion": CONTRACT_VERSION,
        "name": text("name").unwrap_or_else(|| merge::default_name(directory_name)),
        "version": text("version").unwrap_or_else(|| merge::DEFAULT_VERSION.to_owned()),
        "kind": "backend",
        "capabilities": [],
        "routes": [],
        "views": [],
        "jobs": [],
        "events": [],
        "services": [],
    })
}
