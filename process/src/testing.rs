//! A helper for tests whose binary is no `webstir`: those of other crates.
//!
//! The tests of this crate have `env!("CARGO_BIN_EXE_webstir-process-helper")`, those of the root package the real binary. Any other
//! crate adds `webstir-process = { workspace = true, features = ["testing"] }` to its `dev-dependencies`.

#![expect(clippy::expect_used, reason = "tests")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::run::Helper;

/// The helper of this profile, built first where nothing has built it.
pub fn helper() -> Helper {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        // `target/debug/deps/<test>` lies below the directory of the binaries.
        let test = std::env::current_exe().expect("a test knows its binary");
        let directory = test.ancestors().nth(2).expect("a test lies in `deps`");
        let program = directory.join("webstir-process-helper");
        if std::env::var_os("CARGO").is_some() || !program.exists() {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
            let mut build = Command::new(cargo);
            build.args(["build", "--quiet", "--bin", "webstir-process-helper", "--manifest-path", manifest]);
            build.arg("--target-dir").arg(directory.parent().expect("a profile lies in the target directory"));
            if directory.ends_with("release") {
                build.arg("--release");
            }
            let status = build.status().expect("cargo can be started");
            assert!(status.success(), "the helper could not be built");
        }
        program
    });
    Helper::new(program.clone())
}
