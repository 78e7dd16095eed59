//! What is compiled starts while the rest of the build is under way.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::edits::workspace;
use super::watching::{PATIENCE, Watching};
use crate::support::Case;

/// Says that it is loaded, and takes its time where its manifest is read: there it has no environment.
fn said(word: &str, more: &str) -> String {
    format!(
        "{more}export const word: string = \"{word}\";\n\
         const given = (globalThis as any).process.env.WEBSTIR_FRONTEND_DEV_SERVER;\n\
         if (given) {{ console.info(`loaded ${{word}}`); }} else {{ for (let n = 0; n < 1e7; n++) {{ n += 0; }} }}\n"
    )
}

#[track_caller]
fn until_said(watching: &Watching, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !watching.stderr().contains(text) {
        assert!(Instant::now() < deadline, "{text} is never said: {}", watching.stderr());
        thread::sleep(Duration::from_millis(2));
    }
}

/// Threads that run a module.
fn isolates(watching: &Watching) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", watching.id())).unwrap().flatten();
    tasks.filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "isolate\n")).count()
}

#[track_caller]
fn until_one_isolate(watching: &Watching) {
    let deadline = Instant::now() + PATIENCE;
    while isolates(watching) != 1 {
        assert!(Instant::now() < deadline, "{} isolates are left", isolates(watching));
        thread::sleep(Duration::from_millis(20));
    }
}

fn edited(case: &Case, text: &str) {
    case.write("src/backend/word.ts", text);
}

#[test]
fn a_module_starts_while_its_manifest_is_read_and_once() {
    let case = workspace();
    edited(&case, &said("first", ""));
    let mut watching = Watching::start(&case, &[]);
    watching.quiet();
    edited(&case, &said("second", ""));
    watching.until("build-start");
    until_said(&watching, "loaded second");
    let told = watching.so_far();
    assert!(told.iter().all(|event| event["type"] != "build-complete"), "it starts when all is built: {told:?}");
    watching.until_page("/word", r#""word":"second","count":1"#);
    assert_eq!(watching.stderr().matches("loaded second").count(), 1, "{}", watching.stderr());
    until_one_isolate(&watching);
}

#[test]
fn what_was_started_for_nothing_ends() {
    let case = workspace();
    edited(&case, &said("first", ""));
    let mut watching = Watching::start(&case, &[]);
    watching.quiet();
    // One more module than before.
    case.write("src/backend/more.ts", "export const more: string = \"more\";\n");
    edited(&case, &said("second", "export { more } from \"./more.js\";\n"));
    watching.until_page("/word", r#""word":"second","count":1"#);
    watching.rest();
    until_one_isolate(&watching);
    // One that cannot be loaded, and then one whose manifest cannot be had.
    edited(&case, &format!("{}throw new Error(\"thrown\");\n", said("third", "")));
    watching.until("refused");
    watching.rest();
    assert!(watching.page("/word").1.contains(r#""word":"second""#));
    until_one_isolate(&watching);
    edited(&case, &said("fourth", ""));
    watching.until_page("/word", r#""word":"fourth","count":1"#);
    until_one_isolate(&watching);
}
