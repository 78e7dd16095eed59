//! `cargo bench --bench warm`: findings after an edit of one body or one value, by the compiler that `webstir watch` keeps and by
//! `tsc --incremental`, as ratios within one run.
//!
//! Generates a workspace of some modules, installs TypeScript from the npm registry into a temporary directory, edits the workspace
//! again and again and prints medians and their ratio. Nothing is asserted: machines differ and are shared.
//!
//! `cargo bench --bench warm -- [modules] [rounds]`; 500 modules and 9 rounds by default.

#![expect(clippy::print_stdout, reason = "the table is the result of a benchmark")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

#[path = "cost.rs"]
mod cost;
#[path = "workspace.rs"]
mod workspace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use cost::{Cost, cost, median, row};
use webstir_engine::action::{Action, ActionResult, Payload};
use webstir_engine::digest::Digest;
use webstir_engine::label::{ActionLabel, Label};
use webstir_engine::path::RelPath;
use webstir_engine::run::Previous;
use webstir_engine::system::Os;
use webstir_engine::view::View;
use webstir_process::Helper;
use webstir_typescript::typecheck::{Compiler, Extent, ReferencedProjects, Request, VirtualFiles, Warm};

/// The module whose body is edited.
const EDITED: usize = 7;

struct Bench {
    root: PathBuf,
    compiler: PathBuf,
    helper: Helper,
    system: Arc<Os>,
    warm: Warm,
    action: Action,
    previous: Option<Previous>,
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let modules = numbers.first().copied().unwrap_or(500);
    let rounds = numbers.get(1).copied().unwrap_or(9);
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("workspace");
    workspace::generate(&root, modules);
    let label = ActionLabel { rule: Label::new("typecheck", "bench"), profile: Arc::from("build"), subject: None };
    let mut bench = Bench {
        compiler: install(&directory.path().join("tools")),
        helper: Helper::new(PathBuf::from(env!("CARGO_BIN_EXE_webstir"))),
        system: Arc::new(Os::new(&root).unwrap()),
        root,
        warm: Warm::default(),
        action: Action::new(label, Digest::of(b"bench"), Payload::Parameters(Box::new([]))),
        previous: None,
    };
    println!(
        "{modules} modules, {rounds} rounds, {} processors\n",
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    println!("| what | webstir | other | ratio | goal | peak memory |\n| --- | --- | --- | --- | --- | --- |");
    let first = bench.check(&[], None);
    row("first check", first, Some(bench.incremental()), "");
    for (what, goal, files, edit) in [
        ("one body edited", "≤ 0.1", Some(1), edit_body as fn(&Path, usize)),
        ("one value edited", "≤ 0.1", Some(1), edit_value),
        ("one signature edited", "", None, edit_signature),
    ] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            edit(&bench.root, round);
            ours.push(bench.check(&[RelPath::new(&workspace::module(EDITED)).unwrap()], files));
            theirs.push(bench.incremental());
        }
        row(what, median(ours), Some(median(theirs)), goal);
    }
}

fn install(tools: &Path) -> PathBuf {
    fs::create_dir_all(tools).unwrap();
    let npm = Command::new("npm")
        .args(["install", "--no-save", "--prefix"])
        .arg(tools)
        .arg("typescript@7.0.2")
        .stdout(Stdio::null())
        .status();
    assert!(npm.unwrap().success(), "npm install failed");
    tools.join("node_modules/@typescript/typescript-linux-x64/lib/tsc")
}

fn edit_body(root: &Path, round: usize) {
    let path = root.join(workspace::module(EDITED));
    let text = fs::read_to_string(&path).unwrap();
    let start = text.find("name: `item").unwrap();
    let end = start + text[start..].find("${id}").unwrap();
    fs::write(path, format!("{}name: `item {round} {}", &text[..start], &text[end..])).unwrap();
}

/// What a variable begins with whose type is written.
fn edit_value(root: &Path, round: usize) {
    let path = root.join(workspace::module(EDITED));
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("{ name: \"two").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    fs::write(path, format!("{before}{{ name: \"two {round}\"{after}")).unwrap();
}

fn edit_signature(root: &Path, round: usize) {
    workspace::edit(root, round);
}

impl Bench {
    /// What `webstir watch` does once it knows what changed.
    fn check(&mut self, changed: &[RelPath], files: Option<usize>) -> Cost {
        if let Some(previous) = &mut self.previous {
            previous.changed = changed.into();
        }
        let started = Instant::now();
        let view = View::new(self.system.clone());
        let compiler = Compiler::native("7.0.2", &self.compiler);
        let (project, cancelled) = (RelPath::new("src/backend/tsconfig.json").unwrap(), AtomicBool::new(false));
        let request = Request {
            compiler: &compiler,
            project: &project,
            view: &view,
            overlay: &VirtualFiles::default(),
            referenced: &ReferencedProjects::default(),
            helper: &self.helper,
            cancelled: &cancelled,
        };
        let (checked, extent) = self.warm.check(&self.action, self.previous.as_ref(), &request).unwrap();
        let mut result = ActionResult::done(Vec::new(), checked.diagnostics);
        result.discovered = view.discovered();
        let wall = started.elapsed();
        assert!(!result.has_errors());
        if let Some(files) = files {
            assert_eq!(extent, Extent::Files(files), "a body and a value concern one file");
        }
        self.previous = Some(Previous { result: Arc::new(result), changed: Box::default() });
        Cost { wall, user: Duration::ZERO, memory: self.warm.memory() / 1024 }
    }

    fn incremental(&self) -> Cost {
        let build_info = self.root.with_extension("tsbuildinfo");
        cost(
            Command::new(&self.compiler)
                .args(["-p", "src/backend/tsconfig.json", "--noEmit", "--incremental", "--tsBuildInfoFile"])
                .arg(build_info)
                .current_dir(&self.root),
        )
    }
}
