//! Cancellation and compilers that misbehave.

use crate::tools::*;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use webstir_engine::path::RelPath;
use webstir_engine::system::{FileContent, Listing, Os, PathKind, System, Version};
use webstir_typescript::typecheck::{Checked, Compiler, ProtocolError, TypecheckError, VirtualFiles};

/// Sets the flag as soon as a source is read, and notes which children the reading thread has then.
#[derive(Debug)]
struct CancelledWhileReading<'a> {
    inner: Os,
    cancelled: &'a AtomicBool,
    children: Mutex<String>,
}

impl System for CancelledWhileReading<'static> {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn content(&self, path: &RelPath) -> io::Result<FileContent> {
        self.inner.content(path)
    }
    fn version(&self, path: &RelPath) -> io::Result<Option<Version>> {
        self.inner.version(path)
    }
    fn kind(&self, path: &RelPath) -> io::Result<PathKind> {
        self.inner.kind(path)
    }
    fn read(&self, path: &RelPath) -> io::Result<Vec<u8>> {
        if path.extension() == "ts" {
            self.cancelled.store(true, Ordering::Relaxed);
            *self.children.lock().unwrap() = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
        }
        self.inner.read(path)
    }
    fn list(&self, path: &RelPath) -> io::Result<Listing> {
        self.inner.list(path)
    }
    fn real_path(&self, path: &RelPath) -> io::Result<Option<RelPath>> {
        self.inner.real_path(path)
    }
}

#[test]
#[cfg(target_os = "linux")]
fn cancellation_ends_the_compiler() {
    static CANCELLED: AtomicBool = AtomicBool::new(false);
    let root = workspace(&[("src/a.ts", "export const a = 1;\n")]);
    let system = Arc::new(CancelledWhileReading {
        inner: Os::new(root.path()).unwrap(),
        cancelled: &CANCELLED,
        children: Mutex::default(),
    });
    let result = try_check(&native(), system.clone(), &VirtualFiles::default(), &CANCELLED);
    assert!(matches!(result, Err(TypecheckError::Cancelled)), "{result:?}");
    let children = system.children.lock().unwrap();
    let compiler: u32 = children.trim().parse().unwrap();
    assert!(!Path::new(&format!("/proc/{compiler}")).exists());
}

/// A stand-in that misbehaves.
fn stand_in(directory: &Path, text: &str) -> Compiler {
    Compiler::native("7.0.2", program(directory, "tsc", text))
}

fn run_stand_in(text: &str) -> TypecheckError {
    let directory = tempfile::tempdir().unwrap();
    let compiler = stand_in(directory.path(), text);
    let root = workspace(&[("src/a.ts", "")]);
    let system = Arc::new(Os::new(root.path()).unwrap());
    try_check(&compiler, system, &VirtualFiles::default(), &AtomicBool::new(false)).unwrap_err()
}

#[test]
fn a_compiler_that_prints_garbage() {
    let error = run_stand_in("#!/bin/sh\necho 'panic: bundled' >&2\necho 'not a header'\nexec sleep 1000\n");
    assert!(matches!(&error, TypecheckError::Protocol { source: ProtocolError::Header(_), .. }), "{error:?}");
    let error = run_stand_in("#!/bin/sh\nprintf 'Content-Length: 4\\r\\n\\r\\nnull'\nexec sleep 1000\n");
    assert!(matches!(&error, TypecheckError::Protocol { source: ProtocolError::Message(_), .. }), "{error:?}");
    let error = run_stand_in("#!/bin/sh\nyes x\n");
    assert!(matches!(&error, TypecheckError::Protocol { .. }), "{error:?}");
}

#[test]
fn a_compiler_that_ends_at_once() {
    let error = run_stand_in("#!/bin/sh\nyes 'much to say' | head -c 300000 >&2\necho 'panic: the end' >&2\nexit 3\n");
    let TypecheckError::Ended { status, stderr } = &error else { panic!("{error:?}") };
    assert_eq!(status, "exit status: 3");
    assert!(stderr.ends_with("much to say\npanic: the end") || stderr.ends_with("panic: the end"), "{stderr}");
    assert!(stderr.len() <= 8 << 10);
    assert!(error.to_string().contains("panic: the end"));
}

#[test]
fn a_compiler_that_is_not_there() {
    let root = workspace(&[("src/a.ts", "")]);
    let system = Arc::new(Os::new(root.path()).unwrap());
    let compiler = Compiler::native("7.0.2", root.path().join("tsc"));
    let result = try_check(&compiler, system, &VirtualFiles::default(), &AtomicBool::new(false));
    assert!(matches!(result, Err(TypecheckError::Start { .. })), "{result:?}");
}

#[test]
fn a_compiler_that_never_answers_is_killed_with_its_children() {
    let directory = tempfile::tempdir().unwrap();
    let marker = "1000.0123";
    let compiler = stand_in(directory.path(), &format!("#!/bin/sh\nsleep {marker} &\nsleep {marker}\n"));
    let result = cancelled_once(&compiler, || marked(marker).len() == 2);
    assert!(matches!(result, Err(TypecheckError::Cancelled)), "{result:?}");
    assert_eq!(marked(marker), [""; 0]);
}

/// What comes of a check that is cancelled when something is so.
fn cancelled_once(compiler: &Compiler, is_so: impl Fn() -> bool + Sync) -> Result<Checked, TypecheckError> {
    let root = workspace(&[("src/a.ts", "")]);
    let system = Arc::new(Os::new(root.path()).unwrap());
    let cancelled = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_so() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            cancelled.store(true, Ordering::Relaxed);
        });
        try_check(compiler, system, &VirtualFiles::default(), &cancelled).map(|(checked, _)| checked)
    })
}

/// An older compiler whose `lib/typescript.js` is this text; `REAL` stands for the path of the real one.
fn own_library(directory: &Path, text: &str) -> Compiler {
    let real = installed("5.9.3").join("typescript/lib/typescript.js");
    write(directory, "lib/typescript.js", &text.replace("REAL", real.to_str().unwrap()));
    Compiler::script("5.9.3", directory, Some(node()))
}

fn run_library(text: &str) -> TypecheckError {
    let directory = tempfile::tempdir().unwrap();
    run_script(&own_library(directory.path(), text), &[("src/a.ts", "export const a = 1;\n")]).unwrap_err()
}

fn run_script(compiler: &Compiler, files: &[(&str, &str)]) -> Result<Checked, TypecheckError> {
    let root = workspace(files);
    let system = Arc::new(Os::new(root.path()).unwrap());
    let checked = try_check(compiler, system, &VirtualFiles::default(), &AtomicBool::new(false));
    checked.map(|(checked, _)| checked)
}

/// Node, with something before its arguments.
fn node_with(directory: &Path, before: &str, arguments: &str) -> PathBuf {
    program(directory, "node", &format!("#!/bin/sh\n{before}\nexec '{}' {arguments} \"$@\"\n", node().display()))
}

fn older(interpreter: PathBuf) -> Compiler {
    Compiler::script("5.9.3", &installed("5.9.3").join("typescript"), Some(interpreter))
}

#[test]
fn an_older_compiler_that_writes_to_its_output() {
    let noise = "console.log('noise'); process.stdout.write('noise\\n'); module.exports = require('REAL');";
    let directory = tempfile::tempdir().unwrap();
    // Its library is not beside it, so that nothing but that is found.
    let compiler = own_library(directory.path(), noise);
    let config = r#"{"compilerOptions": {"noLib": true, "types": [], "skipLibCheck": true}, "files": ["a.ts"]}"#;
    let checked = run_script(&compiler, &[("tsconfig.json", config), ("a.ts", "export {};\n")]).unwrap();
    assert!(shown(&checked).contains("Cannot find global type 'Array'"), "{}", shown(&checked));
    let error = run_library("require('fs').writeSync(1, 'garbage'); module.exports = require('REAL');");
    assert!(matches!(&error, TypecheckError::Protocol { source: ProtocolError::Header(_), .. }), "{error:?}");
}

#[test]
fn an_older_compiler_that_fails() {
    let error = run_library("throw new Error('not a compiler');");
    let TypecheckError::Ended { status, stderr } = &error else { panic!("{error:?}") };
    assert!(status == "exit status: 1" && stderr.contains("not a compiler"), "{error}");
    let bug = "const ts = require('REAL'); module.exports = { ...ts, createProgram() { throw new Error('Debug Failure. x\\ny'); } };";
    let error = run_library(bug);
    assert_eq!(error.to_string(), "The compiler refused `updateSnapshot`: Debug Failure. x");
    let writes =
        "const ts = require('REAL'); module.exports = { ...ts, createProgram(o) { o.host.writeFile('/x'); } };";
    let error = run_library(writes);
    assert_eq!(error.to_string(), "The compiler refused `updateSnapshot`: Nothing is written, not /x");
}

#[test]
fn an_older_compiler_that_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let compiler = Compiler::script("5.9.3", directory.path(), Some(node()));
    let error = run_script(&compiler, &[("src/a.ts", "")]).unwrap_err();
    assert!(matches!(error, TypecheckError::Start { .. }), "{error:?}");
    let error = run_script(&older(directory.path().join("node")), &[("src/a.ts", "")]).unwrap_err();
    assert!(matches!(error, TypecheckError::Start { .. }), "{error:?}");
}

#[test]
fn an_older_compiler_that_runs_out_of_memory() {
    let directory = tempfile::tempdir().unwrap();
    let compiler = older(node_with(directory.path(), "", "--max-old-space-size=16"));
    let error = run_script(&compiler, &[("src/a.ts", "export const a = 1;\n")]).unwrap_err();
    assert_eq!(error.to_string(), "The compiler ran out of memory");
}

#[test]
fn an_older_compiler_that_never_answers_is_ended() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "lib/typescript.js", "for (;;) {}");
    let hanging = Compiler::script("5.9.3", directory.path(), Some(node()));
    let library = directory.path().canonicalize().unwrap().join("lib");
    let result = cancelled_once(&hanging, || !marked(library.to_str().unwrap()).is_empty());
    assert!(matches!(result, Err(TypecheckError::Cancelled)), "{result:?}");
    assert_eq!(marked(library.to_str().unwrap()), [""; 0]);
}

#[test]
fn an_older_compiler_ends_with_who_asks_it() {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/typecheck/driver/driver.cjs");
    let library = installed("5.9.3").join("typescript/lib");
    let mut running = Command::new(node())
        .arg(driver)
        .args([library.as_os_str(), "/webstir-workspace".as_ref()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It waits for an answer when its input ends.
    let (open, initialize) = (
        r#"{"id":2,"method":"updateSnapshot","params":{"openProjects":["/webstir-workspace/tsconfig.json"]}}"#,
        r#"{"id":1,"method":"initialize","params":null}"#,
    );
    let mut input = running.stdin.take().unwrap();
    for message in [initialize, open] {
        write!(input, "Content-Length: {}\r\n\r\n{message}", message.len()).unwrap();
    }
    drop(input);
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("readFile"), "{output:?}");
}

#[test]
fn much_is_found_and_read_by_an_older_compiler() {
    let many = "let a: 1;\n".to_owned() + &"a=2\n".repeat(10_000) + "export {};\n";
    let large = "{ const large: 'ü' | number = 1; void large; }\n".repeat(100_000) + "export {};\n";
    assert!(large.len() > 4 << 20);
    let checked = run_script(&older(node()), &[("src/many.ts", &many), ("src/large.ts", &large)]).unwrap();
    assert_eq!(checked.diagnostics.len(), 10_000);
}

#[test]
fn text_that_is_not_whole_is_told_all_the_same() {
    let source = "export const a: 'x' = '\\ud800';\n";
    let checked = run_script(&older(node()), &[("src/a.ts", source)]).unwrap();
    assert_eq!(checked.diagnostics.len(), 1, "{}", shown(&checked));
}

#[test]
fn projects_that_refer_to_each_other_in_a_circle() {
    let config = |other: &str| {
        format!(
            "{{\"compilerOptions\": {{\"composite\": true, \"types\": []}}, \"files\": [\"x.ts\"], \"references\": [{{\"path\": \"{other}\"}}]}}"
        )
    };
    let files = [
        ("tsconfig.json", &*config("./b")),
        ("x.ts", "import { x } from './b/x';\nexport const y: string = x;\n"),
        ("b/tsconfig.json", &*config("..")),
        ("b/x.ts", "export const x = 1;\n"),
    ];
    let checked = run_script(&older(node()), &files).unwrap();
    assert!(!checked.diagnostics.is_empty());
}
