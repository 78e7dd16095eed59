//! `webstir jobs`: listing, running and watching, in both engines.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::{Case, Ran, in_both_engines};

/// The longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// A built workspace that declares these jobs in `package.json`; each has a name, a schedule and the text of its file.
fn workspace(jobs: &[(&str, Option<&str>, &str)]) -> Case {
    let declared: Vec<_> = jobs
        .iter()
        .map(|(name, schedule, _)| match schedule {
            Some(schedule) => json!({ "name": name, "schedule": schedule, "description": format!("Does {name}") }),
            None => json!({ "name": name }),
        })
        .collect();
    let package = json!({
        "name": "tasks", "type": "module",
        "webstir": { "mode": "api", "moduleManifest": { "jobs": declared } },
    });
    let case = Case::with(&[("package.json", &package.to_string()), ("src/backend/index.ts", "export {};\n")]);
    for (name, _, text) in jobs.iter().filter(|(.., text)| !text.is_empty()) {
        case.write(&format!("src/backend/jobs/{name}/index.ts"), text);
    }
    case
}

fn built(jobs: &[(&str, Option<&str>, &str)]) -> Case {
    let case = workspace(jobs);
    case.build_ok(&[]);
    case
}

fn run(case: &Case, engine: &str, arguments: &[&str]) -> Ran {
    case.run(&[&["jobs", "--engine", engine], arguments].concat())
}

in_both_engines!(
    what_a_job_sees,
    failures_are_told_and_the_others_run,
    c14_a_long_rate_runs_once_and_a_short_one_again,
    overlapping_runs_are_skipped,
    a_reboot_job_alone_ends_the_watch,
    a_job_that_takes_too_long_is_stopped,
    a_server_runs_jobs_too,
);

#[test]
fn a_list_for_people_and_one_for_machines() {
    let case = built(&[("nightly", Some("0 3 * * *"), "export const run = () => {};"), ("manual", None, "")]);
    let listed = case.run(&["jobs", "--list"]);
    assert_eq!((listed.code, &*listed.stdout), (Some(0), "- nightly (0 3 * * *) — Does nightly\n- manual\n"));
    let document = case.run(&["jobs", "--json"]);
    assert_eq!(
        document.stdout,
        concat!(
            "[\n  {\n    \"name\": \"nightly\",\n    \"schedule\": \"0 3 * * *\",\n    \"description\": \"Does nightly\"\n  },\n",
            "  {\n    \"name\": \"manual\"\n  }\n]\n"
        )
    );
    let unknown = case.run(&["jobs", "--job=other"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""));
    assert_eq!(unknown.stderr, "[jobs] job 'other' not found\n");
}

#[test]
fn a_workspace_without_jobs() {
    let case = built(&[]);
    let ran = case.run(&["jobs"]);
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "[jobs] no jobs registered in webstir.moduleManifest.jobs\n"));
    assert_eq!(case.run(&["jobs", "--json"]).json(), json!([]));
}

#[test]
fn jobs_of_the_module_definition_are_jobs_too() {
    let case = workspace(&[]);
    case.write(
        "src/backend/module.ts",
        "export const module = { manifest: { jobs: [{ name: 'inModule', schedule: '@daily' }] } };\n",
    );
    case.write("src/backend/jobs/inModule/index.ts", "export default () => console.log('from the module');\n");
    let ran = case.run(&["jobs", "--build"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("[jobs] running inModule (schedule: @daily)\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\"msg\":\"from the module\""), "{}", ran.stdout);
}

#[test]
fn the_job_of_the_starter_runs() {
    let case = Case::starter();
    let ran = case.run(&["jobs", "--job", "nightly", "--build"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("[job:nightly] ran at"), "{}", ran.stdout);
    assert!(ran.stdout.contains("[jobs] nightly completed in "), "{}", ran.stdout);
}

#[test]
fn c4_a_published_job_brings_what_it_imports() {
    let case = workspace(&[(
        "report",
        None,
        "import { text } from '../../lib/text.js';\nexport const run = () => console.log(text);\n",
    )]);
    case.write("src/backend/lib/text.ts", "export const text = 'linked';\n");
    assert_eq!(case.run(&["publish"]).code, Some(0));
    case.remove("src");
    let ran = case.run(&["jobs", "--profile", "publish"]);
    assert!(ran.stdout.contains("\"environment\":\"production\",\"msg\":\"linked\""), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn c14_a_schedule_that_is_never_followed_is_a_finding_of_the_build() {
    let case = workspace(&[("a", Some("0 0 0 * * *"), "export const run = () => {};")]);
    let found = case.build_ok(&[]).findings();
    assert!(found.iter().any(|found| found.starts_with("manifest::bad_schedule package.json:1:")), "{found:?}");
}

#[test]
fn what_the_embedded_engine_lacks_has_a_way_out() {
    let case = built(&[(
        "net",
        None,
        "import net from 'node:net';\nexport const run = () => console.log(typeof net.connect);\n",
    )]);
    let refused = run(&case, "embedded", &[]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("`node:net`") && refused.stderr.contains("`--engine worker`"),
        "{}",
        refused.stderr
    );
    assert_eq!(run(&case, "worker", &[]).code, Some(0));
}

#[test]
fn schedules_that_are_none_leave_nothing_to_watch() {
    let case = built(&[("a", Some("every day"), "export const run = () => {};"), ("b", None, "")]);
    let ran = case.run(&["jobs", "--watch"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let told = "[jobs] unsupported schedule 'every day'. Run manually or use --json with an external scheduler.";
    assert!(ran.stdout.starts_with(told), "{}", ran.stdout);
    assert_eq!(ran.stderr, "[jobs] no job has a schedule to watch\n");
}

fn what_a_job_sees(engine: &str) {
    let case = workspace(&[(
        "look",
        Some("@daily"),
        "import { join } from '../../lib/join.js';
         export async function run(...given: unknown[]) {
           await new Promise((done) => setTimeout(done, 5));
           console.log(join(given.length, process.env.FROM_FILE, typeof fetch, new URL('/a', 'http://b').href));
         }",
    )]);
    case.write("src/backend/lib/join.ts", "export const join = (...all: unknown[]) => all.join(' ');\n");
    case.write(".env", "FROM_FILE=read\n");
    let ran = run(&case, engine, &["--build", "--job", "look"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "[jobs] running look (schedule: @daily)");
    assert!(lines[1].contains("\"msg\":\"0 read function http://b/a\""), "{}", ran.stdout);
    assert!(lines[2].starts_with("[jobs] look completed in ") && lines[2].ends_with("ms"), "{}", ran.stdout);
}

fn failures_are_told_and_the_others_run(engine: &str) {
    let case = built(&[
        ("absent", None, ""),
        ("empty", None, "export const other = 1;"),
        ("broken", None, "throw new Error('while loading');"),
        ("throws", None, "export const run = async () => {\n  throw new TypeError('on purpose');\n};"),
        ("fine", None, "export default () => {};"),
    ]);
    let ran = run(&case, engine, &[]);
    assert_eq!(ran.code, Some(1));
    for told in [
        "[jobs] absent failed: [jobs] unable to load job 'absent': ",
        "[jobs] empty failed: [jobs] unable to load job 'empty': job module must export a run() or default function\n",
        "[jobs] broken failed: [jobs] unable to load job 'broken': while loading\n",
        "[jobs] throws failed: on purpose\n    at run (",
        "src/backend/jobs/throws/index.ts:2:",
    ] {
        assert!(ran.stderr.contains(told), "{told}\n{}", ran.stderr);
    }
    assert!(ran.stdout.ends_with("ms\n") && ran.stdout.contains("[jobs] fine completed in "), "{}", ran.stdout);
    assert!(!ran.stdout.contains("throws completed"), "{}", ran.stdout);
}

/// A `webstir jobs --watch`; ended when it is dropped.
struct Watch {
    process: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

impl Watch {
    fn start(case: &Case, engine: &str) -> Self {
        let mut command = case.command();
        command.args(["jobs", "--watch", "--engine", engine]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (lines, errors) = (read(process.stdout.take().unwrap()), read(process.stderr.take().unwrap()));
        Self { process, lines, errors }
    }

    /// Waits for a line that holds this text; gives those before it.
    #[track_caller]
    fn expect(&self, text: &str) -> Vec<String> {
        await_line(&self.lines, text)
    }

    /// SIGTERM, and what is said then; gives the exit code.
    #[track_caller]
    fn stop(&mut self, timers: usize) -> Option<i32> {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        self.expect(&format!("[jobs] received SIGTERM; stopped {timers} scheduled job timer(s)."));
        self.process.wait().unwrap().code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

#[track_caller]
fn await_line(lines: &Receiver<String>, text: &str) -> Vec<String> {
    let mut before = Vec::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) if line.contains(text) => return before,
            Ok(line) => before.push(line),
            Err(error) => panic!("it never said `{text}` ({error}): {before:#?}"),
        }
    }
}

fn c14_a_long_rate_runs_once_and_a_short_one_again(engine: &str) {
    let case = built(&[
        ("long", Some("rate(1000 hours)"), "export const run = () => {};"),
        ("short", Some("Rate(1 second)"), "export const run = () => {};"),
        ("yearly", Some("@yearly"), "export const run = () => {};"),
    ]);
    let mut watch = Watch::start(&case, engine);
    watch.expect("[jobs] watching jobs: long, short, yearly");
    let mut before = Vec::new();
    for _ in 0..3 {
        before.extend(watch.expect("[jobs] short completed"));
    }
    assert_eq!(before.iter().filter(|line| line.contains("running long")).count(), 1, "{before:?}");
    assert!(!before.iter().any(|line| line.contains("yearly")), "{before:?}");
    assert_eq!(watch.stop(3), Some(0));
}

fn overlapping_runs_are_skipped(engine: &str) {
    let slow = "export const run = () => new Promise((done) => setTimeout(done, 2500));";
    let case = built(&[("slow", Some("rate(1 second)"), slow)]);
    let mut watch = Watch::start(&case, engine);
    watch.expect("[jobs] running slow");
    await_line(&watch.errors, "skipping slow; previous run is still active (overlap policy: skip)");
    // A run that is under way is finished.
    assert_eq!(watch.stop(1), Some(0));
    assert!(watch.lines.iter().any(|line| line.starts_with("[jobs] slow completed")));
}

fn a_reboot_job_alone_ends_the_watch(engine: &str) {
    let case = built(&[("boot", Some("@reboot"), "export const run = () => { throw new Error('no'); };")]);
    let ran = run(&case, engine, &["--watch"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.ends_with("[jobs] completed @reboot jobs and exiting.\n"), "{}", ran.stdout);
    assert!(ran.stderr.starts_with("[jobs] boot failed: no\n"), "{}", ran.stderr);
    case.write("src/backend/jobs/boot/index.ts", "export const run = () => {};");
    case.build_ok(&[]);
    assert_eq!(run(&case, engine, &["--watch"]).code, Some(0));
}

fn a_job_that_takes_too_long_is_stopped(engine: &str) {
    let case = built(&[
        ("waits", None, "export const run = () => new Promise((done) => setTimeout(done, 1e8));"),
        ("fine", None, "export const run = () => {};"),
    ]);
    let ran = run(&case, engine, &["--timeout", "3"]);
    assert_eq!(ran.code, Some(1));
    let told = "[jobs] waits failed: it was stopped after 3 s; `--timeout` gives it longer\n";
    assert_eq!(ran.stderr, told);
    assert!(ran.stdout.contains("[jobs] fine completed"), "{}", ran.stdout);
}

fn a_server_runs_jobs_too(engine: &str) {
    let case = built(&[("tick", Some("rate(1 second)"), "export const run = () => console.log('tick');")]);
    let mut command = case.command();
    command.args(["serve", "--with-jobs", "--engine", engine, "--host", "127.0.0.1", "--port", "0", "--log", "json"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = read(process.stdout.take().unwrap());
    await_line(&lines, "\"msg\":\"[jobs] running tick (schedule: rate(1 second))\"");
    await_line(&lines, "\"msg\":\"tick\"");
    await_line(&lines, "\"msg\":\"tick\"");
    kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
    await_line(&lines, "[jobs] received SIGTERM; stopped 1 scheduled job timer(s).");
    assert_eq!(process.wait().unwrap().code(), Some(0));
}
