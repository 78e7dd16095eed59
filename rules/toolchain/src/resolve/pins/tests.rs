use std::path::PathBuf;

use super::super::super::lockfiles::LOCKFILES;
use super::*;

/// `typescript` 5.9.3, as each package manager writes it.
pub(in super::super) const NPM: &str = r#"{
  "name": "a",
  "lockfileVersion": 3,
  "requires": true,
  "packages": {
    "": { "name": "a", "devDependencies": { "typescript": "^5.9.3" } },
    "node_modules/typescript": {
      "version": "5.9.3",
      "integrity": "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==",
      "license": "Apache-2.0",
      "bin": { "tsc": "bin/tsc", "tsserver": "bin/tsserver" }
    },
    "node_modules/other/node_modules/typescript": {
      "version": "4.0.2",
      "integrity": "sha512-e4ERvRV2wb+rRZ/IQeb3jm2VxBsirQLpQhdxplZ2MEzGvDkkMmPglecnNDfSUBivMjP93vRbngYYDQqQ/78bcQ=="
    }
  }
}"#;

const BUN: &str = r#"{
  "lockfileVersion": 2,
  "workspaces": { "": { "name": "a", "devDependencies": { "typescript": "5.9.3", }, }, },
  "packages": {
    "typescript": ["typescript@5.9.3", "", { "bin": { "tsc": "./bin/tsc", "tsserver": "./bin/tsserver" } }, "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw=="],

    "other/typescript": ["typescript@4.0.2", "", {}, "sha512-e4ERvRV2wb+rRZ/IQeb3jm2VxBsirQLpQhdxplZ2MEzGvDkkMmPglecnNDfSUBivMjP93vRbngYYDQqQ/78bcQ=="],
  }
}
"#;

const PNPM: &str = "\
lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

importers:

  .:
    devDependencies:
      typescript:
        specifier: 5.9.3
        version: 5.9.3

packages:

  typescript@4.0.2:
    resolution: {integrity: sha512-e4ERvRV2wb+rRZ/IQeb3jm2VxBsirQLpQhdxplZ2MEzGvDkkMmPglecnNDfSUBivMjP93vRbngYYDQqQ/78bcQ==}

  typescript@5.9.3:
    resolution: {integrity: sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==}
    engines: {node: '>=14.17'}
    hasBin: true

snapshots:

  typescript@5.9.3: {}
";

const INTEGRITY: &str =
    "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==";

/// What a lockfile in the workspace says.
pub(in super::super) fn pinned(name: &str, text: &str) -> Option<Pinned> {
    let name = LOCKFILES.iter().find(|known| **known == name).unwrap();
    let lockfile = Lockfile::read(name, text).unwrap();
    let found = FoundLockfile {
        directory: PathBuf::from("/w"),
        name,
        shown: (*name).to_owned(),
        text: text.to_owned(),
        lockfile,
    };
    Pinned::read(Path::new("/w"), &found)
}

fn read(name: &str, text: &str) -> Option<Says> {
    pinned(name, text).map(|pinned| pinned.says)
}

/// The version of the workspace in the directory `below`, and whether its hash is known.
fn below(name: &str, text: &str, below: &str, asked: &[&str]) -> Option<(String, bool)> {
    let lockfile = Lockfile::read(name, text).unwrap().unwrap();
    let asked: Vec<String> = asked.iter().map(|range| (*range).to_owned()).collect();
    match says(&lockfile, below, &asked)? {
        Says::Pins(Pins { version, packages }) => Some((version, packages[TYPESCRIPT].integrity.is_some())),
        says => panic!("{says:?}"),
    }
}

#[test]
fn every_format_says_the_same() {
    let version_1 =
        r#"{"lockfileVersion": 1, "dependencies": {"typescript": {"version": "5.9.3", "integrity": "INTEGRITY"}}}"#;
    let pnpm_8 = "lockfileVersion: '6.0'\ndevDependencies:\n  typescript:\n    specifier: 5.9.3\n    version: 5.9.3\npackages:\n  /typescript@5.9.3:\n    resolution: {integrity: INTEGRITY}\n";
    let pnpm_7 = "lockfileVersion: 5.4\nspecifiers:\n  typescript: 5.9.3\ndevDependencies:\n  typescript: 5.9.3\npackages:\n  /typescript/5.9.3:\n    resolution: {integrity: INTEGRITY}\n";
    let two_documents = format!(
        "lockfileVersion: '9.0'\nimporters:\n  .:\n    packageManagerDependencies:\n      pnpm:\n        version: 12.0.0\n---\n{PNPM}"
    );
    let texts = [
        ("package-lock.json", NPM),
        ("package-lock.json", version_1),
        ("bun.lock", BUN),
        ("pnpm-lock.yaml", PNPM),
        ("pnpm-lock.yaml", pnpm_8),
        ("pnpm-lock.yaml", pnpm_7),
        ("pnpm-lock.yaml", &two_documents),
    ];
    let pin = Pin { integrity: Some(INTEGRITY.to_owned()), address: None };
    let packages = BTreeMap::from([("typescript".to_owned(), pin)]);
    let expected = Says::Pins(Pins { version: "5.9.3".to_owned(), packages });
    for (name, text) in texts {
        assert_eq!(read(name, &text.replace("INTEGRITY", INTEGRITY)), Some(expected.clone()), "{text}");
    }
}

#[test]
fn native_packages_are_pinned_too() {
    let native = "@typescript/typescript-linux-x64";
    let npm = r#"{"lockfileVersion": 3, "packages": {
        "node_modules/@typescript/typescript-linux-x64": {"version": "7.0.2", "integrity": "sha512-x", "resolved": "https://registry.test/t.tgz", "optional": true},
        "node_modules/@types/node": {"version": "1.0.0"},
        "node_modules/typescript": {"version": "7.0.2"}}}"#;
    let bun = r#"{"packages": {
        "@typescript/typescript-linux-x64": ["@typescript/typescript-linux-x64@7.0.2", "", {"os": "linux"}, "sha512-x"],
        "typescript": ["typescript@7.0.2", "", {}]}}"#;
    let pnpm = "importers: {.: {dependencies: {typescript: {specifier: ^7.0.0, version: 7.0.2(peer@1.0.0)}}}}\npackages:\n  '@typescript/typescript-linux-x64@7.0.2': {resolution: {integrity: sha512-x}}\n";
    for (name, text) in [("package-lock.json", npm), ("bun.lock", bun), ("pnpm-lock.yaml", pnpm)] {
        let Some(Says::Pins(pins)) = read(name, text) else { panic!("{name}") };
        assert_eq!(pins.version, "7.0.2");
        assert_eq!(pins.packages[native].integrity.as_deref(), Some("sha512-x"), "{name}");
        assert_eq!(pins.packages[native].address.is_some(), name == "package-lock.json");
    }
}

#[test]
fn without_the_compiler_at_the_root_there_are_no_pins() {
    assert_eq!(read("package-lock.json", &NPM.replace("\"node_modules/typescript\"", "\"node_modules/x\"")), None);
    assert_eq!(read("bun.lock", &BUN.replace("\"typescript\": [", "\"x\": [")), None);
    assert_eq!(read("pnpm-lock.yaml", &PNPM.replace("  .:", "  packages/a:")), None);
    for name in LOCKFILES {
        assert_eq!(read(name, if *name == "yarn.lock" { "" } else { "{}" }), None, "{name}");
    }
}

#[test]
fn another_package_in_its_place_is_said() {
    let replaced = |name: &str, text: &str| match read(name, text) {
        Some(Says::Replaced(what)) => what,
        says => panic!("{says:?}"),
    };
    let alias = NPM.replacen("\"version\": \"5.9.3\"", "\"name\": \"@x/fork\", \"version\": \"5.9.3\"", 1);
    assert_eq!(replaced("package-lock.json", &alias), "@x/fork@5.9.3");
    let link = NPM.replacen("\"version\": \"5.9.3\"", "\"resolved\": \"tools/typescript\", \"link\": true", 1);
    assert_eq!(replaced("package-lock.json", &link), "tools/typescript");
    assert_eq!(replaced("bun.lock", &BUN.replace("typescript@5.9.3", "@x/fork@5.9.3")), "@x/fork@5.9.3");
    assert_eq!(
        replaced("pnpm-lock.yaml", &PNPM.replace("version: 5.9.3", "version: link:../typescript")),
        "link:../typescript"
    );
}

#[test]
fn of_a_repository_the_place_of_the_workspace_counts() {
    let npm = NPM.replace("node_modules/other/node_modules/typescript", "packages/a/node_modules/typescript");
    let bun = BUN
        .replace("\"other/typescript\"", "\"@s/a/typescript\"")
        .replace("\"workspaces\": {", "\"workspaces\": { \"packages/a\": { \"name\": \"@s/a\" },");
    let pnpm = PNPM.replace(
        "\npackages:\n",
        "\n  packages/a:\n    dependencies:\n      typescript: {specifier: ^4.0.0, version: 4.0.2}\n\npackages:\n",
    );
    for (name, text) in [("package-lock.json", npm), ("bun.lock", bun), ("pnpm-lock.yaml", pnpm)] {
        let version = |place: &str| below(name, &text, place, &[]).unwrap();
        assert_eq!(version("packages/a"), ("4.0.2".to_owned(), true), "{name}");
        assert_eq!(version("packages/b"), ("5.9.3".to_owned(), true), "{name}");
        // As Node looks for it.
        assert_eq!(version("packages/a/demo").0, "4.0.2", "{name}");
    }
}

#[test]
fn of_yarn_the_range_counts() {
    let first = "typescript@^4.0.0:\n  version \"4.0.2\"\n  integrity sha512-A\n\n\
                 \"typescript@>=5 <6\", typescript@^5.9.0:\n  version \"5.9.3\"\n  integrity sha512-B\n";
    let berry = "__metadata:\n  version: 8\n\n\"typescript@npm:^4.0.0\":\n  version: 4.0.2\n  resolution: \"typescript@npm:4.0.2\"\n  checksum: 10/a\n\n\
                 \"typescript@npm:>=5 <6, typescript@npm:^5.9.0\":\n  version: 5.9.3\n  resolution: \"typescript@npm:5.9.3\"\n\n\
                 \"typescript@patch:typescript@npm%3A^5.9.0#optional!builtin<compat/typescript>\":\n  version: 5.9.3\n  \
                 resolution: \"typescript@patch:typescript@npm%3A5.9.3#optional!builtin<compat/typescript>::version=5.9.3&hash=1\"\n";
    for (text, is_hashed) in [(first, true), (berry, false)] {
        let version = |asked: &[&str]| below("yarn.lock", text, "packages/a", asked);
        assert_eq!(version(&["^4.0.0"]), Some(("4.0.2".to_owned(), is_hashed)));
        assert_eq!(version(&[">=5 <6"]), Some(("5.9.3".to_owned(), is_hashed)));
        assert_eq!(version(&["^5.9.0", "^4.0.0"]).unwrap().0, "5.9.3");
        assert_eq!(version(&["^6.0.0"]), None);
    }
}

#[test]
fn a_lockfile_above_is_named_from_the_workspace() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let workspace = root.join("apps/demos/api");
    fs::create_dir_all(&workspace).unwrap();
    fs::write(
        root.join("package.json"),
        r#"{"workspaces": ["apps/*/*"], "devDependencies": {"typescript": "^5.9.0"}}"#,
    )
    .unwrap();
    fs::write(root.join("yarn.lock"), "typescript@^5.9.0:\n  version \"5.9.3\"\n").unwrap();
    // What the package above asks for is found from below.
    let pinned = Pinned::of(&workspace).unwrap();
    assert_eq!((&*pinned.shown, pinned.version(), pinned.path()), ("../../../yarn.lock", Some("5.9.3"), None));
    fs::write(root.join("bun.lock"), BUN).unwrap();
    let pinned = Pinned::of(&workspace).unwrap();
    assert_eq!((&*pinned.shown, pinned.version()), ("../../../bun.lock", Some("5.9.3")));
    fs::write(root.join("bun.lock"), "{").unwrap();
    assert!(matches!(Pinned::of(&workspace).unwrap().says, Says::Unreadable(_)));
}

#[test]
fn faults_are_placed() {
    let problem = |name: &str, text: &str| match read(name, text) {
        Some(Says::Unreadable(problem)) => {
            let diagnostic = problem.finding(name, pinned(name, text).unwrap().path().as_ref());
            format!("{} {}: {}", diagnostic.code, diagnostic.span.map_or(0, |span| span.line), diagnostic.message)
        }
        says => panic!("{says:?}"),
    };
    assert_eq!(
        problem("package-lock.json", &NPM.replace("\"requires\": true,", "<<<<<<< HEAD")),
        "toolchain::lockfile_malformed 4: `package-lock.json` cannot be read: Key must be a string"
    );
    assert_eq!(
        problem("bun.lock", &BUN.replace("\"workspaces\"", "<<<<<<< HEAD")),
        "toolchain::lockfile_malformed 3: `bun.lock` cannot be read: Unexpected token"
    );
    assert_eq!(
        problem("pnpm-lock.yaml", &PNPM.replace("settings:", "settings: ]")),
        "toolchain::lockfile_malformed 3: `pnpm-lock.yaml` cannot be read: It is not the YAML that pnpm writes"
    );
}
