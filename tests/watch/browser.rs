//! A page in a real browser, headless Chromium, while its workspace is edited.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::watching::Watching;
use crate::serve::browser::{browser, driver};
use crate::support::Case;

const MODULE: &str = r#"
export const module = {
  manifest: { contractVersion: "1.0.0", name: "shop", version: "1.0.0", kind: "backend", capabilities: ["http"] },
  routes: [
    { definition: { name: "shown", method: "GET", path: "/shown" }, handler: () => ({
      status: 200, headers: { "content-type": "text/html" }, body: '<!doctype html><title>Shown</title><main>first words</main>' }) },
  ],
};
"#;

const CONFIG: &str = r#"
workspace shop {
  mode full
}
typecheck backend remove=#true
files pages {
  base "src/frontend"
  include "pages/**/*"
}
copy pages {
  from files:pages
  to "{out}/frontend"
}
"#;

const PAGE: &str = r#"<!doctype html>
<html><head><title>Home</title><link rel="stylesheet" href="/pages/home/index.css"></head>
<body><h1>Home</h1><input><div style="height: 4000px"></div></body></html>
"#;

#[test]
#[ignore = "long: a browser"]
fn pages_follow_edits() {
    let case = Case::with(&[
        ("package.json", r#"{ "name": "shop", "type": "module", "webstir": { "mode": "full" } }"#),
        ("webstir.kdl", CONFIG),
        ("src/backend/module.ts", MODULE),
        ("src/frontend/pages/home/index.html", PAGE),
        ("src/frontend/pages/home/index.css", "h1 { color: rgb(1, 2, 3); }\n"),
    ]);
    let watching = Watching::start(&case, &[]);
    let picture = case.beside("overlay.png");
    let mut command = Command::new("node");
    command.arg(driver("watch.mjs", include_str!("browser/drive.mjs"))).arg(browser()).arg(&watching.url);
    let output = command.arg(case.root()).arg(&picture).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{}", watching.stderr());
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!({
        "first": "first words",
        "handler": "second words",
        "colour": "rgb(1, 2, 3)",
        // The page was not loaded again.
        "style": { "stays": true, "typed": "typed", "scrolled": 400 },
        "page": true,
        "broken": true,
        "mended": true,
        "last": "third words",
    });
    assert_eq!(seen, expected, "{errors}");
    let picture = fs::read(picture).unwrap();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 5_000, "{} bytes", picture.len());
}
