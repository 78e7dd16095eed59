//! `cargo bench`: webstir beside esbuild and the TypeScript compiler, as ratios within one run.
//!
//! Generates a workspace of some modules, installs esbuild, rolldown and TypeScript from the npm registry into a temporary directory, runs
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
    println!(
        "\n| bundle and minify, cold | user time | bytes | to esbuild's | goal |\n| --- | --- | --- | --- | --- |"
    );
    bench.sizes();
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).unwrap().len()
}

impl Bench {
    fn install(&self) {
        fs::create_dir_all(&self.tools).unwrap();
        let status = Command::new("npm")
            .args(["install", "--no-save", "--prefix"])
            .arg(&self.tools)
            .args(["esbuild@0.28.2", "rolldown@1.2.5", "typescript@7.0.2"])
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

    /// Processor time and size of what `publish` links, beside others in the same rounds.
    fn sizes(&self) {
        let out = self.root.join("others");
        let entry = "src/backend/index.ts";
        let mut costs = [Vec::new(), Vec::new(), Vec::new()];
        let mut bytes = [0; 3];
        for _ in 0..self.rounds {
            self.cold();
            costs[0].push(self.publish_unchecked());
            bytes[0] = size(&self.root.join("dist/backend/index.js"));
            let esbuild = self.tools.join("node_modules/@esbuild/linux-x64/bin/esbuild");
            let rolldown = self.tools.join("node_modules/.bin/rolldown");
            let to = |name: &str| out.join(name).display().to_string();
            let mut command = Command::new(esbuild);
            command.args([entry, "--bundle", "--minify", "--packages=external", "--format=esm", "--platform=node"]);
            command.args(["--target=es2022", "--log-level=warning", &format!("--outfile={}", to("esbuild.js"))]);
            costs[1].push(cost(command.current_dir(&self.root)));
            bytes[1] = size(&out.join("esbuild.js"));
            let mut command = Command::new(rolldown);
            command.args([entry, "--minify", "--platform", "node", "--format", "esm", "--file", &to("rolldown.js")]);
            costs[2].push(cost(command.current_dir(&self.root)));
            bytes[2] = size(&out.join("rolldown.js"));
            self.put_away(&out);
        }
        for ((name, costs), bytes_of) in ["webstir", "esbuild", "rolldown"].into_iter().zip(costs).zip(bytes) {
            let goal = if name == "webstir" { "≤ 1.03" } else { "" };
            #[expect(clippy::cast_precision_loss, reason = "sizes of files")]
            let ratio = bytes_of as f64 / bytes[1] as f64;
            println!("| {name} | {:.2} s | {bytes_of} | {ratio:.3} | {goal} |", median(costs).user.as_secs_f64());
        }
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
