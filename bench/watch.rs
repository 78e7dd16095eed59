//! `cargo bench --bench watch`: from a saved file to files written, a new response and types checked, beside esbuild's
//! `context().rebuild()`, `bun --watch` and `tsc --incremental`, as ratios within one run.
//!
//! Each size has two shapes: the module definition reaches 50 modules of a program that has all of them, and it reaches all. Every tool
//! watches a copy of its own; a round edits each copy in turn. What is saved is told by the tool itself (`build-complete`, the time of
//! `rebuild()`); a response is new when it holds what was saved, asked for every two milliseconds.
//!
//! `cargo bench --bench watch -- [rounds] [modules]...`; 200 rounds of 100, 1,000, 2,000 and 5,000 modules by default. `--idle` measures
//! a minute without edits and the memory after many instead.

#![expect(clippy::print_stdout, reason = "the table is the result of a benchmark")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

#[expect(dead_code, reason = "shared with other benchmarks")]
#[path = "process.rs"]
mod process;
#[path = "served.rs"]
mod served;
#[expect(dead_code, reason = "shared with other benchmarks")]
#[path = "workspace.rs"]
mod workspace;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How many modules the definition reaches where it does not reach all.
const NARROW: usize = 50;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(2);

const REBUILD: &str = r#"
import * as esbuild from "esbuild";
import readline from "node:readline";
const context = await esbuild.context({ entryPoints: [process.argv[2]], bundle: true, outfile: process.argv[3], platform: "node",
  format: "esm", sourcemap: true, logLevel: "silent" });
await context.rebuild();
console.log("ready");
for await (const _ of readline.createInterface({ input: process.stdin })) {
  const started = performance.now();
  await context.rebuild();
  console.log(performance.now() - started);
}
await context.dispose();
"#;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let numbers: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let directory = tempfile::tempdir().unwrap();
    let tools = directory.path().join("tools");
    if arguments.iter().any(|argument| argument == "--idle") {
        return idle(directory.path(), numbers.first().copied().unwrap_or(1000));
    }
    install(&tools);
    let rounds = numbers.first().copied().unwrap_or(200);
    let sizes = if numbers.len() > 1 { &numbers[1..] } else { &[100, 1000, 2000, 5000] };
    println!("{rounds} rounds, {} processors\n", std::thread::available_parallelism().map_or(1, usize::from));
    println!("| modules, reached | what | webstir p50 | p95 | other p50 | p95 | ratio of p50 |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for size in sizes {
        let shapes = if *size > NARROW { vec![NARROW, *size] } else { vec![*size] };
        for reached in shapes {
            let root = directory.path().join(format!("{size}-{reached}"));
            Bench { root, tools: &tools, size: *size, reached, rounds }.run();
        }
    }
}

fn install(tools: &Path) {
    std::fs::create_dir_all(tools).unwrap();
    std::fs::write(tools.join("rebuild.mjs"), REBUILD).unwrap();
    let mut command = Command::new("npm");
    command.args(["install", "--no-save", "--prefix"]).arg(tools);
    command.args(["esbuild@0.28.2", "typescript@7.0.2", "bun@1"]);
    assert!(command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success(), "npm installs");
}

struct Bench<'a> {
    root: PathBuf,
    tools: &'a Path,
    size: usize,
    reached: usize,
    rounds: usize,
}

impl Bench<'_> {
    fn run(&self) {
        let ours = self.copy("webstir");
        let for_esbuild = self.copy("esbuild");
        let for_bun = self.copy("bun");
        let for_tsc = self.copy("tsc");
        let mut watching = Watching::start(&ours);
        let mut rebuilding = Rebuilding::start(self.tools, &for_esbuild, self.entry());
        let mut bun = Bun::start(self.tools, &for_bun);
        self.tsc(&for_tsc);
        let mut times = Times::default();
        for round in 0..self.rounds {
            let mark = format!("mark {round}");
            watching.round(&ours, &mark, &mut times);
            served::mark(&for_esbuild, &mark);
            times.esbuild.push(rebuilding.round());
            times.bun.extend(bun.as_mut().map(|bun| bun.round(&for_bun, &mark)));
            // Seconds each.
            if round < 5 {
                served::mark(&for_tsc, &mark);
                times.tsc.push(self.tsc(&for_tsc));
            }
        }
        watching.stop();
        rebuilding.stop();
        if let Some(bun) = bun {
            bun.stop();
        }
        let shape = format!("{}, {}", self.size, self.reached);
        row(&shape, "save to files written (esbuild `rebuild()`)", &mut times.written, Some(&mut times.esbuild));
        row(&shape, "save to new response (`bun --watch`)", &mut times.served, Some(&mut times.bun));
        row(&shape, "save to types checked (`tsc --incremental`)", &mut times.checked, Some(&mut times.tsc));
    }

    /// What esbuild links: the same modules.
    fn entry(&self) -> &'static str {
        if self.reached == self.size { "src/backend/module.ts" } else { "src/backend/index.ts" }
    }

    fn copy(&self, name: &str) -> PathBuf {
        let root = self.root.join(name);
        workspace::generate(&root, self.size);
        served::serve(&root, self.reached);
        if self.reached == self.size {
            std::fs::remove_file(root.join("src/backend/index.ts")).unwrap();
        }
        // Bun's types are not installed, and it is Bun's alone.
        if name != "bun" {
            std::fs::remove_file(root.join("src/backend/server.ts")).unwrap();
        }
        root
    }

    fn tsc(&self, root: &Path) -> Duration {
        let started = Instant::now();
        let mut command = Command::new(self.tools.join("node_modules/.bin/tsc"));
        command.args(["-p", "src/backend", "--incremental", "--tsBuildInfoFile", "tsbuildinfo"]).current_dir(root);
        assert!(command.stdout(Stdio::null()).status().unwrap().success(), "the generated modules check");
        started.elapsed()
    }
}

#[derive(Default)]
struct Times {
    written: Vec<Duration>,
    served: Vec<Duration>,
    checked: Vec<Duration>,
    esbuild: Vec<Duration>,
    bun: Vec<Duration>,
    tsc: Vec<Duration>,
}

/// `webstir watch`.
struct Watching {
    child: Child,
    events: Receiver<(Instant, Value)>,
    port: u16,
}

impl Watching {
    fn start(root: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webstir"));
        command.args(["watch", "--json", "--port", "0"]).current_dir(root).env("LOG_LEVEL", "error");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, events) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap();
                if tell.send((Instant::now(), event)).is_err() {
                    return;
                }
            }
        });
        let mut watching = Self { child, events, port: 0 };
        let (_, start) = watching.wait(&["watch-start"]);
        let port = start["url"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        watching.port = port;
        watching.until(&["served", "watch-idle"]);
        watching
    }

    /// The next event of one of these kinds.
    fn wait(&mut self, kinds: &[&str]) -> (Instant, Value) {
        loop {
            let (at, event) = self.events.recv_timeout(PATIENCE).unwrap();
            assert!(event["type"] != "refused" && event["succeeded"] != false, "{event}");
            if kinds.iter().any(|kind| event["type"] == *kind) {
                return (at, event);
            }
        }
    }

    /// What is told, and when, until all of these kinds were.
    fn until(&mut self, kinds: &[&str]) -> Vec<(Instant, Value)> {
        let mut told: Vec<(Instant, Value)> = Vec::new();
        while !kinds.iter().all(|kind| told.iter().any(|(_, event)| event["type"] == *kind)) {
            told.push(self.wait(&["build-complete", "check-complete", "served", "watch-idle"]));
        }
        told
    }

    fn round(&mut self, root: &Path, mark: &str, times: &mut Times) {
        // No event of the round before, such as the echo of its own files, is taken for one of this.
        while self.events.try_recv().is_ok() {}
        let saved = Instant::now();
        served::mark(root, mark);
        let mut told = self.until(&["build-complete"]);
        until_marked(self.port, "/all", mark);
        times.served.push(saved.elapsed());
        told.extend(self.until(&["served", "watch-idle"]));
        for (at, event) in told {
            match event["type"].as_str() {
                Some("build-complete") => times.written.push(at - saved),
                Some("check-complete") => times.checked.push(at - saved),
                _ => {}
            }
        }
    }

    fn stop(mut self) {
        process::stop(&mut self.child);
    }
}

/// esbuild in a process that stays.
struct Rebuilding {
    child: Child,
    stdin: ChildStdin,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Rebuilding {
    fn start(tools: &Path, root: &Path, entry: &str) -> Self {
        let mut command = Command::new("node");
        command.arg(tools.join("rebuild.mjs")).arg(root.join(entry)).arg(root.join("out.js"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut rebuilding = Self { child, stdin, lines: Box::new(lines) };
        assert_eq!(rebuilding.lines.next().as_deref(), Some("ready"));
        rebuilding
    }

    fn round(&mut self) -> Duration {
        writeln!(self.stdin).unwrap();
        let took: f64 = self.lines.next().unwrap().parse().unwrap();
        Duration::from_secs_f64(took / 1000.0)
    }

    fn stop(mut self) {
        process::stop(&mut self.child);
    }
}

/// `bun --watch`.
struct Bun {
    child: Child,
    port: u16,
}

impl Bun {
    /// `None` where it does not answer: then its cells stay empty.
    fn start(tools: &Path, root: &Path) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(tools.join("node_modules/.bin/bun"));
        command.args(["--watch", "src/backend/server.ts"]).current_dir(root).env("PORT", port.to_string());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let mut bun = Self { child, port };
        let deadline = Instant::now() + PATIENCE;
        while process::get(port, "/").is_none() {
            if Instant::now() > deadline || bun.child.try_wait().ok()?.is_some() {
                bun.stop();
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(bun)
    }

    fn round(&mut self, root: &Path, mark: &str) -> Duration {
        let saved = Instant::now();
        served::mark(root, mark);
        until_marked(self.port, "/", mark);
        saved.elapsed()
    }

    fn stop(mut self) {
        process::stop(&mut self.child);
    }
}

fn until_marked(port: u16, path: &str, mark: &str) {
    let deadline = Instant::now() + PATIENCE;
    let (mark, raised) = (format!("two {mark}"), format!("two {mark}").to_uppercase());
    while Instant::now() < deadline {
        if process::get(port, path).is_some_and(|answer| answer.contains(&mark) || answer.contains(&raised)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("{path} never answered with {mark}");
}

fn row(shape: &str, what: &str, ours: &mut [Duration], theirs: Option<&mut [Duration]>) {
    let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
    let (middle, late) = (at(ours, 50), at(ours, 95));
    let theirs = theirs.filter(|theirs| !theirs.is_empty()).map(|theirs| (at(theirs, 50), at(theirs, 95)));
    let (other, other_late) = theirs.map_or_else(Default::default, |(a, b)| (milliseconds(a), milliseconds(b)));
    let ratio = theirs.map_or(String::new(), |(a, _)| format!("{:.2}", middle.as_secs_f64() / a.as_secs_f64()));
    println!(
        "| {shape} | {what} | {} | {} | {other} | {other_late} | {ratio} |",
        milliseconds(middle),
        milliseconds(late)
    );
}

/// So many of a hundred are at most this.
fn at(times: &mut [Duration], part: usize) -> Duration {
    times.sort();
    times[(times.len() * part / 100).min(times.len() - 1)]
}

/// Processor time of a minute without edits, and memory after 50 and after 2,000 of them.
fn idle(directory: &Path, size: usize) {
    let root = directory.join("idle");
    workspace::generate(&root, size);
    served::serve(&root, NARROW.min(size));
    std::fs::remove_file(root.join("src/backend/server.ts")).unwrap();
    let mut watching = Watching::start(&root);
    let of = watching.child.id();
    let before = process::processor_time(of);
    std::thread::sleep(Duration::from_mins(1));
    println!(
        "| a minute without edits, {size} modules | {:.2} % of a processor |",
        (process::processor_time(of) - before) / 0.6
    );
    let mut times = Times::default();
    for round in 0..2000 {
        watching.round(&root, &format!("mark {round}"), &mut times);
        if round == 49 || round == 1999 {
            println!("| memory after {} edits | {:.0} MiB |", round + 1, process::memory(of));
        }
    }
    watching.stop();
}
