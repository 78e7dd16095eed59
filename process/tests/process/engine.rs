//! The engine dies while a command runs.
//!
//! A test cannot be killed; this binary once more can, running the one test that waits for it.

use std::fs;
use std::process::{Command, Stdio};

use webstir_process::{Stage, Tree, Way, sweep};

use crate::support::{Workspace, helper, is_clean, marked, marker, until, ways};

const ROLE: &str = "WEBSTIR_TEST_ENGINE";

/// What is killed: it runs a command until then.
#[test]
fn engine_to_be_killed() {
    let Some(role) = std::env::var_os(ROLE) else { return };
    let role = role.into_string().unwrap();
    let [way, marker, state] = role.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
    let way = if way == "overlay" { Way::Overlay } else { Way::Copy };
    let workspace = Workspace::new();
    let script = format!("setsid sleep {marker} & sleep {marker}");
    let job = workspace.job("/bin/sh", &["-c", &script]);
    let place = Stage::take(state.as_ref()).unwrap();
    let _ = helper().run(place, way, &workspace.root(), &Tree::default(), &job, &workspace.cancelled);
}

#[test]
fn nothing_outlives_the_engine() {
    for way in ways() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        let marker = marker();
        let name = if *way == Way::Overlay { "overlay" } else { "copy" };
        let mut engine = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "engine::engine_to_be_killed"])
            .env(ROLE, format!("{name} {marker} {}", state.display()))
            .env("TMPDIR", directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The shell and both that sleep.
        until("the command starts", || marked(&marker).len() >= 2);
        engine.kill().unwrap();
        engine.wait().unwrap();
        until("all of it ends", || marked(&marker).is_empty());
        until("its place is cleared", || is_clean(&state));
    }
}

/// Only a namespace ends with its helper; a copied tree has the engine for that.
#[test]
fn nothing_outlives_the_helper_of_an_overlay() {
    if !ways().contains(&Way::Overlay) {
        return;
    }
    let workspace = Workspace::new();
    let marker = marker();
    let script = format!("setsid sleep {marker} & echo $$ > pid; sleep {marker}");
    std::thread::scope(|scope| {
        let running = scope.spawn(|| workspace.run(Way::Overlay, &Tree::default(), &script));
        until("the command starts", || marked(&marker).len() >= 2);
        let stat = |pid: &str| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let parent = |pid: &str| stat(pid).rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().to_owned();
        // sleep, shell or init, and so on up to the child of this process.
        let mut pid = marked(&marker).into_iter().next().unwrap();
        while parent(&pid) != std::process::id().to_string() {
            pid = parent(&pid);
        }
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        assert!(running.join().unwrap().is_err());
    });
    until("all of it ends", || marked(&marker).is_empty());
    sweep(&workspace.state()).unwrap();
    assert!(workspace.is_clean());
}

#[test]
fn a_helper_that_is_none_is_an_error() {
    let workspace = Workspace::new();
    let job = workspace.job("/bin/sh", &["-c", "true"]);
    for program in ["/no/such/helper", "/bin/true", "/bin/false"] {
        let helper = webstir_process::Helper { program: program.into() };
        let stage = Stage::take(&workspace.state()).unwrap();
        let root = workspace.root();
        assert!(
            helper.run(stage, Way::Copy, &root, &Tree::default(), &job, &workspace.cancelled).is_err(),
            "{program}"
        );
    }
    assert!(workspace.is_clean());
}
