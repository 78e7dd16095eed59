//! Bun, which the tests install.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::support::Case;

/// The program, installed once for all runs.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bun-1");
    let program = directory.join("node_modules/.bin/bun");
    if !program.exists() {
        fs::create_dir_all(&directory).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", ".", "bun@1"]);
        let output = npm.current_dir(&directory).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    program
});

/// Makes it the interpreter of a workspace.
pub(super) fn install(case: &Case) {
    fs::create_dir_all(case.path("node_modules/.bin")).unwrap();
    symlink(&*PROGRAM, case.path("node_modules/.bin/bun")).unwrap();
}
