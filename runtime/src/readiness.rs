//! Whether the runtime can serve, for `/readyz`.

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

/// The payload of `/readyz`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Readiness {
    pub status: ReadinessStatus,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Absent if the module has no manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestSummary>,
    /// Absent if nothing is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadinessStatus {
    Booting,
    Ready,
    Error,
}

impl ReadinessStatus {
    pub fn http_status(self) -> StatusCode {
        match self {
            Self::Ready => StatusCode::OK,
            Self::Booting | Self::Error => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// What is served. Routes and views are counted as they are mounted, whatever the manifest lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ManifestSummary {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub routes: usize,
    pub views: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
}

impl ManifestSummary {
    /// `manifest` is what the module exports: whatever it holds, the module is served.
    pub fn new(manifest: &Value, routes: usize, views: usize) -> Self {
        let text = |name: &str| manifest[name].as_str().map(str::to_owned);
        let capabilities = manifest["capabilities"].as_array().into_iter().flatten();
        Self {
            name: text("name"),
            version: text("version"),
            routes,
            views,
            capabilities: capabilities.filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    }
}

/// The line that says at start what is served.
pub fn manifest_line(summary: Option<&ManifestSummary>, routes: usize, views: usize) -> String {
    match summary {
        None => format!("[webstir-backend] manifest routes={routes} views={views} (no manifest metadata found)"),
        Some(ManifestSummary { name, routes, views, capabilities, .. }) => {
            let list = if capabilities.is_empty() { String::new() } else { format!(" [{}]", capabilities.join(", ")) };
            let name = name.as_deref().unwrap_or("unknown");
            format!("[webstir-backend] manifest name={name} routes={routes} views={views}{list}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ManifestSummary, Readiness, ReadinessStatus, manifest_line};
    use serde_json::json;

    fn summary(capabilities: &[&str]) -> ManifestSummary {
        let manifest = json!({ "name": "shop", "version": "2.0.0", "capabilities": capabilities });
        ManifestSummary::new(&manifest, 3, 1)
    }

    #[test]
    fn members_that_are_absent_are_left_out() {
        let readiness = Readiness { status: ReadinessStatus::Booting, message: None, manifest: None, metrics: None };
        assert_eq!(json!(readiness), json!({"status": "booting"}));
        assert_eq!(readiness.status.http_status(), 503);
        let readiness = Readiness {
            status: ReadinessStatus::Error,
            message: Some("boom".to_owned()),
            manifest: Some(summary(&[])),
            metrics: Some(json!({"enabled": true})),
        };
        let manifest = json!({"name": "shop", "version": "2.0.0", "routes": 3, "views": 1});
        let expected =
            json!({"status": "error", "message": "boom", "manifest": manifest, "metrics": {"enabled": true}});
        assert_eq!(json!(readiness), expected);
        assert_eq!(ReadinessStatus::Ready.http_status(), 200);
    }

    /// c17: what is mounted is counted, not what the manifest lists.
    #[test]
    fn c17_mounted_routes_are_counted() {
        let summary = summary(&["auth", "db"]);
        assert_eq!(json!(summary)["routes"], 3);
        let line = "[webstir-backend] manifest name=shop routes=3 views=1 [auth, db]";
        assert_eq!(manifest_line(Some(&summary), 0, 0), line);
        let line = "[webstir-backend] manifest routes=2 views=0 (no manifest metadata found)";
        assert_eq!(manifest_line(None, 2, 0), line);
    }
}
