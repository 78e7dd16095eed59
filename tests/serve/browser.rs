//! The starter in a real browser, headless Chromium.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::server::{Host, Server};
use crate::support::Case;

/// The place of a driver, beside the library that it imports.
pub(crate) fn driver(name: &str, script: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("puppeteer-core-24");
    if !home.exists() {
        let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let output = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "puppeteer-core@24", "--prefix"])
            .arg(fresh.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Another test may have been faster.
        let _ = fs::rename(fresh.path(), &home);
    }
    let place = home.join(name);
    fs::write(&place, script).unwrap();
    place
}

pub(crate) fn browser() -> PathBuf {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let directories: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect();
    let found = names.iter().flat_map(|name| directories.iter().map(move |directory| directory.join(name)));
    found.into_iter().find(|path| path.is_file()).expect("a browser: `apt-get install chromium`")
}

#[test]
#[ignore = "long: a browser"]
fn a_visitor_adds_notes_with_and_without_scripts() {
    let served = Server::start(Case::starter(), Host::Embedded, &[], &[]);
    let address = format!("http://{}/", served.address());
    let output = Command::new("node")
        .arg(driver("notes.mjs", include_str!("browser/drive.mjs")))
        .arg(browser())
        .arg(address)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    let page = |notes: Value, flash: Value, issues: Value, author: &str| json!({ "path": "/", "notes": notes, "flash": flash, "issues": issues, "author": author });
    let none = Value::Null;

    assert_eq!(seen["first"], page(json!([]), none.clone(), json!([]), ""));
    // Redirect after post, with what was wrong and what was written.
    assert_eq!(seen["refusedStatuses"], json!([303, 200]));
    assert_eq!(seen["refused"], page(json!([]), none.clone(), json!(["Enter your name."]), ""));
    assert_eq!(seen["addedStatuses"], json!([303, 200]));
    let one = json!(["<b>One</b> & \"two\""]);
    assert_eq!(seen["added"], page(one.clone(), json!("Your note was added."), json!([]), "Ada"));
    // The message is shown once; the session stays.
    assert_eq!(seen["reloaded"], page(one.clone(), none.clone(), json!([]), "Ada"));

    assert_eq!(seen["other"], page(one, none.clone(), json!([]), ""));
    assert_eq!(seen["fetched"], json!({ "status": 200, "redirected": true, "flash": true }));
    let two = json!(["Sent by a script", "<b>One</b> & \"two\""]);
    assert_eq!(seen["afterFetch"], page(two, none, json!([]), "Bob"));
    assert_eq!(seen["replayed"], json!([false, true]));
    served.stop();
}
