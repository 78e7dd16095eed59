//! Node, TypeScript and shorthands.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;
use webstir_typescript::transpile::{Emitted, ImportRequire, MapOptions, Options, Source, transpile};
use webstir_typescript::tsconfig::{EmitOptions, Target, load};

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// Options that change nothing about specifiers and define nothing.
pub(crate) fn options(emit: EmitOptions) -> Options<'static> {
    Options {
        emit,
        define: BTreeMap::new(),
        map: None,
        import_require: ImportRequire::default(),
        rewrite: &|_, _| None,
    }
}

pub(crate) fn emit(file: &str, text: &str) -> Result<Emitted, Vec<Diagnostic>> {
    transpile(Source { path: &path(file), text }, &options(EmitOptions::default()))
}

pub(crate) fn emit_with(file: &str, text: &str, options: &Options<'_>) -> Emitted {
    transpile(Source { path: &path(file), text }, options).unwrap_or_else(|found| panic!("{file}: {found:#?}"))
}

pub(crate) fn code(file: &str, text: &str) -> String {
    emit_with(file, text, &options(EmitOptions::default())).code
}

pub(crate) fn with_map(map: MapOptions) -> Options<'static> {
    Options { map: Some(map), ..options(EmitOptions::default()) }
}

/// The emit options of these compiler options, read the way a project's are.
pub(crate) fn compiler_options(options: &Value, target: Option<Target>) -> EmitOptions {
    let text = serde_json::json!({ "compilerOptions": options }).to_string();
    let (config, found) = load(&path("tsconfig.json"), &mut |_| Some(Arc::from(text.as_bytes())));
    assert!(found.is_empty(), "{found:#?}");
    config.emit_options(target)
}

/// A directory for one test, removed with it.
pub(crate) fn scratch() -> tempfile::TempDir {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::write(directory.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    directory
}

/// Runs each module and gives what it wrote.
pub(crate) fn run(files: &[PathBuf]) -> BTreeMap<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transpile/run.mjs");
    let output = Command::new("node").arg(script).args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs one module and gives what it wrote.
pub(crate) fn run_code(code: &str) -> String {
    let directory = scratch();
    let file = directory.path().join("main.mjs");
    std::fs::write(&file, code).unwrap();
    run(&[file]).into_values().next().unwrap()
}

/// TypeScript, installed once for all tests and runs.
fn typescript() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("typescript-5.9.3");
        if !tools.exists() {
            let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let npm = Command::new("npm")
                .args([
                    "install",
                    "--silent",
                    "--no-audit",
                    "--no-fund",
                    "--ignore-scripts",
                    "typescript@5.9.3",
                    "--prefix",
                ])
                .arg(fresh.path())
                .status();
            assert!(npm.unwrap().success());
            // Another test process may have been faster.
            let _ = std::fs::rename(fresh.path(), &tools);
        }
        tools
    })
}

/// What TypeScript makes of each file: text and compiler options by name.
pub(crate) fn tsc(files: &BTreeMap<String, (String, Value)>) -> BTreeMap<String, String> {
    let input: BTreeMap<_, _> = files
        .iter()
        .map(|(name, (text, options))| (name, serde_json::json!({ "text": text, "options": options })))
        .collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transpile/tsc.mjs");
    let mut child = Command::new("node")
        .arg(script)
        .arg(typescript().join("package.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(&input).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}
