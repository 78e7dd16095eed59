//! A temporary workspace and the binary to run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Makes two tests of each case, which takes the name of an engine.
macro_rules! in_both_engines {
    ($($case:ident),* $(,)?) => {
        mod embedded {
            $(#[test] fn $case() { super::$case("embedded"); })*
        }
        mod worker {
            $(#[test] fn $case() { super::$case("worker"); })*
        }
    };
}
pub(crate) use in_both_engines;

/// Processes whose command line holds `mark`.
pub(crate) fn processes_with(mark: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(mark)).collect()
}

/// What a process started, directly or not: numbers and command lines.
pub(crate) fn descendants(id: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        for task in fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for child in text.split_whitespace().filter_map(|child| child.parse::<u32>().ok()) {
                let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
                found.push((child, String::from_utf8_lossy(&line).replace('\0', " ")));
                open.push(child);
            }
        }
    }
    found
}

/// Whether a process runs. One that ended and was not waited for does not.
pub(crate) fn is_running(id: u32) -> bool {
    fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Waits until `is_so`, for as long as a slow machine may take.
#[track_caller]
pub(crate) fn until(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A directory of this name with packages of npm, installed once for all runs.
pub(crate) fn packages(name: &str, packages: &[&str]) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !place.exists() {
        let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::write(fresh.path().join("package.json"), "{}").unwrap();
        let npm = Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(fresh.path())
            .args(packages)
            .status();
        assert!(npm.unwrap().success());
        // Another test process may have been faster.
        let _ = fs::rename(fresh.path(), &place);
    }
    place
}

/// A workspace of its own for one test.
pub(crate) struct Case {
    directory: tempfile::TempDir,
    root: PathBuf,
}

/// What a command printed.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The document on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.stdout, self.stderr))
    }

    /// Labels of the actions with one of these statuses, sorted.
    #[track_caller]
    pub(crate) fn actions(&self, statuses: &[&str]) -> Vec<String> {
        let document = self.json();
        let actions = document["actions"].as_array().unwrap();
        let mut labels: Vec<String> = actions
            .iter()
            .filter(|action| statuses.contains(&action["status"].as_str().unwrap()))
            .map(|action| action["label"].as_str().unwrap().to_owned())
            .collect();
        labels.sort();
        labels
    }

    /// `code file:line:column` of each finding of at least the weight `warning`.
    #[track_caller]
    pub(crate) fn findings(&self) -> Vec<String> {
        let document = self.json();
        let mut findings = Vec::new();
        for diagnostic in document["diagnostics"].as_array().unwrap() {
            if diagnostic["severity"] == "info" {
                continue;
            }
            let mut text = diagnostic["code"].as_str().unwrap().to_owned();
            if let Some(file) = diagnostic["file"].as_str() {
                text = format!("{text} {file}");
                if let Some(line) = diagnostic["span"]["line"].as_u64() {
                    text = format!("{text}:{line}:{}", diagnostic["span"]["column"]);
                }
            }
            findings.push(text);
        }
        findings
    }
}

impl Case {
    /// An empty workspace.
    pub(crate) fn empty() -> Self {
        Self::named("workspace")
    }

    /// An empty workspace in a directory of that name.
    pub(crate) fn named(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join(name);
        fs::create_dir(&root).unwrap();
        Self { directory, root }
    }

    /// The starter workspace.
    pub(crate) fn starter() -> Self {
        let case = Self::empty();
        let ran = case.run(&["init", "api", "."]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        case
    }

    /// A workspace with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let case = Self::empty();
        for (path, text) in files {
            case.write(path, text);
        }
        case
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A directory beside the workspace.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes a symbolic link.
    pub(crate) fn link(&self, path: &str, target: &str) {
        let link = self.path(path);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, link).unwrap();
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// What a file prints in Node.
    #[track_caller]
    pub(crate) fn printed(&self, file: &str) -> String {
        let output = Command::new("node").arg(self.path(file)).output().unwrap();
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{file}: {error}");
        out.trim().to_owned()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    #[track_caller]
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} does not hold {from}");
        self.write(path, &text.replace(from, to));
    }

    pub(crate) fn remove(&self, path: &str) {
        let path = self.path(path);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    /// The binary in this workspace, with an environment of its own and a toolchain that tests share.
    pub(crate) fn command(&self) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_webstir"))
    }

    /// Another program in the environment of [`Case::command`].
    pub(crate) fn command_of(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.root)
            // What a killed process leaves goes with the case.
            .env("TMPDIR", self.directory.path())
            .env("XDG_STATE_HOME", self.directory.path().join("state"))
            .env("WEBSTIR_TOOLCHAIN", Path::new(env!("CARGO_TARGET_TMPDIR")).join("toolchain"));
        for name in
            ["WORKSPACE_ROOT", "WEBSTIR_WORKSPACE_ROOT", "WEBSTIR_STORE", "NODE_ENV", "NO_COLOR", "FORCE_COLOR", "CI"]
        {
            command.env_remove(name);
        }
        // These tests may run in CI themselves.
        for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "GITLAB_CI", "CI_PROJECT_DIR"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command().args(arguments).output().unwrap())
    }

    /// `webstir build --json` with more arguments.
    pub(crate) fn build(&self, arguments: &[&str]) -> Ran {
        ran(self.command().args(["build", "--json"]).args(arguments).output().unwrap())
    }

    /// `webstir build --json`, which must succeed.
    #[track_caller]
    pub(crate) fn build_ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.build(arguments);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        ran
    }

    /// Every file below `directory` with its bytes, sorted.
    pub(crate) fn tree(&self, directory: &str) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.root, &self.path(directory), &mut files);
        files.sort();
        files
    }

    /// The paths of [`Case::tree`].
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        self.tree(directory).into_iter().map(|(path, _)| path).collect()
    }
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read(path).unwrap()));
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "every caller has it to give")]
pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
