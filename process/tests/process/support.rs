//! A workspace, a state directory, and commands that are run in them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use webstir_process::{
    Ended, Finished, Helper, Input, Job, Keep, ProcessError, Sandbox, Source, Stage, Tier, Tree, Way,
};

/// More than anything here takes, on a busy machine.
pub(crate) const LONG: Duration = Duration::from_mins(1);

pub(crate) fn helper() -> Helper {
    let program = std::env::var_os("WEBSTIR_NOBODY").map(PathBuf::from);
    Helper::new(program.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_webstir-process-helper"))))
}

/// What a command is run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) tier: Tier,
    pub(crate) way: Way,
}

impl Mode {
    pub(crate) fn sandbox(self) -> Sandbox<'static> {
        Sandbox { tier: Some(self.tier), way: self.way, ..Sandbox::default() }
    }

    pub(crate) fn name(self) -> String {
        format!("{} {:?}", self.tier.as_str(), self.way)
    }
}

/// All there are here, the strongest first.
pub(crate) fn ways() -> &'static [Mode] {
    static MODES: OnceLock<Vec<Mode>> = OnceLock::new();
    MODES.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let (strongest, _) = helper().strongest(&directory.path().join("state")).unwrap();
        let all = [
            (Tier::Namespace, Way::Overlay),
            (Tier::Namespace, Way::Copy),
            (Tier::Landlock, Way::Copy),
            (Tier::Tree, Way::Copy),
        ];
        all.into_iter().filter(|(tier, _)| *tier >= strongest).map(|(tier, way)| Mode { tier, way }).collect()
    })
}

/// What no other test sleeps for: it is looked for in the list of processes.
pub(crate) fn marker() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!(
        "4{}.{:09}",
        COUNT.fetch_add(1, Ordering::Relaxed) % 10,
        std::process::id() * 1000 + COUNT.load(Ordering::Relaxed)
    )
}

/// Processes with the marker as an argument of their own.
pub(crate) fn marked(marker: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        if let Ok(line) = fs::read(entry.path().join("cmdline"))
            && line.split(|byte| *byte == 0).any(|argument| argument == marker.as_bytes())
        {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

/// Waits for something that has to come.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < LONG, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) struct Workspace {
    pub(crate) directory: TempDir,
    pub(crate) cancelled: AtomicBool,
    pub(crate) timeout: Duration,
    pub(crate) keep: Keep,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("workspace")).unwrap();
        let cancelled = AtomicBool::new(false);
        Self { directory, cancelled, timeout: LONG, keep: Keep::Tail(4096) }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("workspace")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub(crate) fn write(&self, path: &str, text: &str) -> &Self {
        let place = self.root().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
        self
    }

    pub(crate) fn executable(&self, path: &str, text: &str) -> &Self {
        self.write(path, text);
        fs::set_permissions(self.root().join(path), fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    pub(crate) fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root().join(path)).ok()
    }

    pub(crate) fn run(&self, way: Mode, tree: &Tree<'_>, script: &str) -> Result<Finished, ProcessError> {
        self.run_program(way, tree, "/bin/sh", &["-c", script])
    }

    pub(crate) fn run_program(
        &self,
        way: Mode,
        tree: &Tree<'_>,
        program: &str,
        arguments: &[&str],
    ) -> Result<Finished, ProcessError> {
        let stage = Stage::take(&self.state())?;
        helper().run(stage, &self.root(), tree, &way.sandbox(), &self.job(program, arguments), &self.cancelled)
    }

    pub(crate) fn job<'a>(&self, program: &'a str, arguments: &[&'a str]) -> Job<'a> {
        Job {
            program: Path::new(program),
            arguments: arguments.iter().map(|argument| OsStr::new(*argument)).collect(),
            directory: "",
            environment: vec![(OsStr::new("PATH"), OsStr::new("/usr/local/bin:/usr/bin:/bin"))],
            search_path: Vec::new(),
            timeout: Some(self.timeout),
            stdout: self.keep,
            stderr: self.keep,
        }
    }

    /// Nothing of any command is left below the state directory.
    pub(crate) fn is_clean(&self) -> bool {
        is_clean(&self.state())
    }
}

/// Nothing but empty places is left.
pub(crate) fn is_clean(state: &Path) -> bool {
    let places = fs::read_dir(state).unwrap().flatten().filter(|entry| entry.path().is_dir());
    let own = places.flat_map(|place| fs::read_dir(place.path()).unwrap().flatten());
    own.into_iter().all(|own| fs::read_dir(own.path()).is_ok_and(|mut below| below.next().is_none()))
}

pub(crate) fn files<'a>(paths: &[&'a str]) -> Tree<'a> {
    let input = |path: &&'a str| Input { path, executable: false, source: Source::Workspace };
    let mut inputs: Vec<_> = paths.iter().map(input).collect();
    inputs.sort_by_key(|input| input.path);
    Tree { inputs, ..Tree::default() }
}

pub(crate) fn succeeded(finished: &Finished) -> bool {
    matches!(finished.ended, Ended::Exited(status) if status.success())
}

/// The output of a command that succeeded.
pub(crate) fn output(finished: &Finished) -> String {
    assert!(succeeded(finished), "{:?}: {}", finished.ended, finished.output());
    finished.output()
}
