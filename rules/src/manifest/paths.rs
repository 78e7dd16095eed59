//! Paths of routes and views that nothing can reach.

use serde_json::Value;
use webstir_contract::PathPattern;
use webstir_contract::path_pattern::declared_route_key;
use webstir_contract::schema::Step;
use webstir_engine::diagnostic::Diagnostic;

use super::Hydration;
use super::merge::Merged;

/// Findings past this many are counted, not told.
const MAX_TOLD: usize = 20;

/// One that is mounted.
struct Mounted {
    method: String,
    pattern: PathPattern,
    /// What makes routes equal; a view has none.
    key: Option<String>,
}

impl Mounted {
    fn name(&self) -> String {
        match &self.key {
            Some(_) => format!("{} {}", self.method, self.pattern.as_str()),
            None => format!("view {}", self.pattern.as_str()),
        }
    }
}

impl Hydration<'_> {
    /// Routes come first, in their order, then views.
    pub(super) fn check_paths(&mut self, manifest: &Value, merged: &Merged) {
        let mut mounted: Vec<Mounted> = Vec::new();
        let mut found = Vec::new();
        for list in ["routes", "views"] {
            let items = manifest.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            for (index, item) in items.iter().enumerate() {
                // Views with a page are patterns of the frontend, with rules of their own.
                if item.get("page").is_some() {
                    continue;
                }
                let origin = merged.origin(&[Step::Key(list.to_owned()), Step::Index(index)]);
                let path = item.get("path").and_then(Value::as_str).unwrap_or("/");
                let pattern = match PathPattern::parse(path) {
                    Ok(pattern) => pattern,
                    Err(error) => {
                        let message = format!("`{path}` cannot be served: {}", lower_first(&error.to_string()));
                        let diagnostic = Diagnostic::warning("manifest::bad_path", message)
                            .help("The other routes are served; change this path");
                        found.push((diagnostic, origin));
                        continue;
                    }
                };
                let method = item.get("method").and_then(Value::as_str).unwrap_or("GET").to_uppercase();
                let key = (list == "routes").then(|| declared_route_key(item)).flatten();
                let this = Mounted { method, pattern, key };
                let first = mounted.iter().find(|earlier| {
                    earlier.method == this.method
                        && earlier.pattern.covers(&this.pattern)
                        // Equal routes are told as duplicates.
                        && (earlier.key.is_none() || earlier.key != this.key)
                });
                if let Some(first) = first {
                    let message = format!(
                        "`{}` can never match: `{}`, which comes first, takes its requests",
                        this.name(),
                        first.name()
                    );
                    let diagnostic = Diagnostic::warning("manifest::shadowed_route", message)
                        .help("Declare the narrower path first, or change one of them");
                    found.push((diagnostic, origin));
                }
                mounted.push(this);
            }
        }
        let more = found.len().saturating_sub(MAX_TOLD);
        for (diagnostic, origin) in found.into_iter().take(MAX_TOLD) {
            let diagnostic = self.place(diagnostic, &origin);
            self.diagnostics.push(diagnostic);
        }
        if more > 0 {
            let message = format!("{more} more routes or views cannot be reached");
            self.diagnostics.push(Diagnostic::warning("manifest::shadowed_route", message));
        }
    }
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
