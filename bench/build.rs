//! `cargo bench`: webstir beside esbuild and the TypeScript compiler, as ratios within one run.
//!
//! Generates a workspace of some modules, installs esbuild and TypeScript from the npm registry into a temporary directory, runs
//! each pair alternately and prints the median of each and their ratio. Whole processes are timed, reading and writing included.
//! Nothing is asserted: machines differ and are shared.
//!
//! `cargo bench -- [modules] [rounds]`; 2,000 modules and 5 rounds by default.

#![expect(clippy::print_stdout, reason = "the table is the result of a benchmark")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

#[path = "cost.rs"]
mod cost;
#[path = "workspace.rs"]
mod workspace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use cost::{Cost, cost, median, row};

struct Bench {
    root: PathBuf,
    tools: PathBuf,
    modules: usize,
    rounds: usize,
    toolchain: PathBuf,
    serial: AtomicUsize,
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let modules = numbers.first().copied().unwrap_or(2000);
    let rounds = numbers.get(1).copied().unwrap_or(5);
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench {
        root: directory.path().join("workspace"),
        tools: directory.path().join("tools"),
        modules,
        rounds,
        toolchain: directory.path().join("toolchain"),
        serial: AtomicUsize::new(0),
    };
    workspace::generate(&bench.root, modules);
    bench.install();
    println!(
        "{modules} modules, {rounds} rounds, {} processors\n",
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    println!("| what | webstir | other | ratio | goal | peak memory |\n| --- | --- | --- | --- | --- | --- |");
    bench.transpile();
    bench.publish();
    bench.typecheck();
}

impl Bench {
    fn install(&self) {
        fs::create_dir_all(&self.tools).unwrap();
        let status = Command::new("npm")
            .args(["install", "--no-save", "--prefix"])
            .arg(&self.tools)
            .args(["esbuild@0.28.2", "typescript@7.0.2"])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "npm install failed");
        // The compiler is fetched before anything is timed.
        self.webstir(&["build", "--quiet"], false);
    }

    fn webstir(&self, arguments: &[&str], skip_types: bool) -> Cost {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webstir"));
        command.args(arguments).current_dir(&self.root).env("WEBSTIR_TOOLCHAIN", &self.toolchain);
        if skip_types {
            command.env("WEBSTIR_BACKEND_TYPECHECK", "skip");
        }
        cost(&mut command)
    }

    fn esbuild(&self, arguments: &[&str]) -> Cost {
        let out = self.root.join("esbuild-out");
        let mut command = Command::new(self.tools.join("node_modules/@esbuild/linux-x64/bin/esbuild"));
        command
            .args(arguments)
            .arg(format!("--outdir={}", out.display()))
            .args(["--format=esm", "--platform=node", "--target=node20", "--log-level=warning"])
            .current_dir(&self.root);
        let cost = cost(&mut command);
        self.put_away(&out);
        cost
    }

    fn cold(&self) {
        for name in [".webstir", "build", "dist"] {
            self.put_away(&self.root.join(name));
        }
    }

    /// Moves a directory out of the way. Deleting thousands of files makes the creation of the next ones slow on ext4, which
    /// would be charged to whoever comes next.
    fn put_away(&self, directory: &Path) {
        let name = format!("old-{}", self.serial.fetch_add(1, Ordering::Relaxed));
        let _ = fs::rename(directory, self.tools.join(name));
    }

    fn transpile(&self) {
        let mut sources: Vec<String> = vec!["src/backend/index.ts".to_owned()];
        sources.extend((0..self.modules).map(workspace::module));
        let mut arguments: Vec<&str> = sources.iter().map(String::as_str).collect();
        arguments.push("--sourcemap");
        let (ours, theirs) = self.pairs(
            || {
                self.cold();
                self.webstir(&["build", "--quiet"], true)
            },
            || self.esbuild(&arguments),
        );
        row("transpile, cold store, maps", ours, Some(theirs), "≤ 0.5");
    }

    fn publish(&self) {
        let arguments = ["src/backend/index.ts", "--bundle", "--minify", "--packages=external"];
        let (ours, theirs) = self.pairs(
            || {
                self.cold();
                // The check is measured by itself.
                self.publish_unchecked()
            },
            || self.esbuild(&arguments),
        );
        row("bundle and minify, cold store", ours, Some(theirs), "≤ 1.0");
        let mut round = 0;
        let (ours, theirs) = self.pairs(
            || {
                round += 1;
                workspace::edit(&self.root, round);
                self.publish_unchecked()
            },
            || self.esbuild(&arguments),
        );
        row("bundle and minify, one edit", ours, Some(theirs), "≤ 0.5");
    }

    /// `publish` cannot skip the check; a workspace without its rule has none.
    fn publish_unchecked(&self) -> Cost {
        let kdl = self.root.join("webstir.kdl");
        fs::write(&kdl, "workspace \"bench\" { mode \"api\" }\ntypecheck backend remove=#true\n").unwrap();
        let cost = self.webstir(&["publish", "--quiet"], false);
        fs::remove_file(kdl).unwrap();
        cost
    }

    fn typecheck(&self) {
        let compiler = self.tools.join("node_modules/@typescript/typescript-linux-x64/lib/tsc");
        self.cold();
        self.webstir(&["build", "--quiet"], true);
        let mut round = 100;
        let (ours, theirs) = self.pairs(
            || {
                // Everything but the check is there already.
                round += 1;
                fs::write(self.root.join("src/backend/extra.ts"), format!("export const extra = {round};\n")).unwrap();
                self.webstir(&["build", "--quiet"], false)
            },
            || {
                cost(
                    Command::new(&compiler)
                        .args(["-p", "src/backend/tsconfig.json", "--noEmit"])
                        .current_dir(&self.root),
                )
            },
        );
        row("type check", ours, Some(theirs), "≤ 1.05");
    }

    /// Medians of both, run alternately.
    fn pairs(&self, mut ours: impl FnMut() -> Cost, mut theirs: impl FnMut() -> Cost) -> (Cost, Cost) {
        let mut costs = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            costs.0.push(ours());
            costs.1.push(theirs());
        }
        (median(costs.0), median(costs.1))
    }
}
