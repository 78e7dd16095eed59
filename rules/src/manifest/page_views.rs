//! What is wrong with views that a frontend page serves.

use serde_json::Value;
use webstir_contract::page_view::page_views;
use webstir_contract::schema::Step;
use webstir_engine::diagnostic::Diagnostic;

use super::position::Positions;
use super::{Projection, place_in_package};

/// A view that is not sound is an error at its place in `package.json`.
pub(super) fn page_view_findings(projection: &Projection, package_json: Option<&str>) -> Vec<Diagnostic> {
    let declared = projection.manifest.get("views").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let (_, faults) = page_views(declared);
    let positions = package_json.filter(|_| !faults.is_empty()).map(Positions::new);
    let findings = faults.into_iter().map(|fault| {
        let steps = ["webstir", "moduleManifest", "views"].map(|key| Step::Key(key.to_owned()));
        let last = [Step::Index(fault.index), Step::Key(fault.key.to_owned())];
        let path: Vec<Step> = steps.into_iter().chain(last).collect();
        place_in_package(Diagnostic::error("manifest::page_view", fault.message), positions.as_ref(), &path)
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::projection;

    #[test]
    fn each_fault_has_its_place() {
        let views = json!([{ "page": "p", "path": "/a" }, { "page": "p", "path": "a" }, { "page": 1, "path": "/b" }]);
        let text = json!({ "webstir": { "moduleManifest": { "views": views } } }).to_string();
        let (projection, _) = projection(Some(&text));
        let findings = page_view_findings(&projection, Some(&text));
        let places: Vec<&str> = findings
            .iter()
            .map(|finding| finding.span.map_or("", |span| &text[span.start as usize..span.end as usize]))
            .collect();
        assert!(findings.iter().all(Diagnostic::is_error));
        assert_eq!(places, ["\"a\"", "1"]);
    }
}
