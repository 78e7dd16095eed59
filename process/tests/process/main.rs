//! Real processes, run each way that this system has.

#![expect(clippy::unwrap_used, reason = "a test that cannot run fails")]

mod attached;
mod end;
mod engine;
mod escape;
mod outputs;
mod support;
mod surroundings;
mod tree;

use std::process::Command;

/// All other tests once more as somebody who may nothing.
#[test]
fn as_nobody() {
    if !rustix::process::geteuid().is_root() || std::env::var_os("WEBSTIR_NOBODY").is_some() {
        return;
    }
    let program = std::env::current_exe().unwrap();
    let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];
    // What nobody may not reach has to be where it may.
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let reachable = |program: &std::path::Path| {
        let copy = directory.path().join(program.file_name().unwrap());
        std::fs::copy(program, &copy).unwrap();
        copy
    };
    let helper = reachable(support::helper().program());
    let mut command = Command::new("setpriv");
    command.args(nobody).arg(reachable(&program)).env("WEBSTIR_NOBODY", &helper);
    let output = match command.current_dir("/").output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        output => output.unwrap(),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
