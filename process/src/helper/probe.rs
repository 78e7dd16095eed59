//! What a probe of a sandbox runs in its tree: this program itself, for no other is everywhere.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::ExitCode;

pub(crate) const ARGUMENT: &str = "probe";

/// The tree of a probe. Each file holds its name.
pub(crate) struct Probed {
    pub(crate) declared: &'static str,
    pub(crate) hidden: &'static [&'static str],
    pub(crate) output: &'static str,
}

pub(crate) const PROBED: Probed =
    Probed { declared: "directory/declared", hidden: &["hidden", "directory/hidden"], output: "output/file" };

/// Does in the tree what commands do, and what they must not be able to do: the last argument is a file of the workspace.
pub(super) fn probe() -> ExitCode {
    let outside = std::env::args_os().nth(3).unwrap_or_default();
    match works(Path::new(&outside)) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(fault)) => {
            say(fault);
            ExitCode::from(1)
        }
        Err(error) => {
            say(&error.to_string());
            ExitCode::from(1)
        }
    }
}

fn say(words: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(words.as_bytes());
}

/// What does not work.
fn works(outside: &Path) -> std::io::Result<Option<&'static str>> {
    if fs::read(PROBED.declared)? != PROBED.declared.as_bytes() {
        return Ok(Some("a declared file is not shown"));
    }
    if fs::read_link("/proc/self")?.to_str() != Some(&std::process::id().to_string()) {
        return Ok(Some("`/proc` is not that of the command"));
    }
    if PROBED.hidden.iter().any(|hidden| fs::symlink_metadata(hidden).is_ok()) {
        return Ok(Some("an undeclared file is shown"));
    }
    if fs::read(outside).is_ok() {
        return Ok(Some("a file outside of the tree can be read"));
    }
    if UdpSocket::bind("0.0.0.0:0").is_ok_and(|socket| socket.connect("192.0.2.1:9").is_ok()) {
        return Ok(Some("the network can be reached"));
    }
    fs::create_dir_all("output")?;
    fs::write("output/first", PROBED.output)?;
    fs::rename("output/first", PROBED.output)?;
    fs::write(PROBED.declared, "changed")?;
    fs::remove_dir_all("directory")?;
    fs::create_dir("directory")?;
    let is_empty = fs::read_dir("directory")?.next().is_none();
    Ok((!is_empty).then_some("a directory that was made anew is not empty"))
}
