use std::collections::BTreeMap;

use proptest::prelude::*;
use webstir_engine::digest::Digest;

use super::super::builtin::BUILT_IN_VERSION;
use super::pins::tests::{NPM, pinned as pinned_by};
use super::*;

const LINUX: Platform = Platform { os: "linux", cpu: "x64" };
const CONFIG: &str = "toolchain {\n    typescript \"VERSION\"\n}\n";

#[derive(Default)]
struct Workspace<'a> {
    requested: Option<&'a str>,
    lock: Option<String>,
    installed: Option<&'a str>,
    lockfile: Option<String>,
    manifest: Option<&'a str>,
    platform: Option<Platform>,
}

impl Workspace<'_> {
    fn ask<T>(&self, of: impl FnOnce(&Request<'_>) -> T) -> T {
        let paths = ["webstir.kdl", "webstir.lock", "package.json"];
        let [config, lock, manifest] = paths.map(|path| RelPath::new(path).unwrap());
        let requested = self.requested.map(|version| {
            let text = CONFIG.replace("VERSION", version);
            let start = text.find('"').unwrap();
            Requested { version, path: &config, span: Some(Span::locate(&text, start, start + version.len() + 2)) }
        });
        let surroundings = Surroundings {
            installed: self.installed.map(|version| Installed {
                name: TYPESCRIPT.into(),
                version: version.into(),
                shown: "node_modules/typescript".into(),
                packages: Vec::new(),
                digest: Digest::of(version.as_bytes()),
            }),
            lockfile: self.lockfile.as_ref().and_then(|text| pinned_by("package-lock.json", text)),
            ..Surroundings::default()
        };
        of(&Request {
            requested,
            lock: self.lock.as_deref().map(|text| Document { path: &lock, text }),
            surroundings: &surroundings,
            manifest: self.manifest.map(|text| Document { path: &manifest, text }),
            platform: self.platform.unwrap_or(LINUX),
        })
    }

    fn resolve(&self) -> (Option<ResolvedCompiler>, Vec<Diagnostic>) {
        self.ask(resolve)
    }

    /// The compiler and every finding, one a line.
    fn summary(&self) -> String {
        let (compiler, diagnostics) = self.resolve();
        assert_eq!(compiler.is_none(), diagnostics.iter().any(Diagnostic::is_error));
        let compiler = compiler.map(|compiler| {
            let package = match &compiler.source {
                Source::Fetched(package) => package.to_string(),
                Source::Installed(installed) => format!("{}@{}", installed.name, installed.version),
            };
            format!("{package} from {}: {} {:?}", compiler.origin, compiler.executable(), compiler.runtime)
        });
        let findings = diagnostics.iter().map(|diagnostic| {
            let place = match (&diagnostic.file, diagnostic.span) {
                (Some(file), Some(span)) => format!(" {file}:{}", span.line),
                (Some(file), None) => format!(" {file}"),
                _ => String::new(),
            };
            let help = diagnostic.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{} {}{place}: {}{help}", diagnostic.severity.as_str(), diagnostic.code, diagnostic.message)
        });
        compiler.into_iter().chain(findings).collect::<Vec<_>>().join("\n")
    }
}

fn integrity_of(compiler: &ResolvedCompiler) -> Integrity {
    match &compiler.source {
        Source::Fetched(package) => package.integrity(),
        Source::Installed(_) => panic!("{compiler:?}"),
    }
}

fn lock(version: &str, names: &[&str]) -> String {
    let packages = names.iter().map(|name| ((*name).to_owned(), Integrity::of(name.as_bytes()))).collect();
    Lock::default().with(TYPESCRIPT, LockedTool { version: version.to_owned(), packages }).print()
}

#[test]
fn an_empty_workspace_gets_the_version_in_the_table() {
    let workspace = Workspace::default();
    assert_eq!(
        workspace.summary(),
        "@typescript/typescript-linux-x64@7.0.2 from the versions known to webstir: lib/tsc Native"
    );
    let windows = Workspace { platform: Some(Platform { os: "win32", cpu: "arm64" }), ..Workspace::default() };
    assert!(windows.summary().ends_with("lib/tsc.exe Native"));
    let (compiler, _) = workspace.resolve();
    let integrity = integrity_of(&compiler.unwrap());
    assert_eq!(Some(integrity), built_in(TYPESCRIPT, BUILT_IN_VERSION, "@typescript/typescript-linux-x64"));
}

#[test]
fn a_platform_without_a_package_is_said() {
    let workspace = Workspace { platform: Some(Platform { os: "plan9", cpu: "x64" }), ..Workspace::default() };
    assert_eq!(workspace.summary(), "error toolchain::platform: There is no TypeScript 7.0.2 for plan9-x64");
    let workspace = Workspace { lock: Some(lock("7.1.0", &["typescript"])), ..Workspace::default() };
    assert_eq!(
        workspace.summary(),
        "error toolchain::platform webstir.lock: `webstir.lock` has no package of TypeScript 7.1.0 for linux-x64"
    );
}

#[test]
fn the_lock_goes_first() {
    let workspace = Workspace {
        lock: Some(lock("6.0.3", &["typescript"])),
        lockfile: Some(NPM.to_owned()),
        manifest: Some(r#"{"devDependencies": {"typescript": "4.0.0"}}"#),
        ..Workspace::default()
    };
    assert_eq!(workspace.summary(), "typescript@6.0.3 from `webstir.lock`: lib/tsc.js Script");
    let native = Workspace { lock: Some(lock("7.1.0", &["@typescript/typescript-linux-x64"])), ..Workspace::default() };
    assert_eq!(native.summary(), "@typescript/typescript-linux-x64@7.1.0 from `webstir.lock`: lib/tsc Native");
    // A lock of other tools says nothing about the compiler.
    let other =
        Workspace { lock: Some(Lock::default().print()), lockfile: Some(NPM.to_owned()), ..Workspace::default() };
    assert_eq!(other.summary(), "typescript@5.9.3 from `package-lock.json`: lib/tsc.js Script");
}

#[test]
fn a_request_against_the_lock_is_an_error() {
    let workspace =
        Workspace { requested: Some("7.0.2"), lock: Some(lock("6.0.3", &["typescript"])), ..Workspace::default() };
    assert_eq!(
        workspace.summary(),
        "error toolchain::lock_mismatch webstir.kdl:2: TypeScript 7.0.2 is asked for, `webstir.lock` has 6.0.3 (Run `webstir lock`)"
    );
    let same = Workspace { requested: Some("6.0.3"), ..workspace };
    assert_eq!(same.summary(), "typescript@6.0.3 from `webstir.lock`: lib/tsc.js Script");
}

#[test]
fn the_lockfile_pins_exactly() {
    let workspace = Workspace { lockfile: Some(NPM.to_owned()), ..Workspace::default() };
    let (compiler, diagnostics) = workspace.resolve();
    let compiler = compiler.unwrap();
    assert_eq!(diagnostics, []);
    assert_eq!(compiler.version(), "5.9.3");
    assert_eq!(
        integrity_of(&compiler).to_string(),
        "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw=="
    );
    let same = Workspace { requested: Some("5.9.3"), ..workspace };
    assert_eq!(same.summary(), "typescript@5.9.3 from `package-lock.json`: lib/tsc.js Script");
}

#[test]
fn a_request_goes_before_the_lockfile() {
    let workspace = Workspace { requested: Some("7.0.2"), lockfile: Some(NPM.to_owned()), ..Workspace::default() };
    assert_eq!(
        workspace.summary(),
        "@typescript/typescript-linux-x64@7.0.2 from the versions known to webstir: lib/tsc Native\n\
         info toolchain::lockfile_differs package-lock.json: TypeScript 7.0.2 is used, `package-lock.json` has 5.9.3"
    );
    let unknown = Workspace { requested: Some("6.0.2"), ..workspace };
    assert!(unknown.summary().contains("error toolchain::version_unknown webstir.kdl:2"));
}

#[test]
fn a_weak_lockfile_is_not_believed() {
    let weak = NPM.replace("sha512-jl1v", "sha1-jl1v").replace("5.9.3", "5.9.2");
    let workspace = Workspace { lockfile: Some(weak), ..Workspace::default() };
    assert_eq!(
        workspace.summary(),
        "error toolchain::integrity_missing package-lock.json: `package-lock.json` has no sha512 integrity of `typescript` 5.9.2 (Run `webstir lock`)"
    );
    // The platform package is missing, the table has it.
    let other_platform = NPM.replacen("5.9.3\",\n", "7.0.2\",\n", 1);
    let workspace = Workspace { lockfile: Some(other_platform), ..Workspace::default() };
    assert!(workspace.summary().starts_with("@typescript/typescript-linux-x64@7.0.2 from the versions known"));
}

#[test]
fn versions_without_integrity_ask_for_a_lock() {
    let requested = Workspace { requested: Some("5.9.2"), ..Workspace::default() };
    assert_eq!(
        requested.summary(),
        "error toolchain::version_unknown webstir.kdl:2: The integrity of TypeScript 5.9.2 is not known (Run `webstir lock`)"
    );
    let manifest = Some("{\n  \"devDependencies\": {\n    \"typescript\": \"5.9.2\"\n  }\n}");
    let in_manifest = Workspace { manifest, ..Workspace::default() };
    assert_eq!(
        in_manifest.summary(),
        "error toolchain::version_unknown package.json:3: The integrity of TypeScript 5.9.2 is not known (Run `webstir lock`)"
    );
    let known = Workspace { requested: Some(BUILT_IN_VERSION), manifest, ..Workspace::default() };
    assert!(known.summary().starts_with("@typescript/typescript-linux-x64@7.0.2"));
    let range = Workspace { requested: Some("^7.0.2"), ..Workspace::default() };
    assert_eq!(
        range.summary(),
        "error toolchain::version_not_exact webstir.kdl:2: `^7.0.2` is not an exact version of TypeScript (Name all three numbers, for example `7.0.2`)"
    );
}

#[test]
fn of_a_range_the_newest_known_version_counts() {
    let with = |range: &str| {
        let text = format!(r#"{{"devDependencies": {{"typescript": "{range}"}}}}"#);
        let (compiler, diagnostics) = Workspace { manifest: Some(&text), ..Workspace::default() }.resolve();
        assert_eq!(diagnostics, [], "{range}");
        compiler.unwrap().version().to_owned()
    };
    for (range, version) in [
        ("^5.4.0", "5.9.3"),
        ("~5.4.0", "5.4.5"),
        ("5", "5.9.3"),
        ("5.4.x", "5.4.5"),
        (">=5.0.0 <5.6", "5.5.4"),
        ("^5.0.0 || ^6.0.0", "6.0.3"),
        ("5.0 - 5.3", "5.3.3"),
        ("=5.7.3", "5.7.3"),
        (">=5", "7.0.2"),
        ("^7.0.0-beta", "7.0.2"),
        ("*", "7.0.2"),
        ("", "7.0.2"),
        // Tags and addresses say nothing.
        ("latest", "7.0.2"),
        ("workspace:*", "7.0.2"),
        ("catalog:", "7.0.2"),
        ("npm:x@1", "7.0.2"),
    ] {
        assert_eq!(with(range), version, "{range}");
    }
}

#[test]
fn a_range_that_excludes_the_table_is_a_warning() {
    let excluded =
        Workspace { manifest: Some(r#"{"dependencies": {"typescript": "^4.9.0"}}"#), ..Workspace::default() };
    assert_eq!(
        excluded.summary(),
        "@typescript/typescript-linux-x64@7.0.2 from the versions known to webstir: lib/tsc Native\n\
         warning toolchain::range_excluded package.json:1: TypeScript 7.0.2 is used, which `^4.9.0` does not allow (Run `webstir lock`)"
    );
    assert_eq!(excluded.ask(asked), Asked::Range(">=4.9.0 <5.0.0-0".to_owned()));
}

#[test]
fn what_is_installed_goes_before_lockfile_and_manifest() {
    let workspace = Workspace {
        installed: Some("5.7.2"),
        lockfile: Some(NPM.to_owned()),
        manifest: Some(r#"{"devDependencies": {"typescript": "^7.0.0"}}"#),
        ..Workspace::default()
    };
    assert_eq!(workspace.summary(), "typescript@5.7.2 from `node_modules/typescript`: lib/tsc.js Script");
    assert_eq!(workspace.ask(asked), Asked::Version("5.7.2".to_owned()));
    let native = Workspace { installed: Some("7.1.0-beta"), ..Workspace::default() };
    assert_eq!(native.summary(), "typescript@7.1.0-beta from `node_modules/typescript`: lib/tsc Native");
    let digest =
        |installed| Workspace { installed: Some(installed), ..Workspace::default() }.resolve().0.unwrap().digest();
    assert_ne!(digest("5.7.2"), digest("5.7.3"));
}

#[test]
fn a_lock_and_a_request_go_before_what_is_installed() {
    let locked =
        Workspace { installed: Some("5.7.2"), lock: Some(lock("6.0.2", &["typescript"])), ..Workspace::default() };
    assert_eq!(locked.summary(), "typescript@6.0.2 from `webstir.lock`: lib/tsc.js Script");
    let requested = Workspace { installed: Some("5.7.2"), requested: Some("5.9.3"), ..Workspace::default() };
    assert_eq!(
        requested.summary(),
        "typescript@5.9.3 from the versions known to webstir: lib/tsc.js Script\n\
         info toolchain::lockfile_differs: TypeScript 5.9.3 is used, `node_modules/typescript` has 5.7.2"
    );
    let same = Workspace { requested: Some("5.7.2"), ..requested };
    assert_eq!(same.summary(), "typescript@5.7.2 from `node_modules/typescript`: lib/tsc.js Script");
    // A difference is said once, and the lockfile's hash is taken for what it says.
    let both = Workspace {
        installed: Some("5.7.2"),
        requested: Some("5.9.3"),
        lockfile: Some(NPM.to_owned()),
        ..Workspace::default()
    };
    assert_eq!(
        both.summary(),
        "typescript@5.9.3 from `package-lock.json`: lib/tsc.js Script\n\
         info toolchain::lockfile_differs: TypeScript 5.9.3 is used, `node_modules/typescript` has 5.7.2"
    );
}

#[test]
fn the_bun_of_the_lock_goes_before_that_of_the_table() {
    let path = RelPath::new("webstir.lock").unwrap();
    let name = "@oven/bun-linux-x64-baseline";
    let packages = BTreeMap::from([(name.to_owned(), Integrity::of(b"bun"))]);
    let text = Lock::default().with(BUN, LockedTool { version: "1.5.0".to_owned(), packages }).print();
    let of = |name: &str| bun(Some(Document { path: &path, text: &text }), name).unwrap().unwrap().to_string();
    let table = built_in_lock(BUN).unwrap().version;
    assert_eq!(of(name), format!("{name}@1.5.0"));
    assert_eq!(of("@oven/bun-darwin-aarch64"), format!("@oven/bun-darwin-aarch64@{table}"));
    assert_eq!(bun(None, "@oven/bun-plan9-x64"), Ok(None));
    assert_eq!(bun(Some(Document { path: &path, text: "{" }), name).unwrap_err().code, "toolchain::lock_malformed");
}

#[test]
fn faults_of_the_files_are_errors() {
    let lock = Workspace { lock: Some("{".to_owned()), ..Workspace::default() };
    assert!(lock.summary().starts_with("error toolchain::lock_malformed webstir.lock:1"));
    let lockfile = Workspace { lockfile: Some("{".to_owned()), ..Workspace::default() };
    assert!(lockfile.summary().starts_with("error toolchain::lockfile_malformed package-lock.json:1"));
    let manifest = Workspace { manifest: Some("{"), ..Workspace::default() };
    assert_eq!(manifest.resolve().1, []);
}

proptest! {
    #[test]
    fn no_range_panics(range in r"[\^~]?[0-9x.*ä |<>=-]{0,24}") {
        let manifest = format!(r#"{{"devDependencies": {{"typescript": "{range}"}}}}"#);
        let _ = Workspace { manifest: Some(&manifest), requested: Some(&range), ..Workspace::default() }.resolve();
        let _ = Workspace { manifest: Some(&manifest), ..Workspace::default() }.resolve();
    }
}
