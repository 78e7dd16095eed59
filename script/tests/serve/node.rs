//! Programs in Node, the oracle of what the embedded engine does.

use std::fs;
use std::process::Command;

/// What a program writes. `files` are modules beside it.
pub(crate) fn output_of_node(files: &[(&str, String)], program: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let path = directory.path().join("program.mjs");
    fs::write(&path, program).unwrap();
    let output = Command::new("node").arg(path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}", output.status);
    text
}

/// Runs a program whose `run` gives the cases that do not hold.
pub(crate) fn run_in_node(files: &[(&str, String)], program: &str) {
    let wrong = output_of_node(files, &format!("{program}\nconsole.log((await run()).join('\\n'));"));
    assert_eq!(wrong.trim(), "");
}
