//! `webstir lock`.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Map, Value, json};
use webstir_engine::path::RelPath;
use webstir_rules::Programs;
use webstir_toolchain::{
    Asked, BUN, Document, LOCK_FILE, Lock, LockedTool, Platform, Registry, Request, Requested, Runtime, TYPESCRIPT,
    asked, built_in_lock, write_lock,
};

use crate::Exit;
use crate::args::Global;
use crate::compose::{Failure, Workspace};
use crate::report;

pub(super) fn run(global: &Global) -> Result<Exit, Failure> {
    if global.offline {
        return Err(Failure::new("The integrity of a compiler is asked from the registry, which `--offline` forbids")
            .with_help("Run `webstir lock` without `--offline`"));
    }
    let workspace = Workspace::open(global)?;
    let registry = Registry::from_environment(&workspace.root);
    let version = match wanted(&workspace) {
        Asked::Version(version) => version,
        Asked::Range(range) => registry.newest(TYPESCRIPT, &range).map_err(Failure::of)?,
    };
    let mut tools = vec![(TYPESCRIPT, registry.lock(TYPESCRIPT, &version).map_err(Failure::of)?)];
    // What a machine without Node fetches to run it.
    if Runtime::of(&version) == Runtime::Script {
        tools.extend(built_in_lock(BUN).map(|bun| (BUN, bun)));
    }
    let path = RelPath::new(LOCK_FILE).expect("a plain file name");
    let mut lock = match fs::read_to_string(workspace.root.join(LOCK_FILE)) {
        Ok(text) => Lock::parse(Document { path: &path, text: &text }).unwrap_or_default(),
        Err(_) => Lock::default(),
    };
    lock.tools.remove(BUN);
    let lock = tools.iter().fold(lock, |lock, (name, tool)| lock.with(name, tool.clone()));
    write_lock(&workspace.root, &lock)
        .map_err(|error| Failure::because(format!("`{LOCK_FILE}` cannot be written"), error))?;
    if global.json {
        let described = |tool: &LockedTool| json!({"version": tool.version, "packages": tool.packages.len()});
        let tools: Map<String, Value> =
            tools.iter().map(|(name, tool)| ((*name).to_owned(), described(tool))).collect();
        report::result(&report::json::document(&json!({"ok": true, "file": LOCK_FILE, "tools": tools})));
    } else {
        let mut text = "[webstir] lock complete\n".to_owned();
        for (name, LockedTool { version, packages }) in &tools {
            writeln!(text, "{name}: {version}\npackages: {}", packages.len()).expect("writing to a text does not fail");
        }
        report::result(&text);
    }
    Ok(Exit::Done)
}

/// The version that a build would use.
fn wanted(workspace: &Workspace) -> Asked {
    let [config, manifest] = ["webstir.kdl", "package.json"].map(|name| RelPath::new(name).expect("a plain file name"));
    let text = fs::read_to_string(workspace.root.join(manifest.as_str())).ok();
    let requested = workspace.config.toolchain().text(TYPESCRIPT);
    asked(&Request {
        requested: requested.map(|version| Requested { version: &version.value, path: &config, span: None }),
        lock: None,
        surroundings: &webstir_rules::surroundings(&Programs::new(&workspace.root)),
        manifest: text.as_deref().map(|text| Document { path: &manifest, text }),
        platform: Platform::current(),
    })
}
