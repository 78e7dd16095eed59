//! `cargo bench --bench serve`: `webstir serve` beside bare hyper, `Bun.serve` and the TypeScript package's own runtime.
//!
//! Every server answers the same three requests: a page of 2 KB, a document of 1 KB, and a page with a form, whose token is kept in
//! a session. Each is loaded over 32 connections by `wrk` (Debian: `apt-get install wrk`), one server at a time, round by round;
//! processor time is that of the server's process and of all that it started. Bun and the package come from the npm registry.
//! Nothing is asserted: machines differ and are shared.
//!
//! `cargo bench --bench serve -- [seconds] [rounds]`; 3 seconds and 3 rounds by default.

#![expect(clippy::print_stdout, reason = "the table is the result of a benchmark")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

use std::convert::Infallible;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hyper::body::Bytes;

const PATHS: [(&str, &str); 3] = [("page, 2 KB", "/page"), ("JSON, 1 KB", "/json"), ("form with a session", "/form")];
const CONNECTIONS: &str = "32";

/// One server: its name, whether it serves the form, and how to start it on a port.
struct Candidate {
    name: &'static str,
    has_form: bool,
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
    paths: [Measured; 3],
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
    println!("| --- | --- | --- | --- | --- | --- |");
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
    fs::write(root.join("package.json"), r#"{ "name": "bench", "type": "module", "webstir": { "mode": "api" } }"#)
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
            has_form: false,
            start: Box::new(|port| {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args(["--hyper", &port.to_string()]);
                command
            }),
        },
        Candidate { name: "`Bun.serve`, no sessions", has_form: false, start: Box::new(script(root.join("bun.js"))) },
        Candidate {
            name: "the package's runtime (Bun), silent",
            has_form: true,
            start: Box::new(script(root.join("package/build/backend/index.js"))),
        },
        Candidate { name: "webstir, embedded", has_form: true, start: Box::new(webstir("embedded")) },
        Candidate { name: "webstir, worker (Bun)", has_form: true, start: Box::new(webstir("worker")) },
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
        if *path == "/form" && !candidate.has_form {
            continue;
        }
        // Warm up: what is compiled late is compiled now.
        load(port, path, 1);
        let before = processor_time(child.id());
        let (requests, errors) = load(port, path, seconds);
        let used = processor_time(child.id()) - before;
        measured.cpu.push(used * 1e6 / requests);
        measured.rate.push(requests / f64::from(u32::try_from(seconds).unwrap()));
        measured.errors += errors;
    }
    totals.memory.push(memory(child.id()));
    stop(&mut child);
}

fn stop(child: &mut Child) {
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let deadline = Instant::now() + Duration::from_secs(2);
    while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    child.wait().unwrap();
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// Requests that were answered, and those that went wrong.
fn load(port: u16, path: &str, seconds: u64) -> (f64, u64) {
    let url = format!("http://127.0.0.1:{port}{path}");
    let output = Command::new("wrk")
        .args(["-t1", "-c", CONNECTIONS, "-d", &format!("{seconds}s"), &url])
        .output()
        .expect("`wrk` is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut requests = 0_u64;
    let mut errors = 0;
    for line in text.lines().map(str::trim) {
        if let Some((number, _)) = line.split_once(" requests in ") {
            requests = number.parse().unwrap_or(0);
        } else if let Some(number) = line.strip_prefix("Non-2xx or 3xx responses: ") {
            errors += number.parse::<u64>().unwrap_or(0);
        } else if let Some(counts) = line.strip_prefix("Socket errors: ") {
            // `connect 0, read 1, write 0, timeout 0`
            errors += counts.split(' ').filter_map(|word| word.trim_end_matches(',').parse::<u64>().ok()).sum::<u64>();
        }
    }
    (f64::from(u32::try_from(requests).unwrap_or(u32::MAX)), errors)
}

/// A process and all that it started.
fn family(of: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (id, parent)));
    }
    let mut family = vec![of];
    let mut at = 0;
    while at < family.len() {
        let parent = family[at];
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        at += 1;
    }
    family
}

/// Seconds, of user and system.
fn processor_time(of: u32) -> f64 {
    let ticks = |id: u32| -> f64 {
        let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { return 0.0 };
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
        let field = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        field(11) + field(12)
    };
    family(of).into_iter().map(ticks).sum::<f64>() / 100.0
}

/// MiB; pages that are shared count for their part.
fn memory(of: u32) -> f64 {
    let share = |id: u32| -> f64 {
        let Ok(text) = fs::read_to_string(format!("/proc/{id}/smaps_rollup")) else { return 0.0 };
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    family(of).into_iter().map(share).sum()
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
                    let length = if request.uri().path() == "/page" { 2048 } else { 1024 };
                    let body = http_body_util::Full::new(Bytes::from(vec![b'x'; length]));
                    Ok::<_, Infallible>(hyper::Response::new(body))
                });
                let io = hyper_util::rt::TokioIo::new(stream);
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
            });
        }
    });
}
