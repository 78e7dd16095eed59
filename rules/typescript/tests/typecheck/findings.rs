//! What the compiler says, and where.

use crate::tools::*;
use webstir_engine::discovered::DiscoveredInput;

#[test]
fn a_clean_project() {
    let (checked, discovered) = run_native(&[
        ("src/a.ts", "export const a: number = 1;\n"),
        ("src/b.ts", "import { a } from './a.js';\nexport const b: number = a;\n"),
    ]);
    assert_eq!(shown(&checked), "");
    assert_eq!(names(&checked), ["src/a.ts", "src/b.ts"]);
    let content = |name: &str| {
        discovered.iter().any(|(at, seen)| at.as_str() == name && matches!(seen, DiscoveredInput::Content(Some(_))))
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
