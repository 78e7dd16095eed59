//! How a module definition reaches what the embedded engine does not have.

use std::collections::{BTreeMap, VecDeque};

use webstir_engine::db::Db;
use webstir_engine::label::Label;
use webstir_engine::path::RelPath;
use webstir_engine::plan::Scope;
use webstir_typescript::resolve::is_platform;

use crate::kinds::transpile::graph_key;
use crate::modules::{GraphKey, Link, module_graph};

/// The shortest way from a module definition to each import that the embedded engine does not have.
pub(in crate::kinds) fn chains(
    scope: Scope<'_>,
    modules: &Label,
    definition: &RelPath,
) -> BTreeMap<String, Vec<String>> {
    let key = graph_key(scope.db, scope.beside(modules), vec![definition.clone()]);
    key.map(|key| foreign_imports(scope.db, key).clone()).unwrap_or_default()
}

#[salsa::tracked(returns(ref))]
fn foreign_imports<'db>(db: &'db dyn Db, key: GraphKey<'db>) -> BTreeMap<String, Vec<String>> {
    let graph = module_graph(db, key);
    let mut chains = BTreeMap::new();
    let mut before: BTreeMap<&RelPath, Option<&RelPath>> = key.entries(db).iter().map(|entry| (entry, None)).collect();
    let mut open: VecDeque<&RelPath> = key.entries(db).iter().collect();
    while let Some(path) = open.pop_front() {
        for ((specifier, _), link) in graph.modules.get(path).into_iter().flatten() {
            match link {
                Link::Module(target) => {
                    if !before.contains_key(target) {
                        before.insert(target, Some(path));
                        open.push_back(target);
                    }
                }
                Link::External => {
                    let foreign = is_platform(specifier);
                    if !foreign || webstir_script::is_builtin(specifier) || chains.contains_key(&**specifier) {
                        continue;
                    }
                    let mut chain = vec![specifier.to_string()];
                    let mut step = Some(path);
                    while let Some(path) = step {
                        chain.push(path.to_string());
                        step = before.get(path).copied().flatten();
                    }
                    chain.reverse();
                    chains.insert(specifier.to_string(), chain);
                }
            }
        }
    }
    chains
}
