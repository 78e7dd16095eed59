//! How it starts, what it says, and how it ends.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::{Child, ChildStderr, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::edits::workspace;
use super::watching::{PATIENCE, Watching};
use crate::support::{Case, descendants, is_running, until};

/// A watch whose lines are read.
pub(super) struct Lines {
    child: Child,
    stderr: ChildStderr,
    text: String,
}

impl Lines {
    pub(super) fn start(case: &Case, arguments: &[&str]) -> Self {
        let mut command = case.command();
        command.arg("watch").args(arguments).env_remove("PORT").env_remove("HOST");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        Self { child, stderr, text: String::new() }
    }

    /// Reads until `text` was said so often.
    #[track_caller]
    pub(super) fn until(&mut self, text: &str, times: usize) {
        let mut buffer = [0; 4096];
        while self.text.matches(text).count() < times {
            let count = self.stderr.read(&mut buffer).unwrap();
            assert!(count > 0, "it ended without {text}: {}", self.text);
            self.text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    }

    /// Ends it; all that it said on stdout and stderr.
    pub(super) fn end(mut self) -> (String, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.stderr.read_to_string(&mut self.text).unwrap();
        let output = self.child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", self.text);
        (String::from_utf8(output.stdout).unwrap(), self.text)
    }
}

#[test]
fn lines_tell_each_build_once() {
    let case = workspace();
    let mut lines = Lines::start(&case, &["--port", "0"]);
    lines.until("watch:ready", 1);
    lines.until("backend ready at http://127.0.0.1:", 1);
    case.write("src/backend/word.ts", "export const word: string = \"second\";\n");
    lines.until("changed: src/backend/word.ts", 1);
    lines.until("backend restarted at http://127.0.0.1:", 1);
    case.write("src/backend/word.ts", "export const word: string = ;\n");
    lines.until("transpile::syntax", 1);
    lines.until("keeping the current runtime", 1);
    case.write("src/backend/word.ts", "export const word: string = \"third\";\n");
    lines.until("backend restarted", 2);
    let (stdout, stderr) = lines.end();
    assert_eq!(stdout, "");
    let order = ["watch starting", "workspace: ", "mode: build", "url: http", "watch:start (build)", "watch:ready"];
    let places: Vec<usize> = order.iter().map(|line| stderr.find(line).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}: {stderr}");
    assert!(stderr.ends_with("[webstir-backend] watch:stopped\n"), "{stderr}");
    assert_eq!(stderr.matches("watch:ready").count(), 1, "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "{stderr}");
}

#[test]
fn quiet_says_only_what_is_wrong() {
    let case = workspace();
    let mut lines = Lines::start(&case, &["--quiet", "--no-serve"]);
    let deadline = Instant::now() + PATIENCE;
    while !case.exists("build/backend/artifacts.json") {
        assert!(Instant::now() < deadline, "nothing is built");
        thread::sleep(Duration::from_millis(10));
    }
    case.write("src/backend/word.ts", "export const word: string = ;\n");
    lines.until("transpile::syntax", 1);
    let said = lines.text.find("transpile::syntax").unwrap();
    assert!(lines.text[..said].lines().count() <= 1, "{}", lines.text);
    let (stdout, stderr) = lines.end();
    assert_eq!(stdout, "");
    assert!(!stderr.contains("watch:"), "{stderr}");
}

#[test]
fn help_has_examples_and_keys() {
    let help = Case::empty().run(&["watch", "--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for text in ["webstir watch --open --port 8080", "--no-serve", "--poll", "--engine", "q quits"] {
        assert!(help.stdout.contains(text), "{text}: {}", help.stdout);
    }
}

#[test]
fn wrong_usage_ends_before_anything_is_built() {
    let case = workspace();
    for arguments in
        [&["--no-serve", "--port", "0"][..], &["--no-serve", "--open"], &["--port", "70000"], &["--engine", "steam"]]
    {
        let ran = case.run(&[&["watch"], arguments].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", ran.stderr);
    }
    let ran = case.run(&["watch", "--no-serve", "--profile", "nothing"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing"), "{}", ran.stderr);
    let ran = case.run(&["watch", "--workspace", "nowhere"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(!case.exists("build"));
}

#[test]
fn a_taken_port_is_said_and_another_one_taken_where_nobody_asked() {
    let case = workspace();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    case.write(".env", &format!("PORT={port}\n"));
    let ran = case.run(&["watch", "--json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("[webstir] watch failed: ") && ran.stderr.contains("help: "), "{}", ran.stderr);
    case.remove(".env");
    // `--port` is stronger than a variable.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    case.write(".env", &format!("PORT={port}\n"));
    let watching = Watching::start(&case, &["--port", &free.to_string()]);
    assert_eq!(watching.url, format!("http://127.0.0.1:{free}"));
}

#[test]
fn workers_end_with_it() {
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let case = workspace();
        let mut watching = Watching::start(&case, &["--engine", "worker"]);
        assert_eq!(watching.page("/word").0, 200);
        // A module that is loaded anew leaves no worker of the old one.
        for round in 0..3 {
            case.write("src/backend/word.ts", &format!("export const word: string = \"{round}\";\n"));
            watching.until_page("/word", &format!(r#""word":"{round}""#));
        }
        watching.until("watch-idle");
        watching.quiet();
        let started = descendants(watching.id());
        let workers = started.iter().filter(|(_, line)| !line.contains("__process") && !line.contains("--api")).count();
        assert!((1..=2).contains(&workers), "{started:?}");
        watching.signal(signal);
        let status = watching.end();
        assert_eq!(status.code(), if signal == Signal::KILL { None } else { Some(0) }, "{signal:?}");
        until(|| !started.iter().any(|(id, _)| is_running(*id)));
    }
}

#[test]
fn it_ends_in_the_middle_of_the_first_build() {
    for signal in [Signal::INT, Signal::TERM] {
        let case = Case::starter();
        let mut watching = Watching::spawn(&case, &[]);
        watching.signal(signal);
        assert_eq!(watching.end().code(), Some(0), "{signal:?}: {}", watching.stderr());
        case.build_ok(&[]);
    }
}

#[test]
fn the_next_start_takes_what_a_watch_left() {
    let case = workspace();
    let mut watching = Watching::start(&case, &["--no-serve"]);
    case.write("src/backend/word.ts", "export const word: string = \"second\";\n");
    watching.until("watch-idle");
    watching.signal(Signal::TERM);
    watching.end();
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), [""; 0]);
    // While it slept.
    case.write("src/backend/word.ts", "export const word: string = \"third\";\n");
    let watching = Watching::start(&case, &[]);
    assert!(watching.page("/word").1.contains(r#""word":"third""#));
}

#[test]
fn other_commands_run_beside_it() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    case.write("src/backend/word.ts", "export const word: string = \"second\";\n");
    // At the same time.
    case.build_ok(&[]);
    watching.until_page("/word", r#""word":"second""#);
    assert_eq!(case.run(&["publish"]).code, Some(0));
    assert!(case.exists("dist/backend/module.js"));
    assert_eq!(case.run(&["cache", "clear"]).code, Some(0));
    watching.quiet();
    case.write("src/backend/word.ts", "export const word: string = \"third\";\n");
    watching.until_page("/word", r#""word":"third""#);
    watching.rest();
    let tree = case.tree("build");
    case.build_ok(&[]);
    assert!(case.tree("build") == tree, "the trees differ");
}

#[test]
fn the_profile_publish_waits_for_its_checks() {
    let case = workspace();
    case.write(".env", "SESSION_SECRET=0123456789abcdef0123456789abcdef\n");
    let mut watching = Watching::start(&case, &["--profile", "publish"]);
    assert!(watching.page("/word").1.contains(r#""word":"first""#));
    assert!(case.exists("dist/backend/module.js") && !case.exists("build"));
    case.write("src/backend/word.ts", "export const word: string = 5;\n");
    assert_eq!(watching.build()["succeeded"], false);
    assert!(watching.page("/word").1.contains(r#""word":"first""#), "what is wrong is served");
    case.write("src/backend/word.ts", "export const word: string = \"second\";\n");
    watching.until_page("/word", r#""word":"second""#);
}
