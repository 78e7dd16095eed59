//! Modules that are linked for two platforms.
//!
//! A module is transpiled once, and what `#imports` lead to is written into it. Where its bundles are for Node and for a browser, and the
//! two lead elsewhere, it cannot be linked for both.

use webstir_engine::path::RelPath;
use webstir_engine::plan::{Planner, Target};
use webstir_typescript::resolve::Platform;

use super::super::transpile::{linking, linking_on, platform};
use crate::modules::{GraphKey, PathKey, differing_import, imports, module_graph};

/// Whether something that `entry` reaches leads elsewhere for the bundle that is planned than in the modules as `rule` transpiles them,
/// which is reported.
pub(super) fn differ(planner: &mut Planner<'_>, rule: Target<'_>, entry: &RelPath) -> bool {
    let (db, platform) = (planner.db, platform(planner.node));
    let (Some(transpiled), Some(linked)) = (linking(db, rule), linking_on(db, rule, platform)) else { return false };
    if transpiled == linked {
        return false;
    }
    let mut differ = false;
    for module in module_graph(db, GraphKey::new(db, vec![entry.clone()], linked)).modules.keys() {
        let key = PathKey::new(db, module.clone());
        let here = &imports(db, key, linked).links;
        for (request, there) in &imports(db, key, transpiled).links {
            let Some(here) = here.get(request).filter(|here| *here != there) else { continue };
            let (browser, node) = if platform == Platform::Browser { (here, there) } else { (there, here) };
            planner.report(differing_import(db, key, request, transpiled, browser, node));
            differ = true;
        }
    }
    differ
}
