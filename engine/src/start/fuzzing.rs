//! The door of the fuzz target `start_log`.

use super::{StartLog, cached_build};
use crate::digest::Digest;
use crate::path::RelPath;

/// Reads `body` with its checksum behind it as a log; whether it is one.
pub fn read_log(body: &[u8]) -> bool {
    let mut bytes = body.to_vec();
    bytes.extend_from_slice(Digest::of(body).as_bytes());
    let Some(log) = StartLog::parse(bytes) else { return false };
    for index in 0..log.layout.directories() {
        let (directory, _, files) = log.layout.directory(&log.bytes, index);
        for file in files {
            let (name, _) = log.layout.file(&log.bytes, file);
            if let Ok(path) = RelPath::new(&format!("{directory}/{name}")) {
                let _ = log.hashed(&path);
            }
        }
    }
    let _ = log.layout.asked(&log.bytes);
    let _ = cached_build::decode(log.layout.cached_build(&log.bytes));
    true
}
