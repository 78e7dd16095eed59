use webstir_engine::path::RelPath;

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

fn read(name: &str, text: &str) -> Result<Option<Pins>, Box<Diagnostic>> {
    pins(Document { path: &RelPath::new(name).unwrap(), text })
}

fn problem(name: &str, text: &str) -> String {
    let diagnostic = read(name, text).unwrap_err();
    let line = diagnostic.span.map_or(0, |span| span.line);
    format!("{} {line}: {}", diagnostic.code, diagnostic.message)
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
    let pin = Pin { version: "5.9.3".to_owned(), integrity: Some(INTEGRITY.to_owned()), address: None };
    let packages = BTreeMap::from([("typescript".to_owned(), pin)]);
    let expected = Pins { version: "5.9.3".to_owned(), packages };
    for (name, text) in texts {
        assert_eq!(read(name, &text.replace("INTEGRITY", INTEGRITY)), Ok(Some(expected.clone())), "{text}");
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
        let pins = read(name, text).unwrap().unwrap();
        assert_eq!(pins.version, "7.0.2");
        assert_eq!(pins.packages[native].integrity.as_deref(), Some("sha512-x"), "{name}");
        assert_eq!(pins.packages[native].address.is_some(), name == "package-lock.json");
    }
}

#[test]
fn without_the_compiler_at_the_root_there_are_no_pins() {
    assert_eq!(read("package-lock.json", &NPM.replace("\"node_modules/typescript\"", "\"node_modules/x\"")), Ok(None));
    assert_eq!(read("bun.lock", &BUN.replace("\"typescript\": [", "\"x\": [")), Ok(None));
    assert_eq!(read("pnpm-lock.yaml", &PNPM.replace("  .:", "  packages/a:")), Ok(None));
    for name in LOCKFILES {
        assert_eq!(read(name, "{}"), Ok(None), "{name}");
    }
    assert_eq!(read("yarn.lock", "anything"), Ok(None));
}

#[test]
fn another_package_in_its_place_is_said() {
    let alias = NPM.replacen("\"version\": \"5.9.3\"", "\"name\": \"@x/fork\", \"version\": \"5.9.3\"", 1);
    assert_eq!(
        problem("package-lock.json", &alias),
        "toolchain::compiler_replaced 0: `package-lock.json` has `@x/fork@5.9.3` in place of `typescript`"
    );
    let link = NPM.replacen("\"version\": \"5.9.3\"", "\"resolved\": \"tools/typescript\", \"link\": true", 1);
    assert!(problem("package-lock.json", &link).contains("`tools/typescript`"));
    assert!(problem("bun.lock", &BUN.replace("typescript@5.9.3", "@x/fork@5.9.3")).contains("`@x/fork@5.9.3`"));
    let link = PNPM.replace("version: 5.9.3", "version: link:../typescript");
    assert!(problem("pnpm-lock.yaml", &link).contains("`link:../typescript`"));
}

#[test]
fn faults_are_placed() {
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
