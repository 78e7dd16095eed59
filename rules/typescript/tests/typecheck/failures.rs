//! Cancellation and compilers that misbehave.

use crate::tools::*;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use webstir_engine::path::RelPath;
use webstir_engine::system::{FileContent, Listing, Os, PathKind, System, Version};
use webstir_typescript::typecheck::{Compiler, ProtocolError, TypecheckError, VirtualFiles};

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
    let result = try_check(&native(), system.clone(), root.path(), &VirtualFiles::default(), &CANCELLED);
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
    try_check(&compiler, system, root.path(), &VirtualFiles::default(), &AtomicBool::new(false)).unwrap_err()
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
    let result = try_check(&compiler, system, root.path(), &VirtualFiles::default(), &AtomicBool::new(false));
    assert!(matches!(result, Err(TypecheckError::Start { .. })), "{result:?}");
}

#[test]
fn a_compiler_that_never_answers_is_killed_with_its_children() {
    let directory = tempfile::tempdir().unwrap();
    let pids = directory.path().join("pids");
    let text = format!("#!/bin/sh\nsleep 1000 &\necho $$ $! > '{0}.new'\nmv '{0}.new' '{0}'\nwait\n", pids.display());
    let compiler = stand_in(directory.path(), &text);
    let root = workspace(&[("src/a.ts", "")]);
    let system = Arc::new(Os::new(root.path()).unwrap());
    let cancelled = AtomicBool::new(false);
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !pids.exists() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            cancelled.store(true, Ordering::Relaxed);
        });
        try_check(&compiler, system, root.path(), &VirtualFiles::default(), &cancelled)
    });
    assert!(matches!(result, Err(TypecheckError::Cancelled)), "{result:?}");
    for pid in fs::read_to_string(&pids).unwrap().split_whitespace() {
        // The orphan is reaped by the init process, some time after the kill.
        while is_running(pid) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

fn is_running(pid: &str) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap().stdout;
    !state.is_empty() && !state.starts_with(b"Z")
}
