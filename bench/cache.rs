//! `cargo bench --bench cache`: what a build costs when little or nothing changed, beside a bare walk of the same tree, beside turbo
//! and moon on it, and beside `cp -r`, as ratios within one run.
//!
//! For each size a workspace is generated and built once, types aside. Then medians of whole processes: nothing changed; one file
//! edited; nothing changed but the log of the last start lost; the outputs deleted. turbo and moon run one task over the same files which they find unchanged, too.
//!
//! `cargo bench --bench cache -- [rounds] [modules]...`; 5 rounds of 1,000 and 10,000 modules by default. `--walk DIRECTORY` is the
//! walk, a process like the others.

#![expect(clippy::print_stdout, reason = "the table is the result of a benchmark")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

#[path = "cost.rs"]
mod cost;
#[path = "workspace.rs"]
mod workspace;

use std::cell::Cell;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cost::{Cost, cost, median, row};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, directory] = &arguments[..]
        && flag == "--walk"
    {
        let root = rustix::fs::openat(CWD, directory, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        println!("{}", walk(&root));
        return;
    }
    let numbers: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let rounds = numbers.first().copied().unwrap_or(5);
    let sizes = if numbers.len() > 1 { &numbers[1..] } else { &[1000, 10_000] };
    let directory = tempfile::tempdir().unwrap();
    let tools = directory.path().join("tools");
    install(&tools);
    println!("{rounds} rounds, {} processors\n", std::thread::available_parallelism().map_or(1, usize::from));
    println!("| what | webstir | other | ratio | goal | peak memory |\n| --- | --- | --- | --- | --- | --- |");
    for size in sizes {
        let root = directory.path().join(size.to_string());
        workspace::generate(&root, *size);
        Bench { root, tools: &tools, toolchain: directory.path().join("toolchain"), rounds }.run(*size);
    }
}

/// Stats every file below an open directory. How many there were.
fn walk(directory: &OwnedFd) -> usize {
    let mut count = 0;
    for entry in rustix::fs::Dir::read_from(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if entry.file_type() == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
            count += walk(&rustix::fs::openat(directory, name, flags, Mode::empty()).unwrap());
        } else {
            rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).unwrap();
            count += 1;
        }
    }
    count
}

fn install(tools: &Path) {
    fs::create_dir_all(tools).unwrap();
    let mut command = Command::new("npm");
    command.args(["install", "--no-save", "--prefix"]).arg(tools).args(["turbo@2.11", "@moonrepo/cli@2.5"]);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    if !status.success() {
        println!("turbo and moon could not be installed; their rows are missing\n");
    }
}

struct Bench<'a> {
    root: PathBuf,
    tools: &'a Path,
    toolchain: PathBuf,
    rounds: usize,
}

impl Bench<'_> {
    fn run(&self, size: usize) {
        let cold = self.webstir();
        row(&format!("{size} modules: cold"), cold, None, "");
        // What was materialised a moment ago is looked at once more.
        self.webstir();
        let (ours, bare) = self.pairs(&mut || self.webstir(), &mut || self.bare());
        row(&format!("{size} modules: nothing changed (walk)"), ours, Some(bare), "≤ 1.5");
        for (name, command) in [("turbo", self.turbo()), ("moon", self.moon())] {
            let Some(command) = command else { continue };
            command();
            let (ours, theirs) = self.pairs(&mut || self.webstir(), &mut || command());
            row(&format!("{size} modules: nothing changed ({name})"), ours, Some(theirs), "≤ 0.1");
        }
        let mut round = 0;
        let (ours, bare) = self.pairs(
            &mut || {
                round += 1;
                workspace::edit(&self.root, round);
                self.webstir()
            },
            &mut || self.bare(),
        );
        row(&format!("{size} modules: one edit (walk)"), ours, Some(bare), "");
        let planned = (0..self.rounds).map(|_| {
            fs::remove_dir_all(self.root.join(".webstir/start")).unwrap();
            self.webstir()
        });
        let planned = median(planned.collect());
        let each = planned.wall.as_secs_f64() / u32::try_from(size).map_or(1.0, f64::from) * 1e6;
        row(&format!("{size} modules: all planned, all from the store, {each:.0} µs an action"), planned, None, "");
        let (aside, copy) = (self.root.join("aside"), self.root.join("copy"));
        let serial = Cell::new(0);
        let (ours, copied) = self.pairs(
            &mut || {
                serial.set(serial.get() + 1);
                fs::rename(self.root.join("build"), aside.with_extension(serial.get().to_string())).unwrap();
                self.webstir()
            },
            &mut || {
                serial.set(serial.get() + 1);
                let copy = copy.with_extension(serial.get().to_string());
                cost(Command::new("cp").arg("-r").arg(self.root.join("build")).arg(copy))
            },
        );
        row(&format!("{size} modules: outputs restored (`cp -r`)"), ours, Some(copied), "≤ 2");
    }

    fn webstir(&self) -> Cost {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webstir"));
        command.args(["build", "--quiet"]).current_dir(&self.root);
        cost(command.env("WEBSTIR_TOOLCHAIN", &self.toolchain).env("WEBSTIR_BACKEND_TYPECHECK", "skip"))
    }

    fn bare(&self) -> Cost {
        cost(Command::new(std::env::current_exe().unwrap()).arg("--walk").arg(&self.root))
    }

    /// A package of the same files with one task that does nothing.
    fn twin(&self, name: &str) -> PathBuf {
        let twin = self.root.with_extension(name);
        fs::create_dir_all(&twin).unwrap();
        let status = Command::new("cp").arg("-r").arg(self.root.join("src")).arg(&twin).status().unwrap();
        assert!(status.success());
        twin
    }

    fn commit(twin: &Path) {
        for arguments in [&["init", "--quiet"][..], &["add", "--all"], &["commit", "--quiet", "--message", "all"]] {
            let mut command = Command::new("git");
            command.args(["-c", "user.name=bench", "-c", "user.email=bench@example.test"]).args(arguments);
            assert!(command.current_dir(twin).status().unwrap().success());
        }
    }

    fn turbo(&self) -> Option<Box<dyn Fn() -> Cost + '_>> {
        let program = self.tools.join("node_modules/@turbo/linux-64/bin/turbo");
        program.exists().then_some(())?;
        let twin = self.twin("turbo");
        let package =
            r#"{ "name": "bench", "private": true, "packageManager": "npm@10.0.0", "scripts": { "build": "true" } }"#;
        fs::write(twin.join("package.json"), package).unwrap();
        let lock =
            r#"{ "name": "bench", "lockfileVersion": 3, "requires": true, "packages": { "": { "name": "bench" } } }"#;
        fs::write(twin.join("package-lock.json"), lock).unwrap();
        fs::write(twin.join("turbo.json"), r#"{ "tasks": { "build": { "outputs": [] } } }"#).unwrap();
        fs::write(twin.join(".gitignore"), ".turbo\nnode_modules\n").unwrap();
        Self::commit(&twin);
        Some(Box::new(move || {
            let mut command = Command::new(&program);
            command.args(["run", "build", "--output-logs=none"]).current_dir(&twin);
            cost(command.env("TURBO_TELEMETRY_DISABLED", "1").stderr(Stdio::null()))
        }))
    }

    fn moon(&self) -> Option<Box<dyn Fn() -> Cost + '_>> {
        // The program itself: what is on the path starts Node first.
        let program = self.tools.join("node_modules/@moonrepo/core-linux-x64-gnu/moon");
        program.exists().then_some(())?;
        let twin = self.twin("moon");
        fs::create_dir_all(twin.join(".moon")).unwrap();
        fs::write(twin.join(".moon/workspace.yml"), "projects:\n  bench: '.'\ntelemetry: false\n").unwrap();
        let task = "tasks:\n  build:\n    command: 'true'\n    inputs: ['src/**/*']\n    options:\n      cache: true\n";
        fs::write(twin.join("moon.yml"), task).unwrap();
        fs::write(twin.join(".gitignore"), ".moon/cache\n").unwrap();
        Self::commit(&twin);
        Some(Box::new(move || {
            let mut command = Command::new(&program);
            command.args(["run", "bench:build", "--quiet"]).current_dir(&twin);
            cost(command.stderr(Stdio::null()))
        }))
    }

    /// Medians of both, run alternately.
    fn pairs(&self, ours: &mut dyn FnMut() -> Cost, theirs: &mut dyn FnMut() -> Cost) -> (Cost, Cost) {
        let mut costs = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            costs.0.push(ours());
            costs.1.push(theirs());
        }
        (median(costs.0), median(costs.1))
    }
}
