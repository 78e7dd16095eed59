//! What a module says of itself, as operators see it.

use serde::Serialize;
use serde_json::Value;

/// The module in `/readyz` and in the log. Counts are of what is served.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ManifestSummary {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub routes: usize,
    pub views: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Whether the module exports a manifest.
    #[serde(skip)]
    pub is_declared: bool,
}

impl ManifestSummary {
    pub(super) fn new(manifest: Option<&Value>, routes: usize, views: usize) -> Self {
        let text = |name: &str| manifest.and_then(|manifest| manifest[name].as_str()).map(str::to_owned);
        let capabilities = manifest.and_then(|manifest| manifest["capabilities"].as_array());
        Self {
            name: text("name"),
            version: text("version"),
            routes,
            views,
            capabilities: capabilities
                .map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default(),
            is_declared: manifest.is_some(),
        }
    }

    /// The line that is logged at start.
    pub fn line(&self) -> String {
        let (routes, views) = (self.routes, self.views);
        if !self.is_declared {
            return format!("[webstir-backend] manifest routes={routes} views={views} (no manifest metadata found)");
        }
        let name = self.name.as_deref().unwrap_or("unknown");
        let mut line = format!("[webstir-backend] manifest name={name} routes={routes} views={views}");
        if !self.capabilities.is_empty() {
            line += &format!(" [{}]", self.capabilities.join(", "));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn c17_counts_are_of_what_is_served() {
        let manifest =
            json!({ "name": "shop", "version": "1.0.0", "capabilities": ["http", "db"], "routes": [1, 2, 3] });
        let summary = ManifestSummary::new(Some(&manifest), 2, 1);
        assert_eq!(summary.line(), "[webstir-backend] manifest name=shop routes=2 views=1 [http, db]");
        assert_eq!(
            serde_json::to_value(&summary).unwrap(),
            json!({ "name": "shop", "version": "1.0.0", "routes": 2, "views": 1, "capabilities": ["http", "db"] })
        );
        assert_eq!(
            ManifestSummary::new(None, 0, 0).line(),
            "[webstir-backend] manifest routes=0 views=0 (no manifest metadata found)"
        );
    }
}
