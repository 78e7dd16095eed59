//! A server as a process: how to ask it, load it, measure it and end it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

pub(crate) fn stop(child: &mut Child) {
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let deadline = Instant::now() + Duration::from_secs(2);
    while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    child.wait().unwrap();
}

pub(crate) fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// Requests that were answered, and those that went wrong.
pub(crate) fn load(port: u16, path: &str, connections: usize, seconds: u64) -> (f64, u64) {
    let url = format!("http://127.0.0.1:{port}{path}");
    let output = Command::new("wrk")
        .args(["-t1", "-c", &connections.to_string(), "-d", &format!("{seconds}s"), &url])
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
pub(crate) fn processor_time(of: u32) -> f64 {
    let ticks = |id: u32| -> f64 {
        let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { return 0.0 };
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
        let field = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        field(11) + field(12)
    };
    family(of).into_iter().map(ticks).sum::<f64>() / 100.0
}

/// MiB; pages that are shared count for their part.
pub(crate) fn memory(of: u32) -> f64 {
    let share = |id: u32| -> f64 {
        let Ok(text) = fs::read_to_string(format!("/proc/{id}/smaps_rollup")) else { return 0.0 };
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    family(of).into_iter().map(share).sum()
}
