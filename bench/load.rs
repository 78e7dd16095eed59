//! `cargo bench --bench load`: the starter under load, for as long as it takes to see whether it grows or fails.
//!
//! 200,000 requests and more for its form page over 32 connections, 1,000 connections at once, and 5,000 that say nothing while
//! others are answered. Prints what was answered, what went wrong and what the server holds. Needs `wrk` (Debian: `apt-get install
//! wrk`) and 12,000 open files (`ulimit -n`).

#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::unwrap_used, reason = "a load that cannot be made stops")]

#[path = "process.rs"]
mod process;

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use process::{get, load, memory, processor_time, stop};

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("starter");
    let webstir = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webstir"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).env("LOG_LEVEL", "error");
        command
    };
    let root_text = root.to_str().unwrap();
    assert!(webstir(&["init", "api", root_text, "--quiet"]).status().unwrap().success());
    assert!(webstir(&["build", "--quiet", "--workspace", root_text]).status().unwrap().success());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let port_text = port.to_string();
    let serve = ["serve", "--quiet", "--profile", "build", "--workspace", root_text, "--port", &port_text];
    let mut server = webstir(&serve).spawn().unwrap();
    let started = Instant::now();
    while get(port, "/").is_none() {
        assert!(started.elapsed() < Duration::from_secs(20), "the server does not answer");
        std::thread::sleep(Duration::from_millis(5));
    }

    println!("| load | requests | errors | processor time | memory |\n| --- | --- | --- | --- | --- |");
    println!("| none | 1 | 0 | | {:.0} MiB |", memory(server.id()));
    let mut total = 0.0;
    while total < 200_000.0 {
        total += row("form page, 32 connections", server.id(), || load(port, "/", 32, 5));
    }
    row("JSON, 1,000 connections", server.id(), || load(port, "/api/notes", 1000, 5));
    let idle: Vec<TcpStream> = (0..5000).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    row("JSON, beside 5,000 that are idle", server.id(), || load(port, "/api/notes", 32, 5));
    drop(idle);
    stop(&mut server);
}

/// Gives the number of requests.
fn row(name: &str, server: u32, work: impl FnOnce() -> (f64, u64)) -> f64 {
    let before = processor_time(server);
    let (requests, errors) = work();
    let each = (processor_time(server) - before) * 1e6 / requests;
    println!("| {name} | {requests:.0} | {errors} | {each:.0} µs | {:.0} MiB |", memory(server));
    requests
}
