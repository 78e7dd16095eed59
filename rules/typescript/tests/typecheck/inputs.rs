//! What the compiler reads, the types of the built-in modules and the discovered inputs.

use crate::bare::Bare;
use crate::tools::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use webstir_engine::discovered::DiscoveredInput;
use webstir_engine::system::{Memory, Os, PathKind};
use webstir_engine::view::View;
use webstir_typescript::typecheck::{Checked, ReferencedProjects, Request, VirtualFiles, open};

#[test]
fn a_module_that_is_missing() {
    let (checked, discovered) =
        run_native(&[("src/a.ts", "import { x } from './x.js';\nimport y from 'y';\nexport { x, y };\n")]);
    insta::assert_snapshot!(shown(&checked), @r#"
    src/a.ts:1:19 [18..26] error typecheck::ts2307 Cannot find module './x.js' or its corresponding type declarations.
    src/a.ts:2:15 [42..45] error typecheck::ts2307 Cannot find module 'y' or its corresponding type declarations.
    "#);
    let absent = (path("src/x.ts"), DiscoveredInput::Kind(PathKind::Absent));
    assert!(discovered.contains(&absent), "{discovered:#?}");
}

#[test]
fn an_extended_configuration() {
    let (checked, discovered) = run_native(&[
        (
            "tsconfig.json",
            r#"{"extends": ["./config/base.json", "@tsconfig/strict/tsconfig.json"], "include": ["src"]}"#,
        ),
        ("config/base.json", r#"{"extends": "./root.json", "compilerOptions": {"types": [], "strict": false}}"#),
        ("config/root.json", r#"{"compilerOptions": {"lib": ["es2023"], "noUnusedLocals": true}}"#),
        ("node_modules/@tsconfig/strict/tsconfig.json", r#"{"compilerOptions": {"strict": true}}"#),
        ("node_modules/@tsconfig/strict/package.json", r#"{"name": "@tsconfig/strict", "version": "1.0.0"}"#),
        ("src/a.ts", "export {};\nconst unused = 1;\nlet n: number = undefined;\nn = 1;\n"),
    ]);
    insta::assert_snapshot!(shown(&checked), @r#"
    src/a.ts:2:7 [17..23] error typecheck::ts6133 'unused' is declared but its value is never read.
    src/a.ts:3:5 [33..34] error typecheck::ts2322 Type 'undefined' is not assignable to type 'number'.
    src/a.ts:3:5 [33..34] error typecheck::ts6133 'n' is declared but its value is never read.
    "#);
    for name in ["config/base.json", "config/root.json", "node_modules/@tsconfig/strict/tsconfig.json"] {
        assert!(
            discovered
                .iter()
                .any(|(at, seen)| at.as_str() == name && matches!(seen, DiscoveredInput::Content(Some(_)))),
            "{name}"
        );
    }
}

#[test]
fn packages_and_linked_packages() {
    let root = workspace(&[
        ("node_modules/pkg/package.json", r#"{"name": "pkg", "version": "1.0.0", "types": "./types.d.ts"}"#),
        ("node_modules/pkg/types.d.ts", "export declare const pkg: { id: number };\n"),
        ("packages/core/package.json", r#"{"name": "@ws/core", "type": "module", "exports": "./src/index.ts"}"#),
        ("packages/core/src/index.ts", "export const core: number = 'no';\n"),
        (
            "src/a.ts",
            "import { pkg } from 'pkg';\nimport { core } from '@ws/core';\nexport const a: string = pkg.id, b: string = core;\n",
        ),
    ]);
    fs::create_dir(root.path().join("node_modules/@ws")).unwrap();
    symlink("../../packages/core", root.path().join("node_modules/@ws/core")).unwrap();
    let (checked, discovered) = run(&native(), root.path(), &VirtualFiles::default());
    insta::assert_snapshot!(shown(&checked), @r#"
    packages/core/src/index.ts:1:14 [13..17] error typecheck::ts2322 Type 'string' is not assignable to type 'number'.
    src/a.ts:3:14 [73..74] error typecheck::ts2322 Type 'number' is not assignable to type 'string'.
    src/a.ts:3:34 [93..94] error typecheck::ts2322 Type 'number' is not assignable to type 'string'.
    "#);
    assert_eq!(names(&checked), ["node_modules/pkg/types.d.ts", "packages/core/src/index.ts", "src/a.ts"]);
    let linked = (
        path("node_modules/@ws/core/src/index.ts"),
        DiscoveredInput::RealPath(Some(path("packages/core/src/index.ts"))),
    );
    assert!(discovered.contains(&linked), "{discovered:#?}");
}

#[test]
fn what_lies_above_the_root_is_invisible() {
    let above = tempfile::tempdir().unwrap();
    write(
        above.path(),
        "node_modules/stray/package.json",
        r#"{"name": "stray", "version": "1.0.0", "types": "i.d.ts"}"#,
    );
    write(above.path(), "node_modules/stray/i.d.ts", "export declare const stray: number;\n");
    write(above.path(), "node_modules/@types/ambient/index.d.ts", "declare const ambient: number;\n");
    write(above.path(), "secret.d.ts", "declare const secret: number;\n");
    let root = above.path().join("ws");
    write(&root, "tsconfig.json", STRICT);
    write(
        &root,
        "src/a.ts",
        "/// <reference path=\"../../secret.d.ts\" />\nimport { stray } from 'stray';\nexport const s: string = stray;\n",
    );
    let (checked, discovered) = run(&native(), &root, &VirtualFiles::default());
    insta::assert_snapshot!(shown(&checked), @r#"
    src/a.ts:1:22 [21..38] error typecheck::ts6053 File '../../secret.d.ts' not found.
    src/a.ts:2:23 [65..72] error typecheck::ts2307 Cannot find module 'stray' or its corresponding type declarations.
    "#);
    assert_eq!(names(&checked), ["src/a.ts"]);
    assert!(discovered.iter().all(|(at, _)| !at.as_str().contains("..")));
    let (older, discovered) = run(&script("5.9.3"), &root, &VirtualFiles::default());
    let codes = |checked: &Checked| checked.diagnostics.iter().map(|found| found.code.clone()).collect::<Vec<_>>();
    assert_eq!((codes(&older), names(&older)), (codes(&checked), names(&checked)));
    assert!(discovered.iter().all(|(at, _)| !at.as_str().contains("..")));
    // The command line does see it.
    let (said, _) = Bare::script("5.9.3").check(&root);
    assert!(said.iter().any(|(_, _, _, code, _)| code == "typecheck::ts2322"), "{said:?}");
}

fn built_in_types() -> VirtualFiles {
    let mut overlay = VirtualFiles::default();
    let package =
        r#"{"name": "@webstir-io/webstir-backend", "type": "module", "exports": {"./runtime/*": "./runtime/*.d.ts"}}"#;
    overlay
        .add_directory(
            &path("node_modules/@webstir-io/webstir-backend"),
            [
                ("package.json", package.as_bytes()),
                ("runtime/forms.d.ts", b"export declare function form(name: string): { fields: number };\n"),
                ("runtime/broken.d.ts", b"export declare const broken: Missing;\n"),
            ],
        )
        .unwrap();
    overlay
}

const FORM: &str = "import { form } from '@webstir-io/webstir-backend/runtime/forms';\nexport const fields: string = form(1).fields;\n";

#[test]
fn built_in_types_stand_in_for_an_absent_package() {
    let root = workspace(&[("src/a.ts", FORM), ("node_modules/other/index.d.ts", "")]);
    let (checked, discovered) = run(&native(), root.path(), &built_in_types());
    insta::assert_snapshot!(shown(&checked), @r#"
    src/a.ts:2:14 [79..85] error typecheck::ts2322 Type 'number' is not assignable to type 'string'.
    src/a.ts:2:36 [101..102] error typecheck::ts2345 Argument of type 'number' is not assignable to parameter of type 'string'.
    "#);
    assert_eq!(names(&checked), ["src/a.ts"]);
    let name = "node_modules/@webstir-io/webstir-backend";
    let absent = |name: &str| discovered.contains(&(path(name), DiscoveredInput::Kind(PathKind::Absent)));
    assert!(absent(name) && absent(&format!("{name}/package.json")));
    let is_ours =
        |seen: &DiscoveredInput| matches!(seen, DiscoveredInput::Content(Some(_)) | DiscoveredInput::Selected(..));
    assert!(discovered.iter().all(|(at, seen)| !at.as_str().starts_with(name) || !is_ours(seen)));

    let broken = workspace(&[("src/a.ts", "export * from '@webstir-io/webstir-backend/runtime/broken';\n")]);
    let (checked, _) = run(&native(), broken.path(), &built_in_types());
    insta::assert_snapshot!(shown(&checked), @r#"
    - error typecheck::ts2304 Cannot find name 'Missing'.
      note Found in `node_modules/@webstir-io/webstir-backend/runtime/broken.d.ts`, which is built in
    "#);
}

#[test]
fn an_installed_package_wins_over_built_in_types() {
    let root = workspace(&[
        ("src/a.ts", FORM),
        (
            "node_modules/@webstir-io/webstir-backend/package.json",
            r#"{"name": "@webstir-io/webstir-backend", "exports": {"./runtime/forms": "./f.d.ts"}}"#,
        ),
        (
            "node_modules/@webstir-io/webstir-backend/f.d.ts",
            "export declare function form(id: number): { fields: string };\n",
        ),
    ]);
    let (checked, _) = run(&native(), root.path(), &built_in_types());
    assert_eq!(shown(&checked), "");
    assert_eq!(names(&checked), ["node_modules/@webstir-io/webstir-backend/f.d.ts", "src/a.ts"]);
}

#[test]
fn the_discovered_inputs_hold_what_was_missed() {
    let root = workspace(&[
        ("src/a.ts", "import { b } from './b.js';\nexport const a: number = b;\n"),
        ("src/b.d.ts", "export declare const b: number;\n"),
    ]);
    let overlay = VirtualFiles::default();
    let (checked, before) = run(&native(), root.path(), &overlay);
    assert_eq!(shown(&checked), "");
    let missed = (path("src/b.ts"), DiscoveredInput::Kind(PathKind::Absent));
    assert!(before.contains(&missed), "{before:#?}");
    write(root.path(), "src/b.ts", "export const b = 'text';\n");
    let (checked, after) = run(&native(), root.path(), &overlay);
    assert!(shown(&checked).contains("typecheck::ts2322"));
    assert!(!after.contains(&missed));
}

#[test]
fn the_discovered_inputs_are_complete_before_the_check() {
    let root = workspace(&[("src/a.ts", "import x from 'x';\nexport const a: number = [1].at(0);\n")]);
    let (compiler, project, overlay) = (native(), path("tsconfig.json"), VirtualFiles::default());
    let view = View::new(Arc::new(Os::new(root.path()).unwrap()));
    let cancelled = AtomicBool::new(false);
    let (referenced, helper) = (ReferencedProjects::default(), helper());
    let opened = open(&Request {
        compiler: &compiler,
        project: &project,
        view: &view,
        overlay: &overlay,
        referenced: &referenced,
        helper: &helper,
        cancelled: &cancelled,
    })
    .unwrap();
    let before = view.discovered();
    assert_eq!(opened.files(), [path("src/a.ts")]);
    assert_eq!(opened.diagnostics().unwrap().diagnostics.len(), 2);
    assert_eq!(view.discovered(), before);
}

#[test]
fn the_place_of_the_workspace_does_not_matter() {
    let files = [
        (
            "src/a.ts",
            "import * as b from './b.js';\nimport nothing from 'nothing';\nexport const a: string = b;\n/// <reference path='../none.d.ts' />\n",
        ),
        ("src/b.ts", "export const b = 1;\n"),
        ("src/deep/c.ts", "import '../../absent.js';\nexport const c: { x: typeof import('../b.js') } = 1;\n"),
    ];
    let long = tempfile::Builder::new().prefix("another-place-").tempdir().unwrap();
    let elsewhere = long.path().join("ä b/c");
    write(&elsewhere, "tsconfig.json", STRICT);
    for (name, text) in files {
        write(&elsewhere, name, text);
    }
    let (first, first_discovered) = run_native(&files);
    let (second, second_discovered) = run(&native(), &elsewhere, &VirtualFiles::default());
    assert!(first.diagnostics.len() > 3, "{}", shown(&first));
    assert_eq!(first, second);
    assert_eq!(first_discovered, second_discovered);
    let memory = Memory::with_files(&files);
    memory.write("tsconfig.json", STRICT);
    let (third, third_discovered) =
        try_check(&native(), Arc::new(memory), &VirtualFiles::default(), &AtomicBool::new(false)).unwrap();
    assert_eq!(first, third);
    assert_eq!(first_discovered, third_discovered);
}
