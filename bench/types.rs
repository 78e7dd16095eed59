//! `cargo bench --bench types`: type checks beside the compiler's own command line, as ratios within one run.
//!
//! Generates workspaces, installs compilers from the npm registry into them, and prints medians and their ratios: `webstir build` as a
//! whole process, without anything kept beside `tsc --noEmit`, and after an edit beside `tsc --incremental`; and the check alone by the
//! compiler that `webstir watch` keeps. Nothing is asserted: machines differ and are shared.
//!
//! `cargo bench --bench types -- [rounds] [modules] [version]`; 5 rounds of 50, 500 and 2,000 modules by TypeScript 7.0.2, 5.9.3 and 5.7.2
//! by default.

#![expect(clippy::print_stdout, reason = "the table is the result of a benchmark")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

#[path = "checks.rs"]
mod checks;
#[path = "cost.rs"]
mod cost;
#[path = "workspace.rs"]
mod workspace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use checks::{Checks, Installed, npm_install};
use cost::{Cost, cost, median, row};
use webstir_engine::action::SharedResult;
use webstir_typescript::typecheck::{Warm, Wear};

/// The module that is edited.
const EDITED: usize = 7;

const PROJECT: &str = "src/backend/tsconfig.json";

/// What is edited, the goals in a new process by the number of modules, and the goal of a compiler that stays.
type Edit = (&'static str, fn(&Path, usize), fn(usize) -> &'static str, &'static str);

const EDITS: [Edit; 3] = [
    ("one body edited", edit_body, |modules| if modules > 1000 { "≤ 0.3" } else { "≤ 0.6" }, "≤ 0.05"),
    ("one value edited", edit_value, |_| "", "≤ 0.05"),
    ("one signature edited", workspace::edit, |_| "≤ 1.0", ""),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |at: usize| arguments.get(at).map(|argument| argument.parse::<usize>().unwrap());
    let rounds = number(0).unwrap_or(5);
    let sizes = number(1).map_or(vec![50, 500, 2000], |modules| vec![modules]);
    let versions = arguments.get(2).map_or(vec!["7.0.2", "5.9.3", "5.7.2"], |version| vec![version]);
    println!("{rounds} rounds, {} processors\n", std::thread::available_parallelism().map_or(1, usize::from));
    println!("| what | webstir | `tsc` | ratio | goal | peak memory |\n| --- | --- | --- | --- | --- | --- |");
    for version in versions {
        for modules in &sizes {
            Bench::new(version, *modules).run(rounds);
        }
    }
}

struct Bench {
    what: String,
    modules: usize,
    directory: tempfile::TempDir,
    root: PathBuf,
    installed: Installed,
    edits: usize,
}

impl Bench {
    fn new(version: &str, modules: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("workspace");
        workspace::generate(&root, modules);
        npm_install(&root, &[&format!("typescript@{version}")]);
        let installed = Installed::find(&root.join("node_modules"));
        Self { what: format!("{version}, {modules} modules"), modules, directory, root, installed, edits: 0 }
    }

    fn run(&mut self, rounds: usize) {
        let what = self.what.clone();
        let goal = if self.installed.version.starts_with("7.") { "≤ 1.15" } else { "≤ 1.0" };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            self.forget();
            ours.push(self.build());
            theirs.push(self.tsc(&[]));
        }
        row(&format!("{what}: cold"), median(ours), Some(median(theirs)), goal);

        self.incremental();
        for (edit, write, goal, _) in EDITS {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                self.edit(write);
                ours.push(self.build());
                theirs.push(self.incremental());
            }
            row(&format!("{what}: {edit}, new process"), median(ours), Some(median(theirs)), goal(self.modules));
        }

        let (compiler, visible) = (self.installed.compiler.clone(), vec![self.root.join("node_modules")]);
        let checks = Checks::new(&self.root, PROJECT, compiler, visible, &self.directory.path().join("kept"));
        let warm = Warm::new(Wear::default());
        let mut last = None;
        check(&checks, &warm, &mut last);
        for (edit, write, _, goal) in EDITS {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                self.edit(write);
                ours.push(check(&checks, &warm, &mut last));
                theirs.push(self.incremental());
            }
            row(&format!("{what}: {edit}, compiler kept"), median(ours), Some(median(theirs)), goal);
        }
    }

    fn edit(&mut self, write: fn(&Path, usize)) {
        self.edits += 1;
        write(&self.root, self.edits);
    }

    /// Moves away what builds left. Deleting thousands of files makes the creation of the next ones slow on ext4.
    fn forget(&mut self) {
        self.edits += 1;
        for name in [".webstir", "build"] {
            let _ = fs::rename(self.root.join(name), self.directory.path().join(format!("{name}-{}", self.edits)));
        }
    }

    fn build(&self) -> Cost {
        let mut build = Command::new(env!("CARGO_BIN_EXE_webstir"));
        cost(build.args(["build", "--quiet", "--offline"]).current_dir(&self.root))
    }

    fn tsc(&self, arguments: &[&str]) -> Cost {
        let (program, script) = self.installed.command_line.split_first().unwrap();
        let mut tsc = Command::new(program);
        cost(tsc.args(script).args(["-p", PROJECT, "--noEmit"]).args(arguments).current_dir(&self.root))
    }

    fn incremental(&self) -> Cost {
        let information = self.directory.path().join("tsbuildinfo");
        self.tsc(&["--incremental", "--tsBuildInfoFile", information.to_str().unwrap()])
    }
}

/// What `webstir watch` does once it knows what changed.
fn check(checks: &Checks, warm: &Warm, last: &mut Option<SharedResult>) -> Cost {
    let previous = last.as_ref().map(|last| checks.previous(last));
    let started = Instant::now();
    let (_, _, result) = checks.check(warm, previous.as_ref());
    let wall = started.elapsed();
    assert!(!result.has_errors());
    *last = Some(result);
    Cost { wall, user: Duration::ZERO, memory: warm.memory() / 1024 }
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
