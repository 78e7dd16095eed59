//! Commands whose streams the caller holds.

use std::io::{Read as _, Write as _};

use webstir_process::{Attached, Ended, Job, Stage, Tree};

use crate::support::{Mode, Workspace, helper, marked, marker, until, ways};

fn attach(workspace: &Workspace, way: Mode, job: &Job<'_>) -> Attached {
    let stage = Stage::take(&workspace.state()).unwrap();
    helper().attach(stage, &Tree::default(), &way.sandbox(), job).unwrap()
}

#[test]
fn it_reads_and_writes_until_it_ends() {
    for way in ways().iter().copied() {
        let workspace = Workspace::new();
        let job = workspace.job("/bin/sh", &["-c", "read line; echo \"got $line\"; echo odd >&2; cat; exit 3"]);
        let mut running = attach(&workspace, way, &job);
        assert!(!running.has_ended());
        let mut input = running.input.take().unwrap();
        input.write_all(b"one\ntwo\n").unwrap();
        drop(input);
        let (mut output, mut errors) = (String::new(), String::new());
        running.output.read_to_string(&mut output).unwrap();
        running.errors.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!((&*output, &*errors), ("got one\ntwo\n", "odd\n"));
        until("it ends", || running.has_ended());
        assert!(matches!(running.end().unwrap(), Ended::Exited(status) if status.code() == Some(3)));
    }
}

#[test]
fn it_is_killed_with_all_that_it_started_when_nobody_wants_it() {
    for way in ways().iter().copied() {
        let workspace = Workspace::new();
        let marker = marker();
        let script = format!("setsid sleep {marker} & sleep {marker}");
        let job = workspace.job("/bin/sh", &["-c", &script]);
        let running = attach(&workspace, way, &job);
        until("the command starts", || marked(&marker).len() >= 2);
        assert!(running.resident().is_some_and(|bytes| bytes > 100_000));
        drop(running);
        assert_eq!(marked(&marker), [""; 0]);

        let mut running = attach(&workspace, way, &job);
        assert!(matches!(running.end().unwrap(), Ended::Cancelled));
    }
}

#[test]
fn a_program_that_is_none_is_told() {
    for way in ways().iter().copied() {
        let workspace = Workspace::new();
        let job = workspace.job("/no/such/program", &[]);
        let mut running = attach(&workspace, way, &job);
        until("it ends", || running.has_ended());
        let Ended::NotStarted { error, is_there: false } = running.end().unwrap() else { panic!("it runs") };
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }
}
