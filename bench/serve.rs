//! `cargo bench --bench serve`: `webstir serve` beside bare hyper, `Bun.serve` and the TypeScript package's own runtime.
//!
//! The requests: a page of 2 KB, a document of 1 KB, a page with a form, whose token is kept in a session, and a file. Each is loaded over 32 connections by `wrk` (Debian: `apt-get install wrk`), one server at a time, round by round;
//! processor time is that of the server's process and of all that it started. Bun and the package come from the npm registry.
//! Nothing is asserted: machines differ and are shared.
//!
//! `cargo bench --bench serve -- [seconds] [rounds]`; 3 seconds and 3 rounds by default.

#![expect(clippy::print_stdout, reason = "the table is the result of a benchmark")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

#[path = "process.rs"]
mod process;

use std::convert::Infallible;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hyper::body::Bytes;

use process::{get, load, memory, processor_time, stop};

const PATHS: [(&str, &str); 4] =
    [("page, 2 KB", "/page"), ("JSON, 1 KB", "/json"), ("form with a session", "/form"), ("file, 2 KB", "/file.txt")];
const ALL: &[&str] = &["/page", "/json", "/form", "/file.txt"];
const CONNECTIONS: usize = 32;

/// One server: its name, which paths it has, and how to start it on a port.
struct Candidate {
    name: &'static str,
    paths: &'static [&'static str],
    start: Box<dyn Fn(u16) -> Command>,
}

#[derive(Clone, Default)]
struct Measured {
    /// Microseconds of processor time a request.
    cpu: Vec<f64>,
    /// Requests a second.
    rate: Vec<f64>,
    errors: u64,
}

#[derive(Default)]
struct Totals {
    paths: [Measured; 4],
    /// Milliseconds to the first answer.
    start: Vec<f64>,
    /// Resident MiB when the load is over.
    memory: Vec<f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(port) = arguments.iter().position(|argument| argument == "--hyper").map(|at| &arguments[at + 1]) {
        return bare_hyper(port.parse().unwrap());
    }
    let numbers: Vec<u64> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let seconds = numbers.first().copied().unwrap_or(3);
    let rounds = numbers.get(1).copied().unwrap_or(3);
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let bun = install(root);
    let candidates = candidates(root, &bun);
    let mut totals: Vec<Totals> = candidates.iter().map(|_| Totals::default()).collect();
    for _ in 0..rounds {
        for (candidate, totals) in candidates.iter().zip(&mut totals) {
            measure(candidate, seconds, totals);
        }
    }
    println!("{seconds} s, {rounds} rounds, {CONNECTIONS} connections, {} processors\n", processors());
    println!("| server | {} | first answer | memory |", PATHS.map(|(name, _)| name).join(" | "));
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (candidate, totals) in candidates.iter().zip(&totals) {
        let cells: Vec<String> = totals.paths.iter().map(cell).collect();
        println!(
            "| {} | {} | {:.0} ms | {:.0} MiB |",
            candidate.name,
            cells.join(" | "),
            median(&totals.start),
            median(&totals.memory)
        );
    }
    println!("\nProcessor time a request, and requests a second.");
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn cell(measured: &Measured) -> String {
    if measured.cpu.is_empty() {
        return String::new();
    }
    let errors = if measured.errors > 0 { format!(", {} errors", measured.errors) } else { String::new() };
    format!("{:.0} µs, {:.0}/s{errors}", median(&measured.cpu), median(&measured.rate))
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The files of all servers; gives the path of Bun.
fn install(root: &Path) -> PathBuf {
    let npm = |arguments: &[&str]| {
        let output = Command::new("npm").args(arguments).current_dir(root).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    fs::write(root.join("package.json"), r#"{ "name": "bench", "type": "module", "webstir": { "mode": "full" } }"#)
        .unwrap();
    npm(&["install", "--no-audit", "--no-fund", "--loglevel=error", "bun@1"]);
    // A package that it depends on is not published; its runtime does not need it.
    let packed = npm(&["pack", "--loglevel=error", "@webstir-io/webstir-backend@0.1.63"]);
    let package = root.join("node_modules/@webstir-io/webstir-backend");
    fs::create_dir_all(&package).unwrap();
    let archive = root.join(packed.trim().lines().last().unwrap());
    let unpacked =
        Command::new("tar").arg("xzf").arg(archive).args(["--strip-components=1", "-C"]).arg(&package).status();
    assert!(unpacked.unwrap().success());
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("src/backend/module.ts", include_str!("serve/module.js"));
    write("src/backend/index.ts", "export {};\n");
    write("build/frontend/file.txt", &"0123456789abcde\n".repeat(128));
    write("package/build/backend/module.js", include_str!("serve/module.js"));
    write("package/build/backend/index.js", include_str!("serve/package.js"));
    write("package/package.json", r#"{ "name": "bench", "type": "module", "webstir": { "mode": "api" } }"#);
    write("bun.js", include_str!("serve/bun.js"));
    root.join("node_modules/.bin/bun")
}

fn candidates(root: &Path, bun: &Path) -> Vec<Candidate> {
    let built =
        Command::new(env!("CARGO_BIN_EXE_webstir")).args(["build", "--quiet", "--workspace"]).arg(root).status();
    // Without a tsconfig there is no type check, which is a warning.
    assert!(built.unwrap().success());
    let webstir = |engine: &'static str| {
        let (root, bun) = (root.to_owned(), bun.to_owned());
        move |port: u16| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_webstir"));
            command.args(["serve", "--quiet", "--profile", "build", "--engine", engine, "--port", &port.to_string()]);
            command.arg("--workspace").arg(&root).env("LOG_LEVEL", "error").env("PATH", bun.parent().unwrap());
            command
        }
    };
    let script = |path: PathBuf| {
        let bun = bun.to_owned();
        move |port: u16| {
            let mut command = Command::new(&bun);
            command.arg(&path).env("PORT", port.to_string());
            command
        }
    };
    vec![
        Candidate {
            name: "bare hyper, no script",
            paths: &["/page", "/json", "/file.txt"],
            start: Box::new(|port| {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args(["--hyper", &port.to_string()]);
                command
            }),
        },
        Candidate {
            name: "`Bun.serve`, no sessions",
            paths: &["/page", "/json"],
            start: Box::new(script(root.join("bun.js"))),
        },
        Candidate {
            name: "the package's runtime (Bun), silent",
            paths: &["/page", "/json", "/form"],
            start: Box::new(script(root.join("package/build/backend/index.js"))),
        },
        Candidate { name: "webstir, embedded", paths: ALL, start: Box::new(webstir("embedded")) },
        Candidate { name: "webstir, worker (Bun)", paths: ALL, start: Box::new(webstir("worker")) },
    ]
}

fn measure(candidate: &Candidate, seconds: u64, totals: &mut Totals) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let started = Instant::now();
    let mut command = (candidate.start)(port);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while get(port, "/json").is_none_or(|answer| !answer.starts_with("HTTP/1.1 200")) {
        assert!(started.elapsed() < Duration::from_secs(20), "{} does not answer", candidate.name);
        std::thread::sleep(Duration::from_millis(1));
    }
    totals.start.push(started.elapsed().as_secs_f64() * 1000.0);
    for ((_, path), measured) in PATHS.iter().zip(&mut totals.paths) {
        if !candidate.paths.contains(path) {
            continue;
        }
        // Warm up: what is compiled late is compiled now.
        load(port, path, CONNECTIONS, 1);
        let before = processor_time(child.id());
        let (requests, errors) = load(port, path, CONNECTIONS, seconds);
        let used = processor_time(child.id()) - before;
        measured.cpu.push(used * 1e6 / requests);
        measured.rate.push(requests / f64::from(u32::try_from(seconds).unwrap()));
        measured.errors += errors;
    }
    totals.memory.push(memory(child.id()));
    stop(&mut child);
}

/// What no server can beat: the same bytes, without a script.
fn bare_hyper(port: u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let service = hyper::service::service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
                    let length = if request.uri().path() == "/json" { 1024 } else { 2048 };
                    let body = http_body_util::Full::new(Bytes::from(vec![b'x'; length]));
                    Ok::<_, Infallible>(hyper::Response::new(body))
                });
                let io = hyper_util::rt::TokioIo::new(stream);
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
            });
        }
    });
}
