//! Type checks of a directory, run as a scheduler runs them: from nothing, from what another process left, and by a compiler that stays.

#[path = "../rules/typescript/tests/typecheck/before.rs"]
mod before;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use webstir_engine::action::{Action, ActionResult, Payload, SharedResult};
use webstir_engine::blob::Blobs as _;
use webstir_engine::digest::Digest;
use webstir_engine::label::{ActionLabel, Label};
use webstir_engine::path::RelPath;
use webstir_engine::run::Previous;
use webstir_engine::store::Store;
use webstir_engine::system::Os;
use webstir_engine::view::View;
use webstir_process::Helper;
use webstir_typescript::typecheck::{Checked, Compiler, Extent, ReferencedProjects, Request, VirtualFiles, Warm};

/// One project and its compiler.
pub(crate) struct Checks {
    system: Arc<Os>,
    project: RelPath,
    compiler: Compiler,
    visible: Vec<PathBuf>,
    helper: Helper,
    store: Store,
    places: PathBuf,
    action: Action,
}

impl Checks {
    /// `state` is a directory for what is kept.
    pub(crate) fn new(root: &Path, project: &str, compiler: Compiler, visible: Vec<PathBuf>, state: &Path) -> Self {
        let label = ActionLabel { rule: Label::new("typecheck", "bench"), profile: Arc::from("build"), subject: None };
        Self {
            system: Arc::new(Os::new(root).unwrap()),
            project: RelPath::new(project).unwrap(),
            compiler,
            visible,
            helper: Helper::new(PathBuf::from(env!("CARGO_BIN_EXE_webstir"))),
            store: Store::open(&state.join("store")).unwrap(),
            places: state.join("places"),
            action: Action::new(label, Digest::of(b"bench"), Payload::Parameters(Box::new([]))),
        }
    }

    /// Checks with what `previous` left, if anything.
    pub(crate) fn check(&self, warm: &Warm, previous: Option<&Previous>) -> (Checked, Extent, SharedResult) {
        let view = View::new(self.system.clone());
        let cancelled = AtomicBool::new(false);
        let request = Request {
            compiler: &self.compiler,
            project: &self.project,
            view: &view,
            overlay: &VirtualFiles::default(),
            referenced: &ReferencedProjects::default(),
            helper: &self.helper,
            places: &self.places,
            visible: &self.visible,
            blobs: &self.store,
            cancelled: &cancelled,
        };
        let (checked, extent) = warm.check(&self.action, previous, &request).unwrap();
        let mut result = ActionResult::done(Vec::new(), checked.diagnostics.clone());
        result.discovered = view.discovered();
        result.state = checked.state.as_ref().map(|state| self.store.put(state).unwrap());
        (checked, extent, Arc::new(result))
    }

    /// What a scheduler says of an earlier result: which of its discovered inputs are not the same now.
    pub(crate) fn previous(&self, result: &SharedResult) -> Previous {
        before::previous(&View::new(self.system.clone()), result)
    }
}

/// What it takes to drive and to ask the compiler that npm installed below `node_modules`.
pub(crate) struct Installed {
    pub(crate) version: String,
    pub(crate) compiler: Compiler,
    pub(crate) command_line: Vec<PathBuf>,
}

impl Installed {
    pub(crate) fn find(node_modules: &Path) -> Self {
        let package = node_modules.join("typescript");
        let manifest = std::fs::read(package.join("package.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let version = manifest["version"].as_str().unwrap().to_owned();
        if version.starts_with("7.") {
            let executable = node_modules.join("@typescript/typescript-linux-x64/lib/tsc");
            return Self {
                compiler: Compiler::native(&*version, &executable),
                command_line: vec![executable],
                version,
            };
        }
        let path = std::env::var_os("PATH").unwrap();
        let node = std::env::split_paths(&path).map(|directory| directory.join("node")).find(|node| node.exists());
        let node = node.unwrap();
        let compiler = Compiler::script(&*version, &package, Some(node.clone()));
        Self { compiler, command_line: vec![node, package.join("lib/tsc.js")], version }
    }
}

/// Installs packages of npm below a directory.
pub(crate) fn npm_install(directory: &Path, packages: &[&str]) {
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps", "--prefix"]);
    let done = npm.arg(directory).args(packages).current_dir(directory).stdout(Stdio::null()).status();
    assert!(done.unwrap().success(), "npm install failed");
}
