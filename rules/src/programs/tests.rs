use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

/// A workspace with a package `tool` whose program loads a file of its own, a dependency and a linked package.
struct Case(tempfile::TempDir);

impl Case {
    fn new() -> Self {
        let case = Self(tempfile::tempdir().unwrap());
        case.write("package.json", r#"{"name": "x", "devDependencies": {"tool": "1"}}"#);
        case.write(
            "node_modules/tool/package.json",
            r#"{"name": "tool", "version": "1.0.0", "dependencies": {"dep": "1"}}"#,
        );
        case.write("node_modules/tool/bin.js", "#!/bin/sh\n");
        case.write("node_modules/tool/lib/v.js", "one");
        case.write(
            "node_modules/dep/package.json",
            r#"{"name": "dep", "version": "1.0.0", "peerDependencies": {"linked": "*"}}"#,
        );
        case.write("node_modules/dep/index.js", "one");
        case.write("packages/linked/package.json", r#"{"name": "linked"}"#);
        case.write("packages/linked/index.js", "one");
        case.write("node_modules/other/package.json", r#"{"name": "other", "version": "1.0.0"}"#);
        symlink("../packages/linked", case.path("node_modules/linked")).unwrap();
        fs::create_dir_all(case.path("node_modules/.bin")).unwrap();
        symlink("../tool/bin.js", case.path("node_modules/.bin/tool")).unwrap();
        case.chmod("node_modules/tool/bin.js", 0o755);
        fs::create_dir(case.path(".webstir")).unwrap();
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// What is found by a process that starts now.
    fn program(&self, name: &str, loads_packages: bool) -> Option<Program> {
        Programs::new(self.0.path()).program(&Wanted { name: name.into(), loads_packages })
    }
}

#[test]
fn t4_a_program_of_a_package_is_told_by_all_that_it_loads() {
    let case = Case::new();
    let packages = || case.program("tool", false).unwrap().packages;
    let mut seen = vec![packages()];
    for (file, text) in [
        ("node_modules/tool/lib/v.js", "two"),
        ("node_modules/tool/package.json", r#"{"name": "tool", "version": "1.0.1", "dependencies": {"dep": "1"}}"#),
        (
            "node_modules/dep/package.json",
            r#"{"name": "dep", "version": "1.0.1", "peerDependencies": {"linked": "*"}}"#,
        ),
        ("packages/linked/index.js", "two"),
        // A nearer copy of the dependency.
        ("node_modules/tool/node_modules/dep/package.json", r#"{"name": "dep", "version": "2.0.0"}"#),
    ] {
        case.write(file, text);
        let now = packages();
        assert!(now.is_some() && !seen.contains(&now), "{file}");
        seen.push(now);
    }
    // What it cannot load is no part of it.
    case.write("node_modules/other/package.json", r#"{"name": "other", "version": "2.0.0"}"#);
    assert_eq!(packages(), *seen.last().unwrap());
}

#[test]
fn t4_a_program_that_runs_code_of_the_workspace_is_told_by_what_that_may_load() {
    let case = Case::new();
    let packages = || case.program("/bin/sh", true).unwrap().packages;
    assert_eq!(case.program("/bin/sh", false).unwrap().packages, None);
    let before = packages();
    case.write("node_modules/tool/package.json", r#"{"name": "tool", "version": "1.0.1"}"#);
    assert_ne!(packages(), before);
}

#[test]
fn t4_the_interpreter_is_part_of_a_program() {
    let case = Case::new();
    case.write("interpreter", "#!/bin/sh\n");
    case.chmod("interpreter", 0o755);
    case.write("tools/script", &format!("#!{}\n", case.path("interpreter").display()));
    case.chmod("tools/script", 0o755);
    let before = case.program("tools/script", false).unwrap();
    assert!(before.interpreter.is_some());
    case.write("interpreter", "#!/bin/sh\n# another\n");
    let after = case.program("tools/script", false).unwrap();
    assert_eq!(after.file, before.file);
    assert_ne!(after.interpreter, before.interpreter);
    case.chmod("tools/script", 0o644);
    assert_eq!(case.program("tools/script", false), None);
    assert_eq!(case.program("tools/none", false), None);
}

#[test]
fn t4_one_process_looks_anew_each_time() {
    let case = Case::new();
    let programs = Programs::new(case.0.path());
    let wanted = Wanted { name: "tool".into(), loads_packages: false };
    let before = programs.program(&wanted).unwrap();
    assert_eq!(programs.program(&wanted).as_ref(), Some(&before));
    case.write("node_modules/tool/lib/v.js", "two");
    assert_ne!(programs.program(&wanted).unwrap().packages, before.packages);
    fs::remove_file(case.path("node_modules/.bin/tool")).unwrap();
    assert_eq!(programs.program(&wanted), None);
}

#[test]
fn what_an_earlier_process_found_is_believed_while_its_evidence_holds() {
    let case = Case::new();
    let wanted = Wanted { name: "tool".into(), loads_packages: true };
    let found = Programs::new(case.0.path()).find(&wanted);
    let evidence = |text: &str| text.replace("\"settled\":false", "\"settled\":true");
    let text = evidence(&serde_json::to_string(&found).unwrap());
    let kept: Kept = serde_json::from_str(&text).unwrap();
    assert!(kept.evidence.holds());
    case.write("node_modules/dep/package.json", "{}");
    assert!(!kept.evidence.holds());
    // A file of another form is none.
    case.write(".webstir/programs", "[1, 2");
    assert!(case.program("tool", true).is_some());
}

fn told_by(programs: &Programs) -> webstir_toolchain::Surroundings {
    serde_json::from_str(&programs.account(compiler::ACCOUNT).unwrap()).unwrap()
}

/// What is told of the compiler by a process that starts now, of the workspace in `below`.
fn surroundings(case: &Case, below: &str) -> webstir_toolchain::Surroundings {
    told_by(&Programs::new(&case.path(below)))
}

fn install_compiler(case: &Case, below: &str, version: &str) {
    let manifest = format!(r#"{{"name": "typescript", "version": "{version}"}}"#);
    case.write(&format!("{below}/typescript/package.json"), &manifest);
    case.write(&format!("{below}/typescript/lib/tsc.js"), "one");
}

#[test]
fn the_compiler_is_told_by_all_of_its_files() {
    let case = Case::new();
    assert_eq!(surroundings(&case, "").installed, None);
    install_compiler(&case, "node_modules", "5.7.2");
    // From above the workspace as well.
    for (below, shown) in [("", "node_modules/typescript"), ("apps/a", "../../node_modules/typescript")] {
        fs::create_dir_all(case.path(below)).unwrap();
        let told = surroundings(&case, below).installed.unwrap();
        assert_eq!((&*told.version, &*told.shown), ("5.7.2", shown));
        assert_eq!(told.packages, [fs::canonicalize(case.path("node_modules/typescript")).unwrap()]);
    }
    let mut digests = vec![surroundings(&case, "").installed.unwrap().digest];
    for (file, text) in [("lib/tsc.js", "two"), ("lib/lib.d.ts", "declare"), ("loc/a.json", "{}")] {
        case.write(&format!("node_modules/typescript/{file}"), text);
        let digest = surroundings(&case, "").installed.unwrap().digest;
        assert!(!digests.contains(&digest), "{file}");
        digests.push(digest);
    }
    // What cannot be run is not installed.
    fs::remove_file(case.path("node_modules/typescript/lib/tsc.js")).unwrap();
    assert_eq!(surroundings(&case, "").installed, None);
    case.write("node_modules/typescript/package.json", r#"{"name": "@x/fork", "version": "1.0.0"}"#);
    assert_eq!(&*surroundings(&case, "").installed.unwrap().name, "@x/fork");
}

#[test]
fn one_process_is_told_of_another_lockfile_and_of_another_compiler() {
    let case = Case::new();
    fs::create_dir_all(case.path("apps/a")).unwrap();
    let programs = Programs::new(&case.path("apps/a"));
    let locked = || told_by(&programs).lockfile.and_then(|locked| locked.version().map(str::to_owned));
    let lock = |place: &str, version: &str| {
        case.write(
            &format!("{place}package-lock.json"),
            &format!(r#"{{"packages": {{"node_modules/typescript": {{"version": "{version}"}}}}}}"#),
        );
    };
    lock("", "5.7.2");
    assert_eq!(locked(), None);
    fs::create_dir(case.path(".git")).unwrap();
    assert_eq!(locked().as_deref(), Some("5.7.2"));
    lock("", "5.9.3");
    assert_eq!(locked().as_deref(), Some("5.9.3"));
    lock("apps/a/", "6.0.3");
    assert_eq!(locked().as_deref(), Some("6.0.3"));
    install_compiler(&case, "apps/a/node_modules", "5.4.5");
    assert_eq!(told_by(&programs).installed.map(|told| told.version), Some("5.4.5".into()));
}

#[test]
fn packages_of_another_checkout_stand_for_what_its_lockfile_has_the_same() {
    let case = Case::new();
    install_compiler(&case, "here/node_modules", "5.7.2");
    let told = |version: &str| {
        let text = format!(r#"{{"packages": {{"node_modules/typescript": {{"version": "{version}"}}}}}}"#);
        case.write("base/package-lock.json", &text);
        let programs = Programs::new(&case.path("base")).with_packages_of(&case.path("here"));
        told_by(&programs).installed.map(|told| told.version)
    };
    assert_eq!(told("5.7.2"), Some("5.7.2".into()));
    assert_eq!(told("5.9.3"), None);
}

#[test]
fn types_outside_of_the_workspace_are_told() {
    let case = Case::new();
    fs::create_dir_all(case.path("apps/a/node_modules/@types")).unwrap();
    case.write("node_modules/@types/node/package.json", "{}");
    case.write("node_modules/.bun/bun/package.json", "{}");
    symlink("../../../../node_modules/.bun/bun", case.path("apps/a/node_modules/@types/bun")).unwrap();
    case.write("apps/a/node_modules/@types/jest/package.json", "{}");
    let told: Vec<Box<str>> = vec!["node_modules/@types/bun".into(), "../../node_modules/@types/node".into()];
    assert_eq!(surroundings(&case, "apps/a").types, told);
    assert_eq!(surroundings(&case, "").types, Vec::<Box<str>>::new());
}
