//! What a finished run means to its caller.

use std::collections::BTreeSet;

use rayon::prelude::*;
use webstir_engine::action::Artifact;
use webstir_engine::blob::Blobs;
use webstir_engine::config::Config;
use webstir_engine::db::{Db, Settings};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;
use webstir_engine::plan::State;
use webstir_engine::schedule::{Run, Scheduler};
use webstir_typescript::source::Language;

use crate::modules::{PathKey, RuleKey, facts, file_set};
use crate::schema;

/// Computes the facts of every module in the file sets on all workers, so that planning finds them.
pub fn warm(scheduler: &mut Scheduler) {
    let database = scheduler.database().clone();
    let db: &dyn Db = &database;
    let config = Settings::get(db).config(db).clone();
    let mut modules: Vec<RelPath> = Vec::new();
    for rule in config.rules().iter().filter(|rule| rule.label().kind() == "files") {
        let files = file_set(db, RuleKey::new(db, rule.label().clone()));
        modules.extend(files.iter().filter(|path| Language::of(path).is_some()).cloned());
    }
    modules.sort();
    modules.dedup();
    scheduler.pool().install(|| {
        modules.par_iter().for_each_with(database, |database, path| {
            // Outside of any query: the worker may hold another handle of the same database.
            salsa::attach_allow_change(database, || facts(database, PathKey::new(database, path.clone())));
        });
    });
}

/// The module manifest that a run made, when it did.
pub fn manifest_of(run: &Run, blobs: &dyn Blobs) -> Option<serde_json::Value> {
    let mut plans = run.plans.iter().filter(|(label, _)| label.kind() == "manifest");
    let artifact: &Artifact = plans.find_map(|(_, plan)| plan.artifacts.first())?;
    serde_json::from_slice(&blobs.get(artifact.digest).ok()??).ok()
}

/// The order in which files become visible: what others refer to first, the index last.
pub fn materialising_rank(path: &RelPath) -> u8 {
    match path.file_name() {
        "artifacts.json" | "build-manifest.json" => 4,
        "manifest.json" => 3,
        "index.js" | "module.js" => 2,
        _ if path.extension() == "map" => 0,
        _ => 1,
    }
}

/// Drops what the type checker says better: it has an error of its own wherever the transpiler gave up on a file. What several checks
/// say of one file that they all read is kept once.
pub fn drop_repeats(diagnostics: &mut Vec<Diagnostic>) {
    let mut said = BTreeSet::new();
    diagnostics.retain(|diagnostic| {
        let is_of_a_file = diagnostic.file.is_some() && diagnostic.code.starts_with("typecheck::");
        !is_of_a_file || said.insert(Diagnostic { rule: None, ..diagnostic.clone() })
    });
    let line = |diagnostic: &Diagnostic| Some((diagnostic.file.clone()?, diagnostic.span?.line));
    let checked: BTreeSet<_> = diagnostics
        .iter()
        .filter(|diagnostic| is_syntax_error_of_the_checker(&diagnostic.code))
        .filter_map(line)
        .collect();
    diagnostics.retain(|diagnostic| {
        diagnostic.code != "transpile::syntax" || !line(diagnostic).is_some_and(|line| checked.contains(&line))
    });
}

/// The compiler numbers what its parser finds from 1000 to 1999, and a few errors of other kinds; only one on the same line counts.
fn is_syntax_error_of_the_checker(code: &str) -> bool {
    let number = code.strip_prefix("typecheck::ts").and_then(|number| number.parse().ok());
    number.is_some_and(|number: u32| (1000..2000).contains(&number))
}

/// Whether checks hold up what is materialised in this profile.
pub fn is_gated(config: &Config, profile: &str) -> bool {
    schema::is_set(config, profile, "gate")
}

/// Whether the tree of a run may be materialised. Type checking blocks nothing where no profile `is_gated`; that wants no error at all.
pub fn may_be_materialised(run: &Run, is_gated: bool, clean: bool) -> bool {
    if is_gated {
        return clean && run.is_done();
    }
    run.plans.iter().all(|(rule, plan)| plan.state == State::Done || rule.kind() == "typecheck")
}

/// The field of its rule that a finding of this code is about.
pub fn field_of(code: &str) -> Option<&'static str> {
    match code {
        "command::changed_input" | "command::undeclared_input" => Some("inputs"),
        "command::undeclared_rule" => Some("from"),
        "command::no_output" | "command::no_file" | "command::undeclared_output" | "command::secret_in_output" => {
            Some("outputs")
        }
        "command::short_secret" => Some("secret"),
        "command::failed" => Some("run"),
        "command::more_problems" => Some("problems"),
        _ => None,
    }
}

/// Whether a finding is about the world (no network, no compiler) rather than about the user's code.
pub fn is_of_the_world(diagnostic: &Diagnostic) -> bool {
    matches!(&*diagnostic.code, "toolchain::unavailable" | "typecheck::needs_node")
}

#[cfg(test)]
mod tests {
    use webstir_engine::diagnostic::Span;
    use webstir_engine::label::Label;

    use super::*;

    #[test]
    fn what_two_checks_say_of_one_place_is_said_once() {
        let file = RelPath::new("p0/a.ts").unwrap();
        let found = |rule: &str, line: u32| {
            let span = Span { start: 0, end: 1, line, column: 1 };
            Diagnostic::error("typecheck::ts2322", "No").at(&file, span).of_rule(&Label::new("typecheck", rule))
        };
        let without_file =
            |rule: &str| Diagnostic::warning("typecheck::x", "No").of_rule(&Label::new("typecheck", rule));
        let mut all = vec![found("p0", 1), found("p1", 1), found("p1", 2), without_file("p0"), without_file("p1")];
        drop_repeats(&mut all);
        assert_eq!(all, [found("p0", 1), found("p1", 2), without_file("p0"), without_file("p1")]);
    }

    #[test]
    fn the_checker_says_better_what_the_transpiler_gave_up_on() {
        let file = RelPath::new("a.ts").unwrap();
        let at = |code: &'static str, line: u32| {
            Diagnostic::error(code, "No").at(&file, Span { start: 0, end: 1, line, column: 1 })
        };
        let mut all = vec![at("transpile::syntax", 1), at("transpile::syntax", 2), at("typecheck::ts1005", 1)];
        drop_repeats(&mut all);
        assert_eq!(all, [at("transpile::syntax", 2), at("typecheck::ts1005", 1)]);
    }
}
