//! Each compiler beside its own command line.

use crate::bare::{Bare, compare};
use crate::projects::{COMMON, OLDER};
use crate::tools::*;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use webstir_engine::discovered::DiscoveredInput;
use webstir_engine::system::{Os, PathKind};
use webstir_typescript::typecheck::{Compiler, TypecheckError, VirtualFiles};

#[test]
fn native_7_0() {
    for (name, files) in COMMON {
        let root = workspace(files);
        let (checked, _) = run(&native(), root.path(), &VirtualFiles::default());
        assert!(!checked.diagnostics.is_empty(), "{name}");
        compare(name, &checked, &Bare::native().check(root.path()));
    }
}

/// Every project, by a compiler and by its own command line; nothing is written.
fn agree(version: &str) {
    for (name, files) in COMMON.iter().chain(OLDER) {
        let root = workspace(files);
        if *name != "types" {
            // Checking the library again and again takes most of the time.
            let config = fs::read_to_string(root.path().join("tsconfig.json")).unwrap();
            write(
                root.path(),
                "tsconfig.json",
                &config.replace("\"types\": []", "\"types\": [], \"skipLibCheck\": true"),
            );
        }
        let before = listed(root.path());
        let (checked, _) = run(&script(version), root.path(), &VirtualFiles::default());
        assert_eq!(listed(root.path()), before, "{name}");
        // Before 5.6 nobody says what is wrong with declarations that are not written.
        let is_silent = ["declarations alone", "isolated declarations"].contains(name);
        assert!(!checked.diagnostics.is_empty() || is_silent, "{name}");
        compare(&format!("{version}: {name}"), &checked, &Bare::script(version).check(root.path()));
    }
}

fn listed(directory: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(listed(&path));
        }
        names.push(path.display().to_string());
    }
    names.sort();
    names
}

#[test]
fn script_5_4() {
    agree("5.4.5");
}

#[test]
fn script_5_7() {
    agree("5.7.3");
}

#[test]
fn script_5_9() {
    agree("5.9.3");
}

#[test]
fn script_6_0() {
    agree("6.0.3");
}

#[test]
#[ignore = "long: compilers that are seldom used"]
fn script_of_other_versions() {
    for version in ["4.9.5", "5.0.4", "5.2.2", "5.5.4", "5.6.3"] {
        agree(version);
    }
}

#[test]
fn script_5_9_by_bun() {
    let projects = COMMON.iter().chain(OLDER).filter(|(name, _)| ["types", "unions", "references"].contains(name));
    let compiler = Compiler::script("5.9.3", &installed("5.9.3").join("typescript"), Some(bun()));
    for (name, files) in projects {
        let root = workspace(files);
        let (checked, _) = run(&compiler, root.path(), &VirtualFiles::default());
        compare(name, &checked, &Bare::script("5.9.3").check(root.path()));
    }
}

#[test]
fn an_older_compiler_sees_what_it_is_shown_and_nothing_else() {
    let source = "\u{feff}const größe = \"🙂\"; export const zahl: number = größe;\nexport const s: { a: string } = { a: 1 as number };\nexport const t: { a: { b: 1 } } = {} as { a: { b: 2 } };\n";
    let mut overlay = VirtualFiles::default();
    let types: [(&str, &[u8]); 2] =
        [("package.json", br#"{"types": "./t.d.ts"}"#), ("t.d.ts", b"export declare const built: 1;\n")];
    overlay.add_directory(&path("node_modules/built"), types).unwrap();
    for version in ["5.9.3", "6.0.3"] {
        let root = workspace(&[
            ("src/a.ts", source),
            ("src/b.ts", "import '../lib/c.js';\nimport { built } from 'built';\nexport const b: 2 = built;\n"),
            ("lib/c.ts", "export {};\n"),
            ("package.json", r#"{"type": "module"}"#),
        ]);
        write(root.path(), "tsconfig.json", &STRICT.replace("\"strict\"", "\"incremental\": true, \"strict\""));
        let (checked, discovered) = run(&script(version), root.path(), &overlay);
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown(&checked), @r#"
            src/a.ts:1:33 [40..44] error typecheck::ts2322 Type 'string' is not assignable to type 'number'.
            src/a.ts:2:35 [98..99] error typecheck::ts2322 Type 'number' is not assignable to type 'string'.
              see src/a.ts:2:19 [82..83] The expected type comes from property 'a' which is declared here on type '{ a: string; }'
            src/a.ts:3:14 [129..130] error typecheck::ts2322 Type '{ a: { b: 2; }; }' is not assignable to type '{ a: { b: 1; }; }'.
              note The types of 'a.b' are incompatible between these types.
              note   Type '2' is not assignable to type '1'.
            src/b.ts:3:14 [66..67] error typecheck::ts2322 Type '1' is not assignable to type '2'.
            "#);
        }
        assert_eq!(names(&checked), ["lib/c.ts", "src/a.ts", "src/b.ts"]);
        for (name, exists) in [
            ("src/a.ts", true),
            ("lib/c.ts", true),
            ("tsconfig.json", true),
            ("package.json", true),
            ("src/package.json", false),
        ] {
            let seen = discovered.iter().any(|(at, seen)| {
                at.as_str() == name
                    && match seen {
                        DiscoveredInput::Content(digest) => digest.is_some() == exists,
                        DiscoveredInput::Kind(kind) => !exists && *kind == PathKind::Absent,
                        _ => false,
                    }
            });
            assert!(seen, "{name} in {discovered:#?}");
        }
        let (_, again) = run(&script(version), root.path(), &overlay);
        assert_eq!(discovered, again);
        write(root.path(), "src/new.ts", "");
        let (_, with_a_file) = run(&script(version), root.path(), &overlay);
        assert_ne!(discovered, with_a_file);
    }
}

#[test]
fn an_older_compiler_needs_an_interpreter() {
    let root = workspace(&[("src/a.ts", "")]);
    let compiler = Compiler::script("5.9.3", Path::new("typescript"), None);
    let system = Arc::new(Os::new(root.path()).unwrap());
    let result = try_check(&compiler, system, &VirtualFiles::default(), &AtomicBool::new(false));
    assert!(matches!(result, Err(TypecheckError::NeedsNode { version }) if version == "5.9.3"));
}

#[test]
fn a_native_compiler_of_another_version_is_not_driven() {
    let root = workspace(&[("src/a.ts", "")]);
    let compiler = Compiler::native("7.1.0", native_executable());
    let system = Arc::new(Os::new(root.path()).unwrap());
    let result = try_check(&compiler, system, &VirtualFiles::default(), &AtomicBool::new(false));
    assert!(matches!(result, Err(TypecheckError::UnknownApi { version }) if version == "7.1.0"));
}
