//! The process: how it starts, what it answers to, and that nothing is left of it.

use std::net::TcpListener;

use rustix::process::Signal;

use super::starting::Lines;
use super::watching::Watching;
use crate::support::{Case, descendants, is_running, until};

#[test]
fn signals_end_it_and_leave_nothing() {
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let case = Case::starter();
        let mut watching = Watching::start(&case, &[]);
        case.replace(
            "src/shared/notes.ts",
            "export function readNewNote",
            "// A comment.\nexport function readNewNote",
        );
        watching.until("watch-idle");
        let started = descendants(watching.id());
        assert!(started.iter().any(|(_, line)| line.contains("--api")), "the compiler stays: {started:?}");
        watching.signal(signal);
        let status = watching.end();
        if signal != Signal::KILL {
            assert_eq!(status.code(), Some(0), "{signal:?}");
        }
        until(|| !started.iter().any(|(id, _)| is_running(*id)));
        // What it kept is what the next build starts from, or there is nothing to start from; the result is the same.
        case.build_ok(&[]);
    }
}

#[test]
fn a_hangup_builds_again_and_others_may_build_beside() {
    let case = Case::starter();
    let mut watching = Watching::start(&case, &[]);
    let mut second = Watching::start(&case, &[]);
    assert_ne!(watching.url, second.url);
    watching.quiet();
    let before = case.tree("build");
    case.remove("build");
    watching.signal(Signal::HUP);
    watching.until("watch-idle");
    assert!(case.tree("build") == before, "the tree is not as it was");
    case.build_ok(&[]);
    case.replace(
        "src/shared/notes.ts",
        "export function readNewNote",
        "export const added = 1;\nexport function readNewNote",
    );
    watching.until("watch-idle");
    second.until("watch-idle");
    case.build_ok(&[]);
}

#[test]
fn what_the_store_lost_is_made_again() {
    let case = Case::starter();
    let mut watching = Watching::start(&case, &[]);
    watching.quiet();
    let before = case.tree("build");
    case.remove("build");
    // Emptied in place: a file that is removed can still be read where it is open.
    for name in case.names(".webstir/store") {
        case.write(&name, "");
    }
    watching.signal(Signal::HUP);
    let build = watching.build();
    assert_eq!(build["succeeded"], true, "{build}");
    watching.until("watch-idle");
    assert!(case.tree("build") == before, "the tree is not as it was");
}

#[test]
fn files_are_polled_where_it_is_asked_for() {
    let case = Case::starter();
    let mut watching = Watching::start(&case, &["--no-serve", "--poll"]);
    assert_eq!(watching.url, "");
    case.replace(
        "src/shared/notes.ts",
        "export function readNewNote",
        "export const added = 1;\nexport function readNewNote",
    );
    let build = watching.build();
    assert!(Watching::ran(&build).contains(&"transpile:backend(src/shared/notes.ts)".to_owned()), "{build}");
}

#[test]
fn a_port_that_is_taken_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let case = Case::starter();
    let ran = case.run(&["watch", "--port", &port]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("[webstir] watch failed: Cannot listen on"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--port"), "{}", ran.stderr);
}

#[test]
fn lines_are_plain_where_nobody_looks() {
    let case = Case::starter();
    let mut lines = Lines::start(&case, &["--port", "0"]);
    lines.until("backend ready at http://127.0.0.1:", 1);
    lines.until("watch:ready", 1);
    let (stdout, stderr) = lines.end();
    assert_eq!(stdout, "");
    for line in [
        "watch starting",
        "mode: build",
        "[webstir-backend] watch:start (build)",
        "backend ready at http://127.0.0.1:",
        "[webstir-backend] watch:stopped",
    ] {
        assert!(stderr.contains(line), "{line}: {stderr}");
    }
    assert!(!stderr.contains('\u{1b}'), "{stderr}");
}
