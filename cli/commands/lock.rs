//! `webstir lock`.

use std::fs;

use serde_json::json;
use webstir_engine::path::RelPath;
use webstir_toolchain::{BUILT_IN_VERSION, Document, LOCK_FILE, Lock, Registry, TYPESCRIPT, write_lock};

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
    let wanted = workspace.config.toolchain().text("typescript").map(|version| version.value.to_string());
    let version = wanted.or_else(|| installed(&workspace)).unwrap_or_else(|| BUILT_IN_VERSION.to_owned());
    let registry = Registry::from_environment(&workspace.root);
    let tool = registry.lock(TYPESCRIPT, &version).map_err(Failure::of)?;
    let path = RelPath::new(LOCK_FILE).expect("a plain file name");
    let packages = tool.packages.len();
    let lock = match fs::read_to_string(workspace.root.join(LOCK_FILE)) {
        Ok(text) => Lock::parse(Document { path: &path, text: &text }).unwrap_or_default(),
        Err(_) => Lock::default(),
    };
    write_lock(&workspace.root, &lock.with(TYPESCRIPT, tool))
        .map_err(|error| Failure::because(format!("`{LOCK_FILE}` cannot be written"), error))?;
    if global.json {
        let document =
            json!({"ok": true, "file": LOCK_FILE, "tools": {TYPESCRIPT: {"version": version, "packages": packages}}});
        report::result(&report::json::document(&document));
    } else {
        report::result(&format!("[webstir] lock complete\n{TYPESCRIPT}: {version}\npackages: {packages}\n"));
    }
    Ok(Exit::Done)
}

/// The exact version that `package.json` asks for.
fn installed(workspace: &Workspace) -> Option<String> {
    let text = fs::read_to_string(workspace.root.join("package.json")).ok()?;
    let package: serde_json::Value = serde_json::from_str(&text).ok()?;
    let of = |key: &str| package.get(key)?.get(TYPESCRIPT)?.as_str().map(str::to_owned);
    let version = of("devDependencies").or_else(|| of("dependencies"))?;
    version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())).then_some(version)
}
