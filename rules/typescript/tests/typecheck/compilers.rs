//! The API beside the command line, and older compilers.

use crate::tools::*;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use webstir_engine::discovered::DiscoveredInput;
use webstir_engine::system::Os;
use webstir_typescript::typecheck::{Compiler, TypecheckError, VirtualFiles};

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
        let (checked, discovered) = run(&script(version), root.path(), &overlay);
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
            let seen = discovered.iter().any(|(at, seen)| {
                at.as_str() == name && matches!(seen, DiscoveredInput::Content(digest) if digest.is_some() == exists)
            });
            assert!(seen, "{name} in {discovered:#?}");
        }
        let (_, again) = run(&script(version), root.path(), &overlay);
        assert_eq!(discovered, again);
        write(root.path(), "src/new.ts", "");
        let (_, with_a_file) = run(&script(version), root.path(), &overlay);
        assert_ne!(discovered, with_a_file);
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
