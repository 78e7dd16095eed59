//! Programs in Node, the oracle of what the embedded engine does.

use std::fs;
use std::process::Command;

/// Runs a program whose `run` gives the cases that do not hold. `files` are modules beside it.
pub(crate) fn run_in_node(files: &[(&str, String)], program: &str) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let run =
        "const wrong = await run(); console.log(wrong.join('\\n')); process.exitCode = wrong.length === 0 ? 0 : 1;";
    let path = directory.path().join("cases.mjs");
    fs::write(&path, format!("{program}\n{run}")).unwrap();
    let output = Command::new("node").arg(path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}
