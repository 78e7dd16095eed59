use proptest::prelude::*;

use super::super::builtin::BUILT_IN_VERSION;
use super::pins::tests::NPM;
use super::*;

const LINUX: Platform = Platform { os: "linux", cpu: "x64" };
const CONFIG: &str = "toolchain {\n    typescript \"VERSION\"\n}\n";

#[derive(Default)]
struct Workspace<'a> {
    requested: Option<&'a str>,
    lock: Option<String>,
    lockfile: Option<String>,
    manifest: Option<&'a str>,
    platform: Option<Platform>,
}

impl Workspace<'_> {
    fn resolve(&self) -> (Option<ResolvedCompiler>, Vec<Diagnostic>) {
        let paths = ["webstir.kdl", "webstir.lock", "package-lock.json", "package.json"];
        let [config, lock, lockfile, manifest] = paths.map(|path| RelPath::new(path).unwrap());
        let requested = self.requested.map(|version| {
            let text = CONFIG.replace("VERSION", version);
            let start = text.find('"').unwrap();
            Requested { version, path: &config, span: Some(Span::locate(&text, start, start + version.len() + 2)) }
        });
        let lockfiles: Vec<_> =
            self.lockfile.iter().map(|text| Document { path: &lockfile, text: text.as_str() }).collect();
        resolve(&Request {
            requested,
            lock: self.lock.as_deref().map(|text| Document { path: &lock, text }),
            lockfiles: &lockfiles,
            manifest: self.manifest.map(|text| Document { path: &manifest, text }),
            platform: self.platform.unwrap_or(LINUX),
        })
    }

    /// The compiler and every finding, one a line.
    fn summary(&self) -> String {
        let (compiler, diagnostics) = self.resolve();
        assert_eq!(compiler.is_none(), diagnostics.iter().any(Diagnostic::is_error));
        let compiler = compiler.map(|compiler| {
            format!("{} from {}: {} {:?}", compiler.package, compiler.origin, compiler.executable(), compiler.runtime)
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
    let integrity = compiler.unwrap().package.integrity();
    assert_eq!(Some(integrity), built_in("@typescript/typescript-linux-x64"));
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
    assert_eq!(workspace.summary(), "typescript@6.0.3 from `webstir.lock`: lib/tsc.js Node");
    let native = Workspace { lock: Some(lock("7.1.0", &["@typescript/typescript-linux-x64"])), ..Workspace::default() };
    assert_eq!(native.summary(), "@typescript/typescript-linux-x64@7.1.0 from `webstir.lock`: lib/tsc Native");
    // A lock of other tools says nothing about the compiler.
    let other =
        Workspace { lock: Some(Lock::default().print()), lockfile: Some(NPM.to_owned()), ..Workspace::default() };
    assert_eq!(other.summary(), "typescript@5.9.3 from `package-lock.json`: lib/tsc.js Node");
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
    assert_eq!(same.summary(), "typescript@6.0.3 from `webstir.lock`: lib/tsc.js Node");
}

#[test]
fn the_lockfile_pins_exactly() {
    let workspace = Workspace { lockfile: Some(NPM.to_owned()), ..Workspace::default() };
    let (compiler, diagnostics) = workspace.resolve();
    let compiler = compiler.unwrap();
    assert_eq!(diagnostics, []);
    assert_eq!(compiler.version(), "5.9.3");
    assert_eq!(
        compiler.package.integrity().to_string(),
        "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw=="
    );
    let same = Workspace { requested: Some("5.9.3"), ..workspace };
    assert_eq!(same.summary(), "typescript@5.9.3 from `package-lock.json`: lib/tsc.js Node");
}

#[test]
fn a_request_goes_before_the_lockfile() {
    let workspace = Workspace { requested: Some("7.0.2"), lockfile: Some(NPM.to_owned()), ..Workspace::default() };
    assert_eq!(
        workspace.summary(),
        "@typescript/typescript-linux-x64@7.0.2 from the versions known to webstir: lib/tsc Native\n\
         info toolchain::lockfile_differs package-lock.json: TypeScript 7.0.2 is used, `package-lock.json` has 5.9.3"
    );
    let unknown = Workspace { requested: Some("6.0.3"), ..workspace };
    assert!(unknown.summary().contains("error toolchain::version_unknown webstir.kdl:2"));
}

#[test]
fn a_weak_lockfile_is_not_believed() {
    let weak = NPM.replace("sha512-jl1v", "sha1-jl1v");
    let workspace = Workspace { lockfile: Some(weak), ..Workspace::default() };
    assert_eq!(
        workspace.summary(),
        "error toolchain::integrity_missing package-lock.json: `package-lock.json` has no sha512 integrity of `typescript` 5.9.3 (Run `webstir lock`)"
    );
    // The platform package is missing, the table has it.
    let other_platform = NPM.replacen("5.9.3\",\n", "7.0.2\",\n", 1);
    let workspace = Workspace { lockfile: Some(other_platform), ..Workspace::default() };
    assert!(workspace.summary().starts_with("@typescript/typescript-linux-x64@7.0.2 from the versions known"));
}

#[test]
fn versions_without_integrity_ask_for_a_lock() {
    let requested = Workspace { requested: Some("5.9.3"), ..Workspace::default() };
    assert_eq!(
        requested.summary(),
        "error toolchain::version_unknown webstir.kdl:2: The integrity of TypeScript 5.9.3 is not known (Run `webstir lock`)"
    );
    let manifest = Some("{\n  \"devDependencies\": {\n    \"typescript\": \"5.9.3\"\n  }\n}");
    let in_manifest = Workspace { manifest, ..Workspace::default() };
    assert_eq!(
        in_manifest.summary(),
        "error toolchain::version_unknown package.json:3: The integrity of TypeScript 5.9.3 is not known (Run `webstir lock`)"
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
fn a_range_that_excludes_the_table_is_a_warning() {
    let excluded =
        Workspace { manifest: Some(r#"{"dependencies": {"typescript": "^5.9.0"}}"#), ..Workspace::default() };
    assert_eq!(
        excluded.summary(),
        "@typescript/typescript-linux-x64@7.0.2 from the versions known to webstir: lib/tsc Native\n\
         warning toolchain::range_excluded package.json:1: TypeScript 7.0.2 is used, which `^5.9.0` does not allow (Name a version of TypeScript in `webstir.kdl` and run `webstir lock`)"
    );
    for range in ["^7.0.0", "7", "7.x", "~7.0.1", "latest", "*", ">=5", "^5 || ^7", "workspace:*", "npm:x@1"] {
        let text = format!(r#"{{"devDependencies": {{"typescript": "{range}"}}}}"#);
        let allowed = Workspace { manifest: Some(&text), ..Workspace::default() };
        assert_eq!(allowed.resolve().1, [], "{range}");
    }
}

#[test]
fn ranges() {
    for range in ["^7.0.2", "^7", "~7.0", "7.0.x", "^7.0.0-beta", "", "x"] {
        assert!(!excludes(range, "7.0.2"), "{range}");
    }
    for range in ["^5", "^7.0.3", "~7.1", "7.1", "5.9.x", "^8.0.0"] {
        assert!(excludes(range, "7.0.2"), "{range}");
    }
    assert!(excludes("^0.1.0", "0.2.0"));
    assert!(!excludes("^0.1.0", "0.1.5"));
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
        let _ = excludes(&range, BUILT_IN_VERSION);
        let manifest = format!(r#"{{"devDependencies": {{"typescript": "{range}"}}}}"#);
        let _ = Workspace { manifest: Some(&manifest), requested: Some(&range), ..Workspace::default() }.resolve();
        let _ = Workspace { manifest: Some(&manifest), ..Workspace::default() }.resolve();
    }
}
