//! The real compiler from the real registry.

#![expect(clippy::disallowed_methods, reason = "tests prepare real directories")]

use std::path::Path;
use std::process::Command;

use webstir_engine::path::RelPath;
use webstir_toolchain::{
    BUILT_IN_VERSION, BUN, Check, Condition, Document, LOCK_FILE, Lock, Network, Origin, Package, Packages, Platform,
    Registry, Request, ResolvedCompiler, Source, Surroundings, TYPESCRIPT, built_in, built_in_lock, resolve,
    write_lock,
};

const NOTHING: &Surroundings = &Surroundings { installed: None, lockfile: None, bun: None, types: Vec::new() };

fn request(lock: Option<Document<'_>>) -> Request<'_> {
    Request { requested: None, lock, surroundings: NOTHING, manifest: None, platform: Platform::current() }
}

fn package(compiler: &ResolvedCompiler) -> &Package {
    match &compiler.source {
        Source::Fetched(package) => package,
        Source::Installed(installed) => panic!("{installed:?}"),
    }
}

#[test]
fn the_compiler_is_fetched_and_runs_and_runs_again_offline() {
    let root = tempfile::tempdir().unwrap();
    let workspace = tempfile::tempdir().unwrap();
    let (compiler, diagnostics) = resolve(&request(None));
    assert_eq!(diagnostics, []);
    let compiler = compiler.unwrap();
    let packages = Packages::new(root.path().to_owned());
    let registry = Registry::from_environment(workspace.path());

    let installed = packages.ensure(package(&compiler), Network::Online(&registry), &|_| {}).unwrap();
    // Nothing of this process's environment: no Node, no PATH.
    let version = || {
        let program = installed.directory.join(compiler.executable());
        let output = Command::new(program).arg("--version").env_clear().current_dir(workspace.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(version(), "Version 7.0.2\n");

    assert_eq!(packages.ensure(package(&compiler), Network::Offline, &|_| {}).unwrap(), installed);
    assert_eq!(packages.condition(package(&compiler), Check::Contents), Condition::Whole(installed.clone()));
    assert_eq!(version(), "Version 7.0.2\n");
}

#[test]
fn the_registry_says_what_the_table_says() {
    let workspace = tempfile::tempdir().unwrap();
    let registry = Registry::from_environment(workspace.path());
    let tool = registry.lock(TYPESCRIPT, BUILT_IN_VERSION).unwrap();
    assert_eq!(tool.packages.len(), 21);
    for (name, integrity) in &tool.packages {
        assert_eq!(built_in(TYPESCRIPT, BUILT_IN_VERSION, name), Some(*integrity), "{name}");
    }

    write_lock(workspace.path(), &Lock::default().with(TYPESCRIPT, tool)).unwrap();
    let text = std::fs::read_to_string(workspace.path().join(LOCK_FILE)).unwrap();
    let path = RelPath::new(LOCK_FILE).unwrap();
    let (locked, diagnostics) = resolve(&request(Some(Document { path: &path, text: &text })));
    assert_eq!(diagnostics, []);
    let locked = locked.unwrap();
    assert_eq!(locked.origin, Origin::Lock(path));
    assert_eq!(locked.digest(), resolve(&request(None)).0.unwrap().digest());
}

#[test]
fn a_compiler_in_javascript_is_locked_and_fetched() {
    let root = tempfile::tempdir().unwrap();
    let registry = Registry::from_environment(Path::new("."));
    let tool = registry.lock(TYPESCRIPT, "5.9.3").unwrap();
    assert_eq!(tool.packages.len(), 1);
    let text = Lock::default().with(TYPESCRIPT, tool).print();
    let path = RelPath::new(LOCK_FILE).unwrap();
    let compiler = resolve(&request(Some(Document { path: &path, text: &text }))).0.unwrap();
    let packages = Packages::new(root.path().to_owned());
    let installed = packages.ensure(package(&compiler), Network::Online(&registry), &|_| {}).unwrap();
    assert!(installed.directory.join(compiler.executable()).is_file());
}

#[test]
fn the_registry_says_of_older_compilers_and_of_bun_what_the_table_says() {
    let registry = Registry::from_environment(Path::new("."));
    for version in ["5.0.4", "5.4.5", "5.9.3", "6.0.3"] {
        let tool = registry.lock(TYPESCRIPT, version).unwrap();
        assert_eq!(built_in(TYPESCRIPT, version, TYPESCRIPT), tool.packages.get(TYPESCRIPT).copied(), "{version}");
    }
    let bun = built_in_lock(BUN).unwrap();
    for (name, integrity) in bun.packages {
        assert_eq!(registry.lock(&name, &bun.version).unwrap().packages.get(&name), Some(&integrity), "{name}");
    }
    assert_eq!(registry.newest(TYPESCRIPT, "^4.9.0").unwrap(), "4.9.5");
}
