//! Starting from the log of the last build.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use webstir_engine::db::Db as _;
use webstir_engine::digest::{Digest, KeyHasher};
use webstir_engine::event::Status;
use webstir_engine::machine::{Machine as _, ProgramDb as _, Wanted};
use webstir_engine::schedule::{Report, Run};
use webstir_engine::start::{self, BuildToCache, StartLog};
use webstir_engine::state_directory::file_name;
use webstir_engine::store::Store;
use webstir_engine::system::{Stat, System as _};
use webstir_engine::tree::Materialised;

use super::{Built, Engine, Workspace};

/// The log of one profile of a workspace.
pub(super) struct Start {
    path: PathBuf,
    /// `None` without a store: a cold start is what was asked for.
    key: Option<Digest>,
    /// Stands for the workspace and the profile in the store's record of use.
    root_set: Digest,
}

/// What the log keeps beside what the engine knows.
#[derive(Serialize, Deserialize)]
struct Rest {
    manifest: Option<serde_json::Value>,
    /// What stands for each program that a key references; `None` where there was none.
    programs: Vec<(Wanted, Option<Digest>)>,
    /// What stands for each account that a plan depends on.
    accounts: Vec<(Box<str>, Option<Digest>)>,
    /// The packages that were reached.
    packages: Vec<Box<str>>,
}

impl Start {
    pub(super) fn new(workspace: &Workspace, profile: &str) -> Self {
        let mut hasher = KeyHasher::new("webstir start key v1");
        let store = Store::identity(&workspace.store);
        hasher.text(&program()).text(profile).text(store.as_deref().unwrap_or_default()).digest(workspace.sources);
        // It may stand in what is made.
        hasher.text(workspace.system.name());
        // What it accepts may be less than what this build does.
        hasher.number(u64::from(workspace.environment.is_strict));
        for (name, value) in &workspace.environment.values {
            hasher.text(name).text(value);
        }
        for (name, digest) in &workspace.environment.secrets {
            hasher.text(name).digest(*digest);
        }
        let root_set =
            KeyHasher::new("webstir store user v1").text(&workspace.root.to_string_lossy()).text(profile).finish();
        Self {
            root_set,
            path: workspace.state().join("start").join(file_name(profile)),
            key: store.map(|_| hasher.finish()),
        }
    }

    /// What the last build gave, if nothing that it depends on has changed and its tree is whole. Otherwise the workspace takes
    /// digests of files from the log. Where packages are held to the lockfile, there may be nothing to say of that.
    pub(super) fn cached_build(&self, workspace: &Arc<Workspace>, profile: &str) -> Option<Built> {
        // Whether generated sources are as they should be the log does not know.
        if !webstir_rules::generated(&workspace.config, profile).is_empty() {
            return None;
        }
        let mut log = StartLog::read(&self.path)?;
        let cached = if Some(log.key()) == self.key { log.cached_build(&workspace.system, &self.path) } else { None };
        log.lend(&workspace.system);
        let cached = cached?;
        let Rest { manifest, programs, accounts, packages } = serde_json::from_slice(&cached.rest).ok()?;
        let machine = webstir_rules::Programs::new(&workspace.root);
        if accounts.iter().any(|(name, said)| account(&machine, name) != *said) {
            return None;
        }
        if programs.iter().any(|(wanted, found)| machine.program(wanted).map(|found| found.digest()) != *found) {
            return None;
        }
        if workspace.environment.is_strict
            && webstir_rules::compare_with_lockfile(&workspace.root, &packages, &mut cached.diagnostics.clone())
        {
            return None;
        }
        let tree = workspace.tree(profile)?;
        if !tree.holds(&cached.artifacts).ok()? {
            return None;
        }
        if !Store::is_use_noted(&workspace.store, self.root_set) {
            // Once a day: what an unchanged workspace references is not to be evicted.
            let _ = super::store::open(&workspace.store).ok()?.note_use(self.root_set, &cached.references);
        }
        let reports = cached.actions.into_iter();
        let reports =
            reports.map(|(label, key)| Report { label, status: Status::Cached, key, duration: Duration::ZERO });
        Some(Built {
            workspace: workspace.clone(),
            profile: profile.to_owned(),
            ok: cached.ok,
            world_failed: false,
            run: Some(Run { plans: BTreeMap::new(), reports: reports.collect() }),
            diagnostics: cached.diagnostics,
            materialised: Some(Materialised { kept: cached.artifacts.len(), ..Materialised::default() }),
            artifacts: cached.artifacts,
            manifest,
            explanation: None,
            sandbox: None,
            is_as_locked: true,
            duration: Duration::ZERO,
        })
    }

    /// Keeps what a build gave, if all of it would be taken from the store again, and notes what it references.
    pub(super) fn keep(&self, built: &Built, engine: &mut Engine) {
        let (Some(key), Some(run)) = (self.key, &built.run) else { return };
        let steps = || run.plans.values().flat_map(|plan| &plan.steps);
        let facts = engine.scheduler.database().facts().used();
        let mut references: Vec<Digest> = steps().map(|step| step.action.key(&[]).0).chain(facts).collect();
        references.sort_unstable();
        references.dedup();
        // What is not noted is evicted sooner, nothing else.
        let _ = engine.store.note_use(self.root_set, &references);
        let is_kept =
            steps().all(|step| step.action.cacheable && step.result.as_ref().is_some_and(|result| result.is_done()));
        if !is_kept || !run.is_done() || built.materialised.is_none() || built.world_failed || !built.is_as_locked {
            return;
        }
        let programs = engine.scheduler.database().programs().wanted().into_iter();
        let programs = programs.map(|wanted| {
            let found = engine.programs.program(&wanted).map(|found| found.digest());
            (wanted, found)
        });
        let accounts = engine.scheduler.database().programs().accounts().into_iter();
        let accounts = accounts.map(|name| {
            let said = account(&engine.programs, &name);
            (name, said)
        });
        let packages = engine.reached_packages(&built.workspace, run);
        let (programs, accounts) = (programs.collect(), accounts.collect());
        let rest = Rest { manifest: built.manifest.clone(), programs, accounts, packages };
        let to_cache = BuildToCache {
            ok: built.ok,
            reports: &run.reports,
            diagnostics: &built.diagnostics,
            artifacts: &built.artifacts,
            references: &references,
            rest: &serde_json::to_vec(&rest).unwrap_or_default(),
        };
        // A log that cannot be written costs the next start its time, nothing else.
        let _ = start::write(&self.path, key, engine.scheduler.database(), &built.workspace.system, &to_cache);
    }
}

fn account(machine: &webstir_rules::Programs, name: &str) -> Option<Digest> {
    machine.account(name).map(|said| Digest::of(said.as_bytes()))
}

/// What stands for this program: a build of it at its place on disk.
fn program() -> String {
    let stat = std::env::current_exe().and_then(std::fs::metadata).map(|metadata| Stat::of(&metadata));
    format!("{} {stat:?}", env!("CARGO_PKG_VERSION"))
}
