//! The engine dies while a command runs.
//!
//! A test cannot be killed; this binary once more can, running the one test that waits for it.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use webstir_process::{Ended, Sandbox, Stage, Tree, sweep};

use crate::support::{Workspace, helper, is_clean, marked, marker, output, until, ways};

const ROLE: &str = "WEBSTIR_TEST_ENGINE";

/// What is killed: it runs a command until then.
#[test]
fn engine_to_be_killed() {
    let Some(role) = std::env::var_os(ROLE) else { return };
    let role = role.into_string().unwrap();
    let [way, marker, state] = role.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
    let workspace = Workspace::new();
    let script = format!("setsid sleep {marker} & sleep {marker}");
    let job = workspace.job("/bin/sh", &["-c", &script]);
    if way == "attached" {
        let place = Stage::take(state.as_ref()).unwrap();
        let mut running = helper().attach(place, &Tree::default(), &Sandbox::default(), &job).unwrap();
        let _ = running.output.read(&mut [0]);
    }
    let way = ways().iter().find(|mode| mode.name() == way.replace('-', " ")).unwrap();
    let place = Stage::take(state.as_ref()).unwrap();
    let _ = helper().run(place, &workspace.root(), &Tree::default(), &way.sandbox(), &job, &workspace.cancelled);
}

#[test]
fn nothing_outlives_the_engine() {
    let ways = ways().iter().map(|way| way.name().replace(' ', "-"));
    for name in ways.chain(["attached".to_owned()]) {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        let marker = marker();
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

fn stat(pid: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/stat")).unwrap()
}

/// The parents of a process, up to a child of this process, which is the launcher.
fn parents(pid: &str) -> Vec<String> {
    let parent = |pid: &str| stat(pid).rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().to_owned();
    let own = std::process::id().to_string();
    std::iter::successors(Some(parent(pid)), |pid| Some(parent(pid))).take_while(|pid| *pid != own).collect()
}

fn kill(pid: &str) {
    assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
}

#[test]
fn nothing_outlives_its_helper() {
    for way in ways() {
        let workspace = Workspace::new();
        let marker = marker();
        let script = format!("setsid sleep {marker} & sleep {marker}");
        std::thread::scope(|scope| {
            let running = scope.spawn(|| workspace.run(*way, &Tree::default(), &script));
            until("the command starts", || marked(&marker).len() >= 2);
            // The shell, where `sleep` does not take its place, and an init may lie between.
            let parents = parents(&marked(&marker)[0]);
            kill(&parents[parents.len() - 2]);
            assert!(running.join().unwrap().is_err(), "{way:?}");
        });
        until("all of it ends", || marked(&marker).is_empty());
        sweep(&workspace.state()).unwrap();
        assert!(workspace.is_clean(), "{way:?}");
    }
}

#[test]
fn a_launcher_that_is_killed_costs_no_command() {
    let workspace = Workspace::new();
    let (helper, marker) = (helper(), marker());
    let run = |script: &str| {
        let job = workspace.job("/bin/sh", &["-c", script]);
        helper.run_at(&workspace.root(), &job, &workspace.cancelled).unwrap()
    };
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&format!("echo begun; sleep {marker} & wait; test -e end")));
        until("the command starts", || !marked(&marker).is_empty());
        let launcher = parents(&marked(&marker)[0]).pop().unwrap();
        kill(&launcher);
        // A child of this process that was not waited for.
        until("the launcher ends", || stat(&launcher).contains(") Z "));
        // What runs goes on to its end, and what comes next has a launcher of its own.
        assert_eq!(output(&run("echo next; touch end")), "next");
        kill(&marked(&marker)[0]);
        let finished = running.join().unwrap();
        assert!(matches!(finished.ended, Ended::Exited(status) if status.success()), "{:?}", finished.ended);
        assert_eq!(output(&finished), "begun");
    });
}

#[test]
fn a_helper_that_is_none_is_an_error() {
    let workspace = Workspace::new();
    let job = workspace.job("/bin/sh", &["-c", "true"]);
    for program in ["/no/such/helper", "/bin/true", "/bin/false"] {
        let helper = webstir_process::Helper::new(program.into());
        let stage = Stage::take(&workspace.state()).unwrap();
        let root = workspace.root();
        assert!(
            helper.run(stage, &root, &Tree::default(), &Sandbox::default(), &job, &workspace.cancelled).is_err(),
            "{program}"
        );
    }
    assert!(workspace.is_clean());
}
