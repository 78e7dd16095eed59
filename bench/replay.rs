//! `cargo bench --bench replay -- GIT_DIRECTORY COMMITS [PROJECT]`: type checks over the last commits of a repository.
//!
//! Each commit is written to a directory in turn and checked there four times: by the command line of the compiler that the repository
//! asks for, from nothing, from what an earlier process left, and by a compiler that stays. Every finding has to be the same, and the
//! files of the program. Packages are installed from the npm registry as the first of the commits wants them, without their scripts.
//! Ends with the times as ratios; fails where anything differs.
//!
//! Commits are those that changed a TypeScript file, along first parents. `PROJECT` is the project file, `tsconfig.json` by default.

#![expect(clippy::print_stdout, reason = "the table is the result of a benchmark")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

#[path = "../rules/typescript/tests/typecheck/bare.rs"]
#[expect(dead_code, reason = "tests end at the first difference")]
mod bare;
#[path = "checks.rs"]
mod checks;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use bare::{Bare, difference};
use checks::{Checks, Installed, npm_install};
use webstir_engine::action::SharedResult;
use webstir_typescript::typecheck::{Checked, Extent, Warm, Wear};

/// How a commit was checked.
const WAYS: [&str; 3] = ["from nothing", "new process", "compiler kept"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (Some(repository), Some(count)) = (arguments.first(), arguments.get(1).and_then(|count| count.parse().ok()))
    else {
        println!("Name a repository: cargo bench --bench replay -- GIT_DIRECTORY COMMITS [PROJECT]");
        return ExitCode::from(2);
    };
    let project = arguments.get(2).map_or("tsconfig.json", String::as_str);
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("workspace");
    std::fs::create_dir(&root).unwrap();
    let commits = commits(Path::new(repository), count);
    let mut replay: Option<Replay> = None;
    for (at, commit) in commits.iter().enumerate() {
        check_out(Path::new(repository), &directory.path().join("index"), &root, commit);
        let replay = replay.get_or_insert_with(|| {
            npm_install(&root, &[]);
            Replay::new(&root, project, &directory.path().join("kept"))
        });
        let line = replay.check();
        println!("{:3} {} {line}", at + 1, &commit[..10]);
    }
    let Some(replay) = replay else {
        println!("No commit changes a TypeScript file");
        return ExitCode::from(2);
    };
    replay.tell(commits.len());
    if replay.differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The last commits that changed TypeScript, the oldest first.
fn commits(repository: &Path, count: usize) -> Vec<String> {
    let mut git = Command::new("git");
    git.arg("--git-dir").arg(repository).args(["rev-list", "--first-parent", "--reverse", "HEAD", "--"]);
    let output = git.args(["*.ts", "*.tsx", "*.mts"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    all[all.len().saturating_sub(count)..].to_vec()
}

/// Makes the directory what the commit says; what is not of the repository stays.
fn check_out(repository: &Path, index: &Path, root: &Path, commit: &str) {
    let mut git = Command::new("git");
    git.env("GIT_INDEX_FILE", index).arg("--git-dir").arg(repository).arg("--work-tree").arg(root);
    let done = git.args(["-c", "core.bare=false", "read-tree", "-u", "--reset", commit]).current_dir(root).status();
    assert!(done.unwrap().success(), "git cannot write {commit}");
}

struct Replay {
    root: std::path::PathBuf,
    bare: Bare,
    version: String,
    checks: Checks,
    warm: Warm,
    /// What the last check in a new process left, and the last of the compiler that stays.
    left: [Option<SharedResult>; 2],
    theirs: Vec<Duration>,
    ours: [Vec<Duration>; 3],
    findings: usize,
    parts: usize,
    differences: usize,
}

impl Replay {
    fn new(root: &Path, project: &str, state: &Path) -> Self {
        let node_modules = root.join("node_modules");
        let installed = Installed::find(&node_modules);
        println!("TypeScript {}, {} processors", installed.version, processors());
        Self {
            root: root.to_owned(),
            bare: Bare::new(installed.command_line, project),
            version: installed.version,
            checks: Checks::new(root, project, installed.compiler, vec![node_modules], state),
            warm: Warm::new(Wear::default()),
            left: [None, None],
            theirs: Vec::new(),
            ours: [const { Vec::new() }; 3],
            findings: 0,
            parts: 0,
            differences: 0,
        }
    }

    /// Checks what is in the directory in all ways, and tells what was seen.
    fn check(&mut self) -> String {
        let started = Instant::now();
        let mut bare = self.bare.check(&self.root);
        self.theirs.push(started.elapsed());
        // The library of the compiler is none of the workspace, although it lies there.
        bare.1.retain(|file| !file.starts_with("node_modules/typescript/"));
        self.findings += bare.0.len();
        let mut line = format!("{} findings, {} files", bare.0.len(), bare.1.len());
        for (way, name) in WAYS.iter().enumerate() {
            let (checked, extent) = self.check_one(way);
            line += &format!("; {name}: {}", shown(extent));
            if let Some(difference) = difference(&checked, &bare) {
                self.differences += 1;
                line += &format!(" DIFFERS: {difference}");
            }
        }
        line
    }

    fn check_one(&mut self, way: usize) -> (Checked, Extent) {
        let last = way.checked_sub(1).and_then(|kept| self.left[kept].clone());
        let previous = last.map(|last| self.checks.previous(&last));
        let started = Instant::now();
        let none = Warm::none();
        let warm = if way == 2 { &self.warm } else { &none };
        let (checked, extent, result) = self.checks.check(warm, previous.as_ref());
        self.ours[way].push(started.elapsed());
        if let Some(kept) = way.checked_sub(1) {
            self.left[kept] = Some(result);
            self.parts += usize::from(extent != Extent::Cold);
        }
        (checked, extent)
    }

    fn tell(&self, commits: usize) {
        println!(
            "\n{commits} commits, TypeScript {}, {} findings, {} differences, {} of {} checks after the first of a part only\n",
            self.version,
            self.findings,
            self.differences,
            self.parts,
            2 * (commits - 1)
        );
        println!("| what | webstir | `tsc` | ratio | peak memory |\n| --- | --- | --- | --- | --- |");
        let theirs = median(&self.theirs);
        for (name, ours) in WAYS.iter().zip(&self.ours) {
            let ours = median(ours);
            let memory = if *name == WAYS[2] { format!("{} MiB", self.warm.memory() >> 20) } else { String::new() };
            println!("| {name} | {ours:.3} s | {theirs:.3} s | {:.2} | {memory} |", ours / theirs);
        }
    }
}

fn shown(extent: Extent) -> String {
    match extent {
        Extent::Cold => "all".to_owned(),
        Extent::Fresh(files) => format!("a part of {files}"),
        Extent::Files(files) => format!("{files} asked"),
    }
}

/// Of all commits but the first, which nothing was kept for.
fn median(times: &[Duration]) -> f64 {
    let mut times = times[1.min(times.len() - 1)..].to_vec();
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
