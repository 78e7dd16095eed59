//! Where programs begin: the files of an `entries` rule, sorted into *buckets*, and the source of the module definition.

use std::collections::BTreeSet;
use std::sync::Arc;

use webstir_engine::config::glob::Globs;
use webstir_engine::db::{Db, Settings};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;

use super::{PathKey, RuleKey, facts, searched_set};

/// What an `entries` rule found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct EntryPoints {
    /// In the order of the configuration.
    pub buckets: Vec<Bucket>,
    /// The source of the module definition.
    pub module: Option<RelPath>,
    /// What is wrong with them.
    pub diagnostics: Vec<Diagnostic>,
}

/// Entries of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub name: Arc<str>,
    pub files: Vec<RelPath>,
    /// Whether only a bundle writes them.
    pub linked: bool,
}

impl EntryPoints {
    /// The files of the buckets that are linked, or of those that are not, each once, in order.
    pub(crate) fn files(&self, linked: bool) -> Vec<RelPath> {
        let mut seen = BTreeSet::new();
        let buckets = self.buckets.iter().filter(|bucket| bucket.linked == linked);
        buckets.flat_map(|bucket| &bucket.files).filter(|file| seen.insert(*file)).cloned().collect()
    }
}

/// The entry points of an `entries` rule.
#[salsa::tracked(returns(ref))]
pub fn entry_points<'db>(db: &'db dyn Db, key: RuleKey<'db>) -> EntryPoints {
    let config = Settings::get(db).config(db);
    let mut points = EntryPoints::default();
    let Some(node) = config.rule(key.label(db)) else { return points };
    let Some(from) = node.reference("from") else { return points };
    let found = searched_set(db, RuleKey::new(db, from.value.clone()));
    points.diagnostics.extend(found.warning());
    let files = &found.files;
    let set = config.rule(from);
    let base = node.path("root").or_else(|| set.and_then(|set| set.path("base")));
    let base = base.map_or_else(RelPath::root, |path| path.value.clone());
    let below = |file: &RelPath| file.strip_prefix(&base).unwrap_or(file.as_str()).to_owned();
    for bucket in node.blocks("bucket") {
        let name = bucket.name().map_or_else(|| Arc::from("entries"), |name| name.value.clone());
        let globs = Globs::new(bucket.texts("globs").map(|glob| &*glob.value));
        let found: Vec<RelPath> = files.iter().filter(|file| globs.is_match(&below(file))).cloned().collect();
        let most = bucket.integer("max").map_or(usize::MAX, |max| usize::try_from(max.value).unwrap_or(usize::MAX));
        if found.len() > most {
            let names: Vec<_> = found.iter().map(|file| format!("`{file}`")).collect();
            points.diagnostics.push(
                Diagnostic::error(
                    "entries::too_many",
                    format!("The bucket `{name}` takes {most} and matches {}: {}", found.len(), names.join(", ")),
                )
                .help("Remove or rename all but one")
                .of_rule(node.label()),
            );
        }
        if found.is_empty() && !bucket.boolean("optional").is_some_and(|optional| optional.value) {
            let message = format!("No file is an entry of the bucket `{name}`");
            let diagnostic = Diagnostic::warning("entries::none", message).of_rule(node.label());
            points.diagnostics.push(config.put(diagnostic, bucket.place()));
        }
        let linked = bucket.boolean("linked").is_some_and(|linked| linked.value);
        points.buckets.push(Bucket { name, files: found, linked });
    }
    points.module = node.block("module-definition").and_then(|definition| {
        let mut candidates = definition.texts("try").map(|glob| &*glob.value);
        let tried = candidates.find_map(|glob| {
            let glob = Globs::new([glob]);
            files.iter().find(|file| glob.is_match(&below(file))).cloned()
        });
        tried.or_else(|| {
            definition.blocks("try-export").find_map(|attempt| {
                let globs = Globs::new(attempt.texts("glob").map(|glob| &*glob.value));
                let name = attempt.text("name").map_or("module", |name| &name.value);
                let exports = |file: &&RelPath| {
                    facts(db, PathKey::new(db, (*file).clone())).as_ref().is_some_and(|facts| facts.exports(name))
                };
                files.iter().filter(|file| globs.is_match(&below(file))).find(exports).cloned()
            })
        })
    });
    points
}
