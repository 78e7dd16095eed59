//! Running an action looks at nothing but the action and what it discovers and records.
//!
//! A workspace with every rule kind is built twice over a file system that records: each run is alone, and whatever it asked is either a
//! declared input or among the discovered inputs of the same run. For processes the process itself says what it was given.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "tests prepare real directories")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use webstir_engine::action::{Action, Origin};
use webstir_engine::database::Database;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::digest::Digest;
use webstir_engine::discovered::FileQuery;
use webstir_engine::environment::Environment;
use webstir_engine::execute::Executor;
use webstir_engine::fact::FactTable;
use webstir_engine::path::RelPath;
use webstir_engine::run::{Context, Run, RunResult, Runs};
use webstir_engine::schedule::Scheduler;
use webstir_engine::store::Store;
use webstir_engine::system::{FileContent, Listing, Os, PathKind, System, Version};
use webstir_rules::{Processes, Programs, Resources};
use webstir_toolchain::Packages;

type Asked = BTreeSet<(RelPath, FileQuery)>;

/// A file system that keeps what was asked.
#[derive(Debug)]
struct Recording {
    os: Arc<Os>,
    asked: Mutex<Asked>,
}

impl Recording {
    fn note(&self, path: &RelPath, query: FileQuery) {
        self.asked.lock().unwrap().insert((path.clone(), query));
    }

    fn take(&self) -> Asked {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl System for Recording {
    fn name(&self) -> &str {
        panic!("running asked for the name of the workspace");
    }

    fn kind(&self, path: &RelPath) -> io::Result<PathKind> {
        self.note(path, FileQuery::Kind);
        self.os.kind(path)
    }

    fn read(&self, path: &RelPath) -> io::Result<Vec<u8>> {
        self.note(path, FileQuery::Content);
        self.os.read(path)
    }

    // The executor checks the declared inputs of a process by these two, before and after its run; no run has them.
    fn content(&self, path: &RelPath) -> io::Result<FileContent> {
        self.os.content(path)
    }

    fn version(&self, path: &RelPath) -> io::Result<Option<Version>> {
        self.os.version(path)
    }

    fn list(&self, path: &RelPath) -> io::Result<Listing> {
        self.note(path, FileQuery::Entries);
        self.os.list(path)
    }

    fn real_path(&self, path: &RelPath) -> io::Result<Option<RelPath>> {
        self.note(path, FileQuery::RealPath);
        self.os.real_path(path)
    }
}

/// A rule kind whose runs are alone and watched.
struct Watched {
    inner: Arc<dyn Run>,
    system: Arc<Recording>,
    alone: Arc<Mutex<()>>,
    ran: Arc<Mutex<Vec<Action>>>,
}

impl Run for Watched {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn is_process(&self) -> bool {
        self.inner.is_process()
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let _alone = self.alone.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.system.take();
        let result = self.inner.run(context);
        let asked = self.system.take();
        let mut allowed: Asked =
            context.view.discovered().iter().map(|(path, input)| (path.clone(), input.query())).collect();
        assert!(context.action.discovers_inputs || allowed.is_empty(), "{} discovers no inputs", context.action.label);
        let inputs = context.action.inputs.iter().filter(|input| input.origin == Origin::Workspace);
        allowed.extend(inputs.map(|input| (input.path.clone(), FileQuery::Content)));
        let beyond: Vec<_> = asked.difference(&allowed).collect();
        assert!(beyond.is_empty(), "{} looked at {beyond:?}", context.action.label);
        self.ran.lock().unwrap().push(context.action.clone());
        result
    }
}

fn workspace() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/api");
    copy(&template, root);
    let write = |name: &str, text: &str| {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), text).unwrap();
    };
    write(
        "webstir.kdl",
        "workspace { mode api; environment \"GIVEN\" \"OTHER\"; }\n\
         files assets { include \"assets/**\"; }\n\
         copy assets { from \"files:assets\"; to \"{out}/assets\"; }\n\
         command dump { run \"node\" \"../tools/dump.mjs\" \"one\" \"two words\"; directory \"assets\"; inputs \"assets/**\" \"tools/run.sh\"; from \"copy:assets\"; environment \"GIVEN\" SET=\"by the rule\"; outputs \"{out}/dump.json\"; }\n",
    );
    write("assets/a.txt", "a");
    write("assets/b/c.txt", "c");
    write("tools/run.sh", "#!/bin/sh\n");
    fs::set_permissions(root.join("tools/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    write(
        "tools/dump.mjs",
        "import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';\n\
         const files = {};\n\
         const walk = (below) => {\n\
           for (const name of readdirSync(`../${below}`)) {\n\
             const path = below ? `${below}/${name}` : name;\n\
             const stat = statSync(`../${path}`);\n\
             if (stat.isDirectory()) walk(path);\n\
             else files[path] = [readFileSync(`../${path}`, 'utf8'), (stat.mode & 0o100) !== 0];\n\
           }\n\
         };\n\
         walk('');\n\
         const { argv, env } = process;\n\
         writeFileSync(`../${process.env.WEBSTIR_OUT}/dump.json`, JSON.stringify({ argv, env, cwd: process.cwd(), files }));\n",
    );
    directory
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let name = entry.file_name();
        if ["build", "dist", ".webstir", "node_modules"].iter().any(|skipped| name == *skipped) {
            continue;
        }
        let target = to.join(&name);
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Builds a profile with watched runs and gives what ran.
fn build(root: &Path, profile: &str, store: &Path) -> (Vec<Action>, Vec<(RelPath, Digest)>, Arc<Store>) {
    let os = Arc::new(Os::new(root).unwrap());
    let read = |name: &str| fs::read_to_string(root.join(name)).ok();
    let (config, found) = webstir_rules::configuration(read("webstir.kdl").as_deref(), read("package.json").as_deref());
    assert!(!found.iter().any(Diagnostic::is_error), "{found:?}");
    let config = Arc::new(config);
    let store = Arc::new(Store::open(store).unwrap());
    let mut resources = Resources::from_environment(root, false);
    resources.packages = Packages::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("toolchain"));
    let mut processes = Processes::new(root);
    processes.helper = webstir_process::testing::helper();
    resources.processes = processes;
    let system = Arc::new(Recording { os: os.clone(), asked: Mutex::default() });
    let (alone, ran) = (Arc::default(), Arc::<Mutex<Vec<Action>>>::default());
    let watch = |inner: Arc<dyn Run>| -> Arc<dyn Run> {
        Arc::new(Watched { inner, system: system.clone(), alone: Arc::clone(&alone), ran: ran.clone() })
    };
    let runs = Runs::new(webstir_rules::runs(&Arc::new(resources)).into_inner().into_iter().map(watch).collect());
    let machine = Arc::new(Programs::new(root));
    let values = BTreeMap::from([("GIVEN".to_owned(), "yes".to_owned()), ("OTHER".to_owned(), "no".to_owned())]);
    let environment = Environment { values, ..Environment::default() };
    let facts = Arc::new(FactTable::new(Some(store.clone()), webstir_rules::implementation()));
    let plans = Arc::new(webstir_rules::plans());
    let database = Database::new(os, machine.clone(), plans, facts, config.clone(), environment);
    let executor = Executor::new(2, Arc::new(runs), system, machine, store.clone(), Arc::new(|_| {})).unwrap();
    let mut scheduler = Scheduler::new(database, store.clone(), executor, Arc::new(|_| {}), Arc::default());
    let goals: Vec<_> = config.rules_in(profile).map(|rule| rule.label().clone()).collect();
    let run = scheduler.run(profile, &goals).unwrap();
    assert!(run.is_done(), "{:?}", run.diagnostics());
    let artifacts = run.artifacts().into_iter().map(|artifact| (artifact.path, artifact.digest)).collect();
    let ran = std::mem::take(&mut *ran.lock().unwrap());
    (ran, artifacts, store)
}

#[test]
fn every_rule_kind_reads_only_what_its_action_or_its_discovered_inputs_name() {
    let workspace = workspace();
    let mut kinds = BTreeSet::new();
    for profile in ["build", "publish"] {
        let store = tempfile::tempdir().unwrap();
        let (ran, ..) = build(workspace.path(), profile, store.path());
        kinds.extend(ran.iter().map(|action| action.label.rule.kind().to_owned()));
    }
    let all: BTreeSet<String> =
        ["artifacts", "bundle", "command", "copy", "manifest", "transpile", "typecheck"].map(str::to_owned).into();
    assert_eq!(kinds, all);
}

#[test]
fn a_process_is_given_what_its_action_says() {
    use webstir_engine::blob::Blobs as _;

    let workspace = workspace();
    let store = tempfile::tempdir().unwrap();
    let (ran, artifacts, store) = build(workspace.path(), "build", store.path());
    let action = ran.iter().find(|action| action.label.rule.kind() == "command").unwrap();
    let process = action.process().unwrap();
    let (_, digest) = artifacts.iter().find(|(path, _)| path.as_str() == "build/dump.json").unwrap();
    let dump: serde_json::Value = serde_json::from_slice(&store.get(*digest).unwrap().unwrap()).unwrap();

    let given: Vec<&str> = dump["argv"].as_array().unwrap().iter().skip(2).map(|word| word.as_str().unwrap()).collect();
    assert_eq!(given, process.arguments.iter().skip(2).map(|word| &**word).collect::<Vec<_>>());
    let directory = dump["cwd"].as_str().unwrap();
    let root = directory.strip_suffix(&format!("/{}", process.directory)).unwrap();
    assert!(!Path::new(root).starts_with(workspace.path()));

    let base = ["PATH", "HOME", "TMPDIR", "TZ", "LC_ALL", "NO_COLOR", "SOURCE_DATE_EPOCH"];
    let env = dump["env"].as_object().unwrap();
    let own: BTreeMap<&str, &str> = env
        .iter()
        .filter(|(name, _)| !base.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let declared: BTreeMap<&str, &str> = action.environment.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(own, declared);
    assert_eq!(declared, BTreeMap::from([("GIVEN", "yes"), ("SET", "by the rule"), ("WEBSTIR_OUT", "build")]));

    let files = dump["files"].as_object().unwrap();
    let shown: BTreeMap<&str, (Digest, bool)> = files
        .iter()
        .map(|(path, file)| {
            (path.as_str(), (Digest::of(file[0].as_str().unwrap().as_bytes()), file[1].as_bool().unwrap()))
        })
        .collect();
    let inputs: BTreeMap<&str, (Digest, bool)> =
        action.inputs.iter().map(|input| (input.path.as_str(), (input.digest, input.executable))).collect();
    assert_eq!(shown, inputs);
    assert!(inputs["tools/run.sh"].1 && inputs.contains_key("build/assets/assets/a.txt"));
}
