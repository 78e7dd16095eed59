//! The typecheck machinery with real compilers.
//!
//! The compilers are installed once by npm into the target directory.

#![expect(clippy::disallowed_methods, reason = "tests prepare real directories")]
#![expect(clippy::unwrap_used, reason = "a test fails by unwrapping")]

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use webstir_engine::diagnostic::Span;
use webstir_engine::path::RelPath;
use webstir_engine::system::{Listing, Memory, Os, PathKind, System};
use webstir_engine::view::{Observation, Trace, View};
use webstir_rules::typecheck::{Checked, Compiler, ProtocolError, Request, TypecheckError, VirtualFiles, check, open};

static INSTALLING: Mutex<()> = Mutex::new(());

/// The directory of `typescript@version`'s node_modules.
fn installed(version: &str) -> PathBuf {
    let _guard = INSTALLING.lock().unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let home = cache.join(format!("typescript-{version}"));
    if !home.exists() {
        let fresh = tempfile::tempdir_in(cache).unwrap();
        let done = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
            .arg(fresh.path())
            .arg(format!("typescript@{version}"))
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        // Another test binary may have been faster.
        let _ = fs::rename(fresh.path(), &home);
    }
    home.join("node_modules")
}

fn native_executable() -> PathBuf {
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let processor = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    installed("7.0.2").join(format!("@typescript/typescript-{system}-{processor}/lib/tsc"))
}

fn native() -> Compiler {
    Compiler::native("7.0.2", native_executable())
}

/// The same compiler by its command line.
fn native_command_line() -> Compiler {
    Compiler::native("7.0.2+command-line", native_executable())
}

fn script(version: &str) -> Compiler {
    let path = std::env::var_os("PATH").unwrap();
    let node = std::env::split_paths(&path).map(|directory| directory.join("node")).find(|node| node.exists());
    Compiler::script(version, &installed(version).join("typescript"), node)
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn write(root: &Path, name: &str, text: &str) {
    let file = root.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

const STRICT: &str = r#"{"compilerOptions": {"strict": true, "module": "nodenext", "target": "es2023", "lib": ["es2023"], "types": []}, "include": ["src"]}"#;

fn workspace(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    if files.iter().all(|(name, _)| *name != "tsconfig.json") {
        write(root.path(), "tsconfig.json", STRICT);
    }
    for (name, text) in files {
        write(root.path(), name, text);
    }
    root
}

fn try_check(
    compiler: &Compiler,
    system: Arc<dyn System>,
    root: &Path,
    overlay: &VirtualFiles,
    cancelled: &AtomicBool,
) -> Result<(Checked, Trace), TypecheckError> {
    let view = View::new(system);
    let project = path("tsconfig.json");
    let request = Request { compiler, project: &project, view: &view, overlay, root, cancelled };
    check(&request).map(|checked| (checked, view.trace()))
}

fn run(compiler: &Compiler, root: &Path, overlay: &VirtualFiles) -> (Checked, Trace) {
    let system = Arc::new(Os::new(root).unwrap());
    try_check(compiler, system, root, overlay, &AtomicBool::new(false)).unwrap()
}

fn run_native(files: &[(&str, &str)]) -> (Checked, Trace) {
    run(&native(), workspace(files).path(), &VirtualFiles::default())
}

/// One line a diagnostic, and indented what belongs to it.
fn shown(checked: &Checked) -> String {
    let mut text = String::new();
    let place = |file: Option<&RelPath>, span: Option<Span>| {
        let file = file.map_or("-".to_owned(), ToString::to_string);
        span.map_or(file.clone(), |span| format!("{file}:{}:{} [{}..{}]", span.line, span.column, span.start, span.end))
    };
    for found in &checked.diagnostics {
        let (severity, code) = (found.severity.as_str(), &found.code);
        writeln!(text, "{} {severity} {code} {}", place(found.file.as_ref(), found.span), found.message).unwrap();
        for line in found.notes.iter().flat_map(|note| note.lines()) {
            writeln!(text, "  note {line}").unwrap();
        }
        for other in &found.related {
            writeln!(text, "  see {} {}", place(other.file.as_ref(), other.span), other.message).unwrap();
        }
    }
    text
}

/// File, line and column (0 without a place), code and message of a diagnostic.
type Start = (String, u32, u32, String, String);

fn starts(checked: &Checked) -> Vec<Start> {
    let start = |span: Option<Span>| span.map_or((0, 0), |span| (span.line, span.column));
    let mut starts: Vec<_> = checked
        .diagnostics
        .iter()
        .map(|found| {
            let file = found.file.as_ref().map(ToString::to_string).unwrap_or_default();
            let (line, column) = start(found.span);
            (file, line, column, found.code.to_string(), found.message.clone())
        })
        .collect();
    starts.sort();
    starts
}

fn names(checked: &Checked) -> Vec<&str> {
    checked.files.iter().map(RelPath::as_str).collect()
}

#[test]
fn a_clean_project() {
    let (checked, trace) = run_native(&[
        ("src/a.ts", "export const a: number = 1;\n"),
        ("src/b.ts", "import { a } from './a.js';\nexport const b: number = a;\n"),
    ]);
    assert_eq!(shown(&checked), "");
    assert_eq!(names(&checked), ["src/a.ts", "src/b.ts"]);
    assert!(checked.hermetic);
    let content = |name: &str| {
        trace.iter().any(|(at, seen)| at.as_str() == name && matches!(seen, Observation::Content(Some(_))))
    };
    assert!(content("tsconfig.json") && content("src/a.ts") && content("src/b.ts"));
}

#[test]
fn spans_are_bytes_of_the_file() {
    let source = "\u{feff}// Übergröße 漢字 🙂\nconst größe = \"🙂\"; const zahl: number = größe;\nexport { zahl };\n";
    let (checked, _) = run_native(&[("src/a.ts", source)]);
    let found = &checked.diagnostics[0];
    let span = found.span.unwrap();
    assert_eq!((&*found.code, &source[span.start as usize..span.end as usize]), ("typecheck::ts2322", "zahl"));
    assert_eq!(span.start as usize, source.find("zahl").unwrap());
    assert_eq!((span.line, span.column), (2, 26));
    assert_eq!(checked.diagnostics.len(), 1);
}

#[test]
fn related_places_in_other_files() {
    let (checked, _) = run_native(&[
        ("src/shape.ts", "export interface Shape {\n  größe: number;\n  name: string;\n}\n"),
        (
            "src/use.ts",
            "import type { Shape } from './shape.js';\nexport const shape: Shape = { größe: 1 };\nexport const bad: Shape = { größe: 'x', name: '' };\n",
        ),
        ("src/lib.ts", "export const text = [1].map((x: string) => x);\nexport const list: ArrayLike<number> = {};\n"),
    ]);
    insta::assert_snapshot!(shown(&checked), @r#"
    src/lib.ts:1:29 [28..44] error typecheck::ts2345 Argument of type '(x: string) => string' is not assignable to parameter of type '(value: number, index: number, array: number[]) => string'.
      note Types of parameters 'x' and 'value' are incompatible.
      note   Type 'number' is not assignable to type 'string'.
    src/lib.ts:2:14 [60..64] error typecheck::ts2741 Property 'length' is missing in type '{}' but required in type 'ArrayLike<number>'.
      see - 'length' is declared here. (`lib.es5.d.ts`)
    src/use.ts:2:14 [54..59] error typecheck::ts2741 Property 'name' is missing in type '{ größe: number; }' but required in type 'Shape'.
      see src/shape.ts:3:3 [46..50] 'name' is declared here.
    src/use.ts:3:29 [113..120] error typecheck::ts2322 Type 'string' is not assignable to type 'number'.
      see src/shape.ts:2:3 [27..34] The expected type comes from property 'größe' which is declared here on type 'Shape'
    "#);
}

#[test]
fn chains_of_messages_are_one_note() {
    let (checked, _) = run_native(&[(
        "src/a.ts",
        "interface A { a: { b: string } }\nexport const f = (x: { a: { b: number } }): A => x;\n",
    )]);
    insta::assert_snapshot!(shown(&checked), @r#"
    src/a.ts:2:50 [82..83] error typecheck::ts2322 Type '{ a: { b: number; }; }' is not assignable to type 'A'.
      note The types of 'a.b' are incompatible between these types.
      note   Type 'number' is not assignable to type 'string'.
    "#);
}

#[test]
fn a_syntax_error_comes_alone() {
    let (checked, _) =
        run_native(&[("src/a.ts", "export const = 1;\n"), ("src/b.ts", "export const b: number = '';\n")]);
    insta::assert_snapshot!(shown(&checked), @r#"
    src/a.ts:1:14 [13..14] error typecheck::ts1134 Variable declaration expected.
    src/a.ts:1:16 [15..16] error typecheck::ts1134 Variable declaration expected.
    "#);
}

#[test]
fn errors_in_the_configuration_have_a_place() {
    let (checked, _) = run_native(&[
        (
            "tsconfig.json",
            "{\n  // größe\n  \"compilerOptions\": { \"strict\": true, \"lib\": [\"es2023\"], \"nope\": 1, \"types\": [\"absent\"] },\n  \"files\": [\"src/a.ts\"]\n}\n",
        ),
        ("src/a.ts", "export const a: number = '';\n"),
    ]);
    insta::assert_snapshot!(shown(&checked), @r#"
    tsconfig.json:3:59 [73..79] error typecheck::ts5023 Unknown compiler option 'nope'.
    tsconfig.json:3:80 [94..102] error typecheck::ts2688 Cannot find type definition file for 'absent'.
      note The file is in the program because:
      note   Entry point of type library 'absent' specified in compilerOptions
      see tsconfig.json:3:80 [94..102] File is entry point of type library specified here.
    "#);
    let (checked, _) = run_native(&[
        (
            "tsconfig.json",
            "{ \"compilerOptions\": { \"types\": [] }, \"include\": [\"src\"], \"größe\": 1, \"references\": 1, }",
        ),
        ("src/a.ts", ""),
    ]);
    insta::assert_snapshot!(shown(&checked), @r#"
    tsconfig.json:1:85 [86..87] error typecheck::ts5024 Compiler option 'references' requires a value of type Array.
    "#);
    let (checked, _) = run_native(&[
        ("tsconfig.json", "{ \"extends\": \"./absent.json\", \"compilerOptions\": { \"types\": [] } }"),
        ("a.ts", "export const a: number = '';"),
    ]);
    insta::assert_snapshot!(shown(&checked), @r#"
    a.ts:1:14 [13..14] error typecheck::ts2322 Type 'string' is not assignable to type 'number'.
    tsconfig.json error typecheck::ts5083 Cannot read file 'absent.json'.
    "#);
}

#[test]
fn nothing_is_said_about_outputs() {
    let project = r#"{"compilerOptions": {"allowJs": true, "allowImportingTsExtensions": true, "types": [], "lib": ["es2023"]}, "include": ["src"]}"#;
    let (checked, _) = run_native(&[
        ("tsconfig.json", project),
        ("src/a.js", "export const a = 1;\n"),
        ("src/b.ts", "import { a } from './a.js';\nimport './c.ts';\nexport const b: string = a;\n"),
        ("src/c.ts", "export {};\n"),
    ]);
    insta::assert_snapshot!(shown(&checked), @r#"
    src/b.ts:3:14 [58..59] error typecheck::ts2322 Type 'number' is not assignable to type 'string'.
    "#);
}

#[test]
fn a_module_that_is_missing() {
    let (checked, trace) =
        run_native(&[("src/a.ts", "import { x } from './x.js';\nimport y from 'y';\nexport { x, y };\n")]);
    insta::assert_snapshot!(shown(&checked), @r#"
    src/a.ts:1:19 [18..26] error typecheck::ts2307 Cannot find module './x.js' or its corresponding type declarations.
    src/a.ts:2:15 [42..45] error typecheck::ts2307 Cannot find module 'y' or its corresponding type declarations.
    "#);
    let absent = (path("src/x.ts"), Observation::Kind(PathKind::Absent));
    assert!(trace.contains(&absent), "{trace:#?}");
}

#[test]
fn an_extended_configuration() {
    let (checked, trace) = run_native(&[
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
            trace.iter().any(|(at, seen)| at.as_str() == name && matches!(seen, Observation::Content(Some(_)))),
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
    let (checked, trace) = run(&native(), root.path(), &VirtualFiles::default());
    insta::assert_snapshot!(shown(&checked), @r#"
    packages/core/src/index.ts:1:14 [13..17] error typecheck::ts2322 Type 'string' is not assignable to type 'number'.
    src/a.ts:3:14 [73..74] error typecheck::ts2322 Type 'number' is not assignable to type 'string'.
    src/a.ts:3:34 [93..94] error typecheck::ts2322 Type 'number' is not assignable to type 'string'.
    "#);
    assert_eq!(names(&checked), ["node_modules/pkg/types.d.ts", "packages/core/src/index.ts", "src/a.ts"]);
    let linked =
        (path("node_modules/@ws/core/src/index.ts"), Observation::RealPath(Some(path("packages/core/src/index.ts"))));
    assert!(trace.contains(&linked), "{trace:#?}");
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
    let (checked, trace) = run(&native(), &root, &VirtualFiles::default());
    insta::assert_snapshot!(shown(&checked), @r#"
    src/a.ts:1:22 [21..38] error typecheck::ts6053 File '../../secret.d.ts' not found.
    src/a.ts:2:23 [65..72] error typecheck::ts2307 Cannot find module 'stray' or its corresponding type declarations.
    "#);
    assert_eq!(names(&checked), ["src/a.ts"]);
    assert!(trace.iter().all(|(at, _)| !at.as_str().contains("..")));
    // The command line does see it, which is why it is not hermetic.
    let (checked, _) = run(&native_command_line(), &root, &VirtualFiles::default());
    assert!(shown(&checked).contains("typecheck::ts2322") && !checked.hermetic);
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
    let (checked, trace) = run(&native(), root.path(), &built_in_types());
    insta::assert_snapshot!(shown(&checked), @r#"
    src/a.ts:2:14 [79..85] error typecheck::ts2322 Type 'number' is not assignable to type 'string'.
    src/a.ts:2:36 [101..102] error typecheck::ts2345 Argument of type 'number' is not assignable to parameter of type 'string'.
    "#);
    assert_eq!(names(&checked), ["src/a.ts"]);
    let name = "node_modules/@webstir-io/webstir-backend";
    let absent = |name: &str| trace.contains(&(path(name), Observation::Kind(PathKind::Absent)));
    assert!(absent(name) && absent(&format!("{name}/package.json")));
    let is_ours = |seen: &Observation| matches!(seen, Observation::Content(Some(_)) | Observation::Entries(Some(_)));
    assert!(trace.iter().all(|(at, seen)| !at.as_str().starts_with(name) || !is_ours(seen)));

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
fn the_trace_holds_what_was_missed() {
    let root = workspace(&[
        ("src/a.ts", "import { b } from './b.js';\nexport const a: number = b;\n"),
        ("src/b.d.ts", "export declare const b: number;\n"),
    ]);
    let overlay = VirtualFiles::default();
    let (checked, before) = run(&native(), root.path(), &overlay);
    assert_eq!(shown(&checked), "");
    let missed = (path("src/b.ts"), Observation::Kind(PathKind::Absent));
    assert!(before.contains(&missed), "{before:#?}");
    write(root.path(), "src/b.ts", "export const b = 'text';\n");
    let (checked, after) = run(&native(), root.path(), &overlay);
    assert!(shown(&checked).contains("typecheck::ts2322"));
    assert!(!after.contains(&missed));
}

#[test]
fn the_trace_is_complete_before_the_check() {
    let root = workspace(&[("src/a.ts", "import x from 'x';\nexport const a: number = [1].at(0);\n")]);
    let (compiler, project, overlay) = (native(), path("tsconfig.json"), VirtualFiles::default());
    let view = View::new(Arc::new(Os::new(root.path()).unwrap()));
    let cancelled = AtomicBool::new(false);
    let opened = open(&Request {
        compiler: &compiler,
        project: &project,
        view: &view,
        overlay: &overlay,
        root: root.path(),
        cancelled: &cancelled,
    })
    .unwrap();
    let before = view.trace();
    assert_eq!(opened.files(), [path("src/a.ts")]);
    assert_eq!(opened.diagnostics().unwrap().diagnostics.len(), 2);
    assert_eq!(view.trace(), before);
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
    let (first, first_trace) = run_native(&files);
    let (second, second_trace) = run(&native(), &elsewhere, &VirtualFiles::default());
    assert!(first.diagnostics.len() > 3, "{}", shown(&first));
    assert_eq!(first, second);
    assert_eq!(first_trace, second_trace);
    let memory = Memory::with_files(&files);
    memory.write("tsconfig.json", STRICT);
    let (third, third_trace) =
        try_check(&native(), Arc::new(memory), Path::new("/"), &VirtualFiles::default(), &AtomicBool::new(false))
            .unwrap();
    assert_eq!(first, third);
    assert_eq!(first_trace, third_trace);
}

const LOOSE: &str = r#"{"compilerOptions": {"types": ["gone"], "lib": ["es2023"], "strict": true}, "files": ["a.ts"]}"#;

#[test]
fn the_api_and_the_command_line_agree() {
    let projects: &[&[(&str, &str)]] = &[
        &[
            (
                "src/a.ts",
                "\u{feff}const ä = '🙂'; export const n: number = ä;\nfunction f(x: string): void;\nfunction f(x: number): void;\nfunction f(x: any) {}\nf(true);\n",
            ),
            (
                "src/b.ts",
                "import { a } from './a.js';\nexport default class { x = 1; x = '2'; private y = this.z }\nlabel: label: for (;;) {}\n",
            ),
            (
                "src/c.cts",
                "export = { a: 1 };\nlet a: typeof import('./b.ts', {with: {'resolution-mode': 'import'}}) = 1; with (a) {}\n",
            ),
        ],
        &[("tsconfig.json", LOOSE), ("a.ts", "export const a: number = '';\n")],
        &[
            (
                "tsconfig.json",
                "{\"compilerOptions\": {\"allowJs\": true, \"checkJs\": true, \"declaration\": true, \"isolatedDeclarations\": false, \"types\": [], \"lib\": [\"es2023\"], \"outDir\": \"out\", \"rootDir\": \".\",},\n \"exclude\": [\"out\"], \"nope\": true, /* ü */ \"compileOnSave\": 1 }",
            ),
            (
                "a.js",
                "/** @type {number} */\nexport const x = 'é';\nexport const y = new (class { #p = 1; get q() { return this.#r } })();\n",
            ),
            (
                "b.ts",
                "import { x } from './a.js';\nexport const z: string = x; interface I { a: I2 }\nexport const { ...rest } = { a: 1 as unknown as I };\n",
            ),
        ],
        &[
            ("tsconfig.json", r#"{"compilerOptions": {"noLib": true, "types": []}}"#),
            (
                "lib.ts",
                "interface Array<T> {} interface Boolean {} interface CallableFunction {} interface Function {} interface IArguments {} interface NewableFunction {} interface Number {} interface Object {} interface RegExp {} interface String {}\nfunction* g() { yield 1; }\n",
            ),
            ("user.ts", "const z: number = '';\n"),
        ],
        &[
            ("tsconfig.json", r#"{"extends": "./absent.json", "compilerOptions": {"types": [], "lib": ["es2023"]}}"#),
            ("a.ts", "export const a: number = '';\n"),
        ],
        &[
            ("tsconfig.json", r#"{"extends": "./absent.json", "compilerOptions": {"noLib": true}}"#),
            ("a.ts", "export const a: number = '';\n"),
        ],
        &[("src/a.ts", "export const a = `${;\nlet let = 1\n"), ("src/b.ts", "const x: number = '';")],
        &[
            (
                "tsconfig.json",
                r#"{"compilerOptions": {"composite": true, "isolatedDeclarations": true, "types": [], "lib": ["es2023"]}}"#,
            ),
            ("a.ts", "export const a = f();\nfunction f() { return 1 }\n"),
        ],
    ];
    for files in projects {
        let root = workspace(files);
        let (by_api, _) = run(&native(), root.path(), &VirtualFiles::default());
        let (by_line, _) = run(&native_command_line(), root.path(), &VirtualFiles::default());
        assert!(!by_api.diagnostics.is_empty());
        let (api, line) = (starts(&by_api), starts(&by_line));
        let findings = |starts: &[Start]| -> Vec<_> {
            let mut findings: Vec<_> =
                starts.iter().map(|(file, _, _, code, text)| (file.clone(), code.clone(), text.clone())).collect();
            findings.sort();
            findings
        };
        assert_eq!(findings(&api), findings(&line), "{files:#?}");
        for start in line.iter().filter(|(_, line, ..)| *line > 0) {
            assert!(api.contains(start), "{start:?} in {api:#?}");
        }
        assert_eq!(by_api.files, by_line.files);
    }
}

#[test]
fn older_compilers_by_their_command_line() {
    let source = "\u{feff}const größe = \"🙂\"; export const zahl: number = größe;\nexport const s: { a: string } = { a: 1 as number };\nexport const t: { a: { b: 1 } } = {} as { a: { b: 2 } };\n";
    for version in ["5.9.3", "6.0.3"] {
        let root = workspace(&[
            ("src/a.ts", source),
            ("src/b.ts", "import '../lib/c.js';\n"),
            ("lib/c.ts", "export {};\n"),
            ("package.json", r#"{"type": "module"}"#),
        ]);
        write(root.path(), "tsconfig.json", &STRICT.replace("\"strict\"", "\"incremental\": true, \"strict\""));
        let overlay = VirtualFiles::default();
        let (checked, trace) = run(&script(version), root.path(), &overlay);
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown(&checked), @r#"
            src/a.ts:1:33 [40..44] error typecheck::ts2322 Type 'string' is not assignable to type 'number'.
            src/a.ts:2:35 [98..99] error typecheck::ts2322 Type 'number' is not assignable to type 'string'.
            src/a.ts:3:14 [129..130] error typecheck::ts2322 Type '{ a: { b: 2; }; }' is not assignable to type '{ a: { b: 1; }; }'.
              note The types of 'a.b' are incompatible between these types.
              note   Type '2' is not assignable to type '1'.
            "#);
        }
        assert_eq!(names(&checked), ["lib/c.ts", "src/a.ts", "src/b.ts"]);
        assert!(!checked.hermetic);
        for (name, exists) in [
            ("src/a.ts", true),
            ("lib/c.ts", true),
            ("tsconfig.json", true),
            ("package.json", true),
            ("src/package.json", false),
        ] {
            let seen = trace.iter().any(|(at, seen)| {
                at.as_str() == name && matches!(seen, Observation::Content(digest) if digest.is_some() == exists)
            });
            assert!(seen, "{name} in {trace:#?}");
        }
        let (_, again) = run(&script(version), root.path(), &overlay);
        assert_eq!(trace, again);
        write(root.path(), "src/new.ts", "");
        let (_, with_a_file) = run(&script(version), root.path(), &overlay);
        assert_ne!(trace, with_a_file);
        // Nothing was written beside the sources.
        let mut left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["lib", "package.json", "src", "tsconfig.json"]);
    }
}

#[test]
fn an_older_compiler_needs_node() {
    let root = workspace(&[("src/a.ts", "")]);
    let compiler = Compiler::script("5.9.3", Path::new("typescript"), None);
    let system = Arc::new(Os::new(root.path()).unwrap());
    let result = try_check(&compiler, system, root.path(), &VirtualFiles::default(), &AtomicBool::new(false));
    assert!(matches!(result, Err(TypecheckError::NeedsNode { version }) if version == "5.9.3"));
}

/// Sets the flag as soon as a source is read, and notes which children the reading thread has then.
#[derive(Debug)]
struct CancelledWhileReading<'a> {
    inner: Os,
    cancelled: &'a AtomicBool,
    children: Mutex<String>,
}

impl System for CancelledWhileReading<'static> {
    fn kind(&self, path: &RelPath) -> io::Result<PathKind> {
        self.inner.kind(path)
    }
    fn read(&self, path: &RelPath) -> io::Result<Vec<u8>> {
        if path.extension() == "ts" {
            self.cancelled.store(true, Ordering::Relaxed);
            *self.children.lock().unwrap() = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
        }
        self.inner.read(path)
    }
    fn list(&self, path: &RelPath) -> io::Result<Listing> {
        self.inner.list(path)
    }
    fn real_path(&self, path: &RelPath) -> io::Result<Option<RelPath>> {
        self.inner.real_path(path)
    }
}

#[test]
#[cfg(target_os = "linux")]
fn cancellation_ends_the_compiler() {
    static CANCELLED: AtomicBool = AtomicBool::new(false);
    let root = workspace(&[("src/a.ts", "export const a = 1;\n")]);
    let system = Arc::new(CancelledWhileReading {
        inner: Os::new(root.path()).unwrap(),
        cancelled: &CANCELLED,
        children: Mutex::default(),
    });
    let result = try_check(&native(), system.clone(), root.path(), &VirtualFiles::default(), &CANCELLED);
    assert!(matches!(result, Err(TypecheckError::Cancelled)), "{result:?}");
    let children = system.children.lock().unwrap();
    let compiler: u32 = children.trim().parse().unwrap();
    assert!(!Path::new(&format!("/proc/{compiler}")).exists());
}

/// A stand-in that misbehaves. Written by another process: a file that this one has open for writing cannot be run.
fn stand_in(directory: &Path, text: &str) -> Compiler {
    let file = directory.join("tsc");
    let mut shell = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod +x \"$0\""])
        .arg(&file)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    io::Write::write_all(&mut shell.stdin.take().unwrap(), text.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
    Compiler::native("7.0.2", file)
}

fn run_stand_in(text: &str) -> TypecheckError {
    let directory = tempfile::tempdir().unwrap();
    let compiler = stand_in(directory.path(), text);
    let root = workspace(&[("src/a.ts", "")]);
    let system = Arc::new(Os::new(root.path()).unwrap());
    try_check(&compiler, system, root.path(), &VirtualFiles::default(), &AtomicBool::new(false)).unwrap_err()
}

#[test]
fn a_compiler_that_prints_garbage() {
    let error = run_stand_in("#!/bin/sh\necho 'panic: bundled' >&2\necho 'not a header'\nexec sleep 1000\n");
    assert!(matches!(&error, TypecheckError::Protocol { source: ProtocolError::Header(_), .. }), "{error:?}");
    let error = run_stand_in("#!/bin/sh\nprintf 'Content-Length: 4\\r\\n\\r\\nnull'\nexec sleep 1000\n");
    assert!(matches!(&error, TypecheckError::Protocol { source: ProtocolError::Message(_), .. }), "{error:?}");
    let error = run_stand_in("#!/bin/sh\nyes x\n");
    assert!(matches!(&error, TypecheckError::Protocol { .. }), "{error:?}");
}

#[test]
fn a_compiler_that_ends_at_once() {
    let error = run_stand_in("#!/bin/sh\nyes 'much to say' | head -c 300000 >&2\necho 'panic: the end' >&2\nexit 3\n");
    let TypecheckError::Ended { status, stderr } = &error else { panic!("{error:?}") };
    assert_eq!(status, "exit status: 3");
    assert!(stderr.ends_with("much to say\npanic: the end") || stderr.ends_with("panic: the end"), "{stderr}");
    assert!(stderr.len() <= 8 << 10);
    assert!(error.to_string().contains("panic: the end"));
}

#[test]
fn a_compiler_that_is_not_there() {
    let root = workspace(&[("src/a.ts", "")]);
    let system = Arc::new(Os::new(root.path()).unwrap());
    let compiler = Compiler::native("7.0.2", root.path().join("tsc"));
    let result = try_check(&compiler, system, root.path(), &VirtualFiles::default(), &AtomicBool::new(false));
    assert!(matches!(result, Err(TypecheckError::Start { .. })), "{result:?}");
}

#[test]
fn a_compiler_that_never_answers_is_killed_with_its_children() {
    let directory = tempfile::tempdir().unwrap();
    let pids = directory.path().join("pids");
    let text = format!("#!/bin/sh\nsleep 1000 &\necho $$ $! > '{0}.new'\nmv '{0}.new' '{0}'\nwait\n", pids.display());
    let compiler = stand_in(directory.path(), &text);
    let root = workspace(&[("src/a.ts", "")]);
    let system = Arc::new(Os::new(root.path()).unwrap());
    let cancelled = AtomicBool::new(false);
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !pids.exists() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            cancelled.store(true, Ordering::Relaxed);
        });
        try_check(&compiler, system, root.path(), &VirtualFiles::default(), &cancelled)
    });
    assert!(matches!(result, Err(TypecheckError::Cancelled)), "{result:?}");
    for pid in fs::read_to_string(&pids).unwrap().split_whitespace() {
        // The orphan is reaped by the init process, some time after the kill.
        while is_running(pid) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

fn is_running(pid: &str) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap().stdout;
    !state.is_empty() && !state.starts_with(b"Z")
}
