//! How commands end, and that nothing of them stays.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use webstir_process::{Ended, Finished, Keep, Tree};

use crate::support::{LONG, Workspace, helper, marked, marker, output, until, ways};

/// Ways to outlive a shell.
fn strays(marker: &str) -> [String; 4] {
    [
        format!("setsid sleep {marker} &"),
        format!("(setsid sh -c 'sleep {marker} & exit' &)"),
        format!("sleep {marker} & sleep {marker} &"),
        format!("setsid sh -c 'trap \"\" TERM HUP INT; (setsid sleep {marker} &) ; sleep {marker}' >/dev/null 2>&1 &"),
    ]
}

#[test]
fn t9_nothing_outlives_a_command_that_ends() {
    for way in ways() {
        let workspace = Workspace::new();
        let marker = marker();
        for stray in strays(&marker) {
            let started = Instant::now();
            let finished = workspace.run(*way, &Tree::default(), &format!("{stray}\necho done")).unwrap();
            assert_eq!(output(&finished), "done", "{way:?}");
            assert!(started.elapsed() < Duration::from_secs(30), "{stray}");
            assert_eq!(marked(&marker), [""; 0], "{way:?} {stray}");
        }
    }
}

#[test]
fn t9_nothing_outlives_a_timeout() {
    for way in ways() {
        let mut workspace = Workspace::new();
        workspace.timeout = Duration::from_millis(200);
        let marker = marker();
        for stray in strays(&marker) {
            let script = format!("{stray}\nsleep {marker}");
            let finished = workspace.run(*way, &Tree::default(), &script).unwrap();
            assert!(matches!(finished.ended, Ended::TimedOut), "{way:?} {:?}", finished.ended);
            assert_eq!(marked(&marker), [""; 0], "{way:?} {stray}");
        }
    }
}

#[test]
fn t9_nothing_outlives_a_cancellation() {
    for way in ways() {
        let marker = marker();
        for stray in strays(&marker) {
            let workspace = Workspace::new();
            let script = format!("{stray}\nsleep {marker}");
            let finished = std::thread::scope(|scope| {
                let running = scope.spawn(|| workspace.run(*way, &Tree::default(), &script).unwrap());
                until("the command starts", || !marked(&marker).is_empty());
                workspace.cancelled.store(true, Ordering::Relaxed);
                running.join().unwrap()
            });
            assert!(matches!(finished.ended, Ended::Cancelled), "{way:?}");
            assert_eq!(marked(&marker), [""; 0], "{way:?} {stray}");
        }
    }
}

#[test]
fn a_directory_as_it_is() {
    let workspace = Workspace::new();
    workspace.write("a", "a");
    let marker = marker();
    let script = format!("ls; echo b > b; setsid sleep {marker} &");
    let job = workspace.job("/bin/sh", &["-c", &script]);
    let finished = helper().run_at(&workspace.root(), &job, &workspace.cancelled).unwrap();
    assert_eq!(output(&finished), "a");
    assert_eq!(workspace.read("b").unwrap(), "b\n");
    assert_eq!(marked(&marker), [""; 0]);
    assert!(finished.collect("b").unwrap().files.is_empty());
}

#[test]
fn the_status_is_the_commands() {
    for way in ways() {
        let workspace = Workspace::new();
        let status = |script: &str| match workspace.run(*way, &Tree::default(), script).unwrap().ended {
            Ended::Exited(status) => status,
            other => panic!("{other:?}"),
        };
        assert_eq!(status("exit 3").code(), Some(3));
        assert_eq!(status("exit 255").code(), Some(255));
        assert_eq!(status("kill -9 $$").signal(), Some(9), "{way:?}");
        assert_eq!(status("kill -TERM $$").signal(), Some(15), "{way:?}");
        assert_eq!(status("kill -SEGV $$").signal(), Some(11), "{way:?}");
        // A command that ends its own group, as scripts do with what they started.
        assert_eq!(status("sleep 100 & kill -TERM 0").signal(), Some(15), "{way:?}");
        assert_eq!(status("kill -PIPE $$").signal(), Some(13), "{way:?}");
    }
}

#[test]
fn the_environment_is_what_is_given() {
    for way in ways() {
        let workspace = Workspace::new();
        let stage = webstir_process::Stage::take(&workspace.state()).unwrap();
        let mut job = workspace.job("/usr/bin/env", &[]);
        job.environment = vec![(OsStr::new("B"), OsStr::new("two words")), (OsStr::new("A"), OsStr::new("1"))];
        let finished = helper()
            .run(stage, &workspace.root(), &Tree::default(), &way.sandbox(), &job, &workspace.cancelled)
            .unwrap();
        let mut lines: Vec<String> = output(&finished).lines().map(str::to_owned).collect();
        lines.sort();
        let is_fixed =
            |line: &String| !line.starts_with("HOME=") && !line.starts_with("TMPDIR=") && !line.starts_with("PATH=");
        let places = lines.iter().filter(|line| !is_fixed(line)).count();
        lines.retain(is_fixed);
        let fixed = ["A=1", "B=two words", "LC_ALL=C.UTF-8", "NO_COLOR=1", "SOURCE_DATE_EPOCH=315532800", "TZ=UTC"];
        assert_eq!((&lines[..], places), (&fixed.map(str::to_owned)[..], 3), "{way:?}");
    }
}

#[test]
fn its_input_is_empty_and_no_descriptor_comes_along() {
    for way in ways() {
        let workspace = Workspace::new();
        let finished = workspace.run(*way, &Tree::default(), "cat; exec ls /proc/self/fd").unwrap();
        // 3 is the directory that `ls` reads.
        assert_eq!(output(&finished), "0\n1\n2\n3", "{way:?}");
    }
}

fn not_started(finished: &Finished) -> (std::io::ErrorKind, bool) {
    match &finished.ended {
        Ended::NotStarted { error, is_there } => (error.kind(), *is_there),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_that_is_none_is_told() {
    use std::io::ErrorKind;
    for way in ways() {
        let workspace = Workspace::new();
        workspace.executable("orphan.sh", "#!/none\n").write("plain", "text").executable("empty", "");
        let mut tree = crate::support::files(&["empty", "orphan.sh", "plain"]);
        tree.inputs[0].executable = true;
        tree.inputs[1].executable = true;
        let run = |program: &str| not_started(&workspace.run_program(*way, &tree, program, &[]).unwrap());
        assert_eq!(run("/no/such/program"), (ErrorKind::NotFound, false), "{way:?}");
        assert_eq!(run("missing.sh"), (ErrorKind::NotFound, false), "{way:?}");
        assert_eq!(run("orphan.sh"), (ErrorKind::NotFound, true), "{way:?}");
        assert_eq!(run("plain"), (ErrorKind::PermissionDenied, true), "{way:?}");
        assert!(run("empty").1);
    }
}

#[test]
fn a_flood_is_bounded() {
    for way in ways() {
        let mut workspace = Workspace::new();
        workspace.keep = Keep::Tail(1000);
        let script = "yes 0123456789 | head -c 30000000; echo last; echo error >&2";
        let finished = workspace.run(*way, &Tree::default(), script).unwrap();
        assert_eq!(finished.stdout.len(), 1000, "{way:?}");
        assert!(output(&finished).ends_with("last\nerror"), "{way:?}");
        workspace.keep = Keep::Whole(100_000);
        let finished = workspace.run(*way, &Tree::default(), "yes").unwrap();
        assert!(matches!(finished.ended, Ended::TooMuchOutput), "{:?}", finished.ended);
        let finished = workspace.run(*way, &Tree::default(), "yes | head -c 100000").unwrap();
        assert_eq!(finished.stdout.len(), 100_000);
        let finished = workspace.run(*way, &Tree::default(), "yes | head -c 100001").unwrap();
        assert!(matches!(finished.ended, Ended::TooMuchOutput));
        assert_eq!(finished.stdout.len(), 100_000);
    }
}

#[test]
fn a_flood_does_not_hold_a_timeout() {
    for way in ways() {
        let mut workspace = Workspace::new();
        workspace.timeout = Duration::from_millis(100);
        let started = Instant::now();
        let finished = workspace.run(*way, &Tree::default(), "yes & setsid yes >&2 & yes").unwrap();
        assert!(matches!(finished.ended, Ended::TimedOut));
        assert!(started.elapsed() < LONG);
    }
}

#[test]
fn streams_that_are_closed_are_no_end() {
    for way in ways() {
        let workspace = Workspace::new();
        let finished = workspace.run(*way, &Tree::default(), "exec >&- 2>&-; : > a; mkdir b; exit 4").unwrap();
        assert!(matches!(finished.ended, Ended::Exited(status) if status.code() == Some(4)), "{way:?}");
        assert_eq!(finished.collect("a").unwrap().files.len(), 1);
    }
}

#[test]
fn two_at_once_do_not_meet() {
    for way in ways() {
        let workspace = Workspace::new();
        workspace.write("seed", "x");
        let tree = crate::support::files(&["seed"]);
        let script =
            "test ! -e out || exit 9; for i in 1 2 3 4 5 6; do echo line >> out; sleep 0.01; done; cat out | wc -l";
        let results: Vec<String> = std::thread::scope(|scope| {
            let running: Vec<_> =
                (0..4).map(|_| scope.spawn(|| output(&workspace.run(*way, &tree, script).unwrap()))).collect();
            running.into_iter().map(|running| running.join().unwrap()).collect()
        });
        assert_eq!(results, ["6"; 4], "{way:?}");
        assert!(workspace.is_clean());
    }
}
