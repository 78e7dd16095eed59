//! Compilers, workspaces and how findings are shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use tempfile::TempDir;
use webstir_engine::blob::Blobs;
use webstir_engine::diagnostic::Span;
use webstir_engine::digest::Digest;
use webstir_engine::discovered::DiscoveredInputs;
use webstir_engine::path::RelPath;
use webstir_engine::system::{Os, System};
use webstir_engine::view::View;
pub(crate) use webstir_process::testing::helper;
use webstir_typescript::typecheck::{
    Checked, Compiler, ReferencedProjects, Request, TypecheckError, VirtualFiles, check,
};

use crate::bare::Bare;

pub(crate) static INSTALLING: Mutex<()> = Mutex::new(());

/// The directory of `typescript@version`'s node_modules.
pub(crate) fn installed(version: &str) -> PathBuf {
    let _guard = INSTALLING.lock().unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let home = cache.join(format!("typescript-{version}"));
    if !home.exists() {
        let fresh = tempfile::tempdir_in(cache).unwrap();
        let done = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
            .arg(fresh.path())
            .arg(format!("typescript@{version}"))
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        // Another test binary may have been faster.
        let _ = fs::rename(fresh.path(), &home);
    }
    home.join("node_modules")
}

pub(crate) fn native_executable() -> PathBuf {
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let processor = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    installed("7.0.2").join(format!("@typescript/typescript-{system}-{processor}/lib/tsc"))
}

pub(crate) fn native() -> Compiler {
    Compiler::native("7.0.2", native_executable())
}

pub(crate) fn node() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|directory| directory.join("node")).find(|node| node.exists()).unwrap()
}

pub(crate) fn bun() -> PathBuf {
    let _guard = INSTALLING.lock().unwrap();
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bun-1");
    let program = home.join("node_modules/.bin/bun");
    if !program.exists() {
        fs::create_dir_all(&home).unwrap();
        let done = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", ".", "bun@1"])
            .current_dir(&home)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    program.canonicalize().unwrap()
}

pub(crate) fn script(version: &str) -> Compiler {
    Compiler::script(version, &installed(version).join("typescript"), Some(node()))
}

impl Bare {
    pub(crate) fn native() -> Self {
        Self::new(vec![native_executable()], "tsconfig.json")
    }

    pub(crate) fn script(version: &str) -> Self {
        Self::new(vec![node(), installed(version).join("typescript/lib/tsc.js")], "tsconfig.json")
    }
}

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

pub(crate) fn write(root: &Path, name: &str, text: &str) {
    let file = root.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

pub(crate) const STRICT: &str = r#"{"compilerOptions": {"strict": true, "module": "nodenext", "target": "es2023", "lib": ["es2023"], "types": []}, "include": ["src"]}"#;

/// Where trees of sandboxes are made.
pub(crate) fn places() -> &'static Path {
    static PLACES: OnceLock<PathBuf> = OnceLock::new();
    PLACES.get_or_init(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("typecheck-places"))
}

/// As [`places`], on a machine where nothing better works than a tree of copies: what is started there can write beside itself.
pub(crate) fn weak_places() -> TempDir {
    let [strong, weak] = [(); 2].map(|()| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
    helper().strongest(strong.path()).unwrap();
    for entry in fs::read_dir(strong.path()).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("sandbox-") {
            let text = fs::read_to_string(entry.path()).unwrap();
            let circumstances = text.lines().next().unwrap();
            fs::write(weak.path().join(name), format!("{circumstances}\ntree copy\nit is so here\n")).unwrap();
        }
    }
    weak
}

/// What compilers of tests may see: what was installed for tests.
pub(crate) fn visible() -> &'static [PathBuf] {
    static VISIBLE: OnceLock<[PathBuf; 1]> = OnceLock::new();
    VISIBLE.get_or_init(|| [PathBuf::from(env!("CARGO_TARGET_TMPDIR"))])
}

/// The numbers of processes that have this among their arguments.
pub(crate) fn marked(marker: &str) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let is_marked = |entry: &fs::DirEntry| {
        let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        arguments.split(|byte| *byte == 0).any(|argument| argument == marker.as_bytes())
    };
    all.filter(is_marked).map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// Blobs in memory.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<BTreeMap<Digest, Arc<[u8]>>>);

impl Kept {
    /// What is known of something else than itself.
    pub(crate) fn facts(&self) -> Vec<(Digest, Arc<[u8]>)> {
        let kept = self.0.lock().unwrap();
        let is_fact = |(key, bytes): &(&Digest, &Arc<[u8]>)| Digest::of(bytes) != **key;
        kept.iter().filter(is_fact).map(|(key, bytes)| (*key, bytes.clone())).collect()
    }
}

impl Blobs for Kept {
    fn get(&self, digest: Digest) -> io::Result<Option<Arc<[u8]>>> {
        Ok(self.0.lock().unwrap().get(&digest).cloned())
    }

    fn put(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(bytes);
        self.0.lock().unwrap().insert(digest, Arc::from(bytes));
        Ok(digest)
    }

    fn fact(&self, key: Digest) -> io::Result<Option<Vec<u8>>> {
        Ok(self.get(key)?.map(|fact| fact.to_vec()))
    }

    fn put_fact(&self, key: Digest, fact: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().insert(key, Arc::from(fact));
        Ok(())
    }
}

pub(crate) fn workspace(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    if files.iter().all(|(name, _)| *name != "tsconfig.json") {
        write(root.path(), "tsconfig.json", STRICT);
    }
    for (name, text) in files {
        write(root.path(), name, text);
    }
    root
}

pub(crate) fn try_check(
    compiler: &Compiler,
    system: Arc<dyn System>,
    overlay: &VirtualFiles,
    cancelled: &AtomicBool,
) -> Result<(Checked, DiscoveredInputs), TypecheckError> {
    let view = View::new(system);
    let project = path("tsconfig.json");
    let request = Request {
        compiler,
        project: &project,
        view: &view,
        overlay,
        referenced: &ReferencedProjects::default(),
        helper: &helper(),
        places: places(),
        visible: visible(),
        blobs: &Kept::default(),
        cancelled,
    };
    check(&request).map(|checked| (checked, view.discovered()))
}

pub(crate) fn run(compiler: &Compiler, root: &Path, overlay: &VirtualFiles) -> (Checked, DiscoveredInputs) {
    let system = Arc::new(Os::new(root).unwrap());
    try_check(compiler, system, overlay, &AtomicBool::new(false)).unwrap()
}

pub(crate) fn run_native(files: &[(&str, &str)]) -> (Checked, DiscoveredInputs) {
    run(&native(), workspace(files).path(), &VirtualFiles::default())
}

/// One line a diagnostic, and indented what belongs to it.
pub(crate) fn shown(checked: &Checked) -> String {
    let mut text = String::new();
    let place = |file: Option<&RelPath>, span: Option<Span>| {
        let file = file.map_or("-".to_owned(), ToString::to_string);
        span.map_or(file.clone(), |span| format!("{file}:{}:{} [{}..{}]", span.line, span.column, span.start, span.end))
    };
    for found in &checked.diagnostics {
        let (severity, code) = (found.severity.as_str(), &found.code);
        writeln!(text, "{} {severity} {code} {}", place(found.file.as_ref(), found.span), found.message).unwrap();
        for line in found.notes.iter().flat_map(|note| note.lines()) {
            writeln!(text, "  note {line}").unwrap();
        }
        for other in &found.related {
            writeln!(text, "  see {} {}", place(other.file.as_ref(), other.span), other.message).unwrap();
        }
    }
    text
}

pub(crate) fn names(checked: &Checked) -> Vec<&str> {
    checked.files.iter().map(RelPath::as_str).collect()
}

/// A program of this text. Written by another process: a file that this one has open for writing cannot be run.
pub(crate) fn program(directory: &Path, name: &str, text: &str) -> PathBuf {
    let file = directory.join(name);
    let mut shell = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod +x \"$0\""])
        .arg(&file)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    io::Write::write_all(&mut shell.stdin.take().unwrap(), text.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
    file
}

/// A compiler of its own, whose processes can be told from others.
pub(crate) struct OwnCompiler {
    directory: TempDir,
}

impl OwnCompiler {
    pub(crate) fn new() -> Self {
        let installed = native_executable();
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for entry in fs::read_dir(installed.parent().unwrap()).unwrap() {
            let entry = entry.unwrap();
            fs::hard_link(entry.path(), directory.path().join(entry.file_name())).unwrap();
        }
        Self { directory }
    }

    pub(crate) fn compiler(&self) -> Compiler {
        Compiler::native("7.0.2", self.executable())
    }

    /// The same compiler behind a program that writes down what the first of its processes is told.
    pub(crate) fn overheard(&self) -> Compiler {
        let text = r#"#!/bin/sh
here=${0%/*}
(set -C; : > "$here/told") 2> /dev/null && told=$here/told || told=/dev/null
tee -a "$told" | "$here/tsc" "$@"
"#;
        Compiler::native("7.0.2", program(self.directory.path(), "overheard", text))
    }

    /// What it was told so far, in order; the last message may be missing yet.
    pub(crate) fn told(&self) -> Vec<serde_json::Value> {
        let bytes = fs::read(self.directory.path().join("told")).unwrap();
        let (mut rest, mut messages) = (&*bytes, Vec::new());
        while let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
            let length = std::str::from_utf8(&rest[..end]).unwrap().strip_prefix("Content-Length: ").unwrap();
            let (start, length) = (end + 4, length.parse::<usize>().unwrap());
            let Some(message) = rest.get(start..start + length) else { break };
            messages.push(serde_json::from_slice(message).unwrap());
            rest = &rest[start + length..];
        }
        messages
    }

    fn executable(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join("tsc")
    }

    /// Its running processes.
    pub(crate) fn processes(&self) -> Vec<String> {
        let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let is_ours = |entry: &fs::DirEntry| {
            fs::read_link(entry.path().join("exe")).is_ok_and(|executable| executable == self.executable())
        };
        all.filter(is_ours).map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    /// Ends them.
    pub(crate) fn kill(&self) {
        let done = Command::new("kill").arg("-KILL").args(self.processes()).status().unwrap();
        assert!(done.success());
    }
}
