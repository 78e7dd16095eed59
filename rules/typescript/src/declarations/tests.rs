use proptest::prelude::*;

use super::*;

fn of(name: &str, text: &str) -> Result<String, Vec<Gap>> {
    declarations(&RelPath::new(name).unwrap(), text)
}

fn shown(text: &str) -> String {
    of("a.ts", text).unwrap_or_else(|gaps| format!("{gaps:?}"))
}

fn gaps(text: &str) -> Vec<String> {
    let gaps = of("a.ts", text).unwrap_err();
    gaps.iter().map(|gap| format!("{}: {}", &text[gap.start as usize..gap.end as usize], gap.message)).collect()
}

#[test]
fn a_body_and_a_comment_are_no_part_of_it() {
    let before = "/** Doc */\nexport function f(a: number): number { return a; }\n";
    let after = "export function f(a: number): number { const b = a + 1; /* b */ return b; }\n";
    assert_eq!(shown(before), "export declare function f(a: number): number;\n");
    assert_eq!(shown(before), shown(after));
}

#[test]
fn what_is_not_named_any_more_is_still_loaded() {
    assert_eq!(
        shown(
            "/// <reference types=\"node\" />\n// plain\nimport { a, type T } from './a.js';\nimport './b.js';\nimport type { D } from './d.js';\nexport function f(t: T): void { a(t); void import('./c.js'); let d: import('./e.js').E; }\n"
        ),
        "/// <reference types=\"node\" />\nimport { type T } from './a.js';\nimport './b.js';\nexport declare function f(t: T): void;\nimport './d.js';\nimport(\"./c.js\");\nimport(\"./e.js\");\n"
    );
}

#[test]
fn an_enum_stays_one() {
    assert_eq!(
        shown("export const enum Flag { A = 1 << 0, B = 1 << 1, Both = A | B }\n"),
        "export const enum Flag {\n    A = 1,\n    B = 2,\n    Both = 3\n}\n"
    );
}

#[test]
fn what_only_inference_tells_is_a_gap() {
    assert_eq!(gaps("export const a = f();\n"), ["a: Variable must have an explicit type annotation"]);
    assert_eq!(
        gaps("export function f(a: boolean) { if (a) return 1; }\n"),
        ["f: Function must have an explicit return type annotation"]
    );
    assert_eq!(gaps("export default 42;\n"), ["42: Default exports can't be inferred"]);
    for text in [
        "export const a = { kind: 'a' } satisfies T;",
        "export class A { accessor a = 1; }",
        "export class A { readonly a = { b: 1 }; }",
        "export function f(a = null): void {}",
        "export let a = undefined;",
        "export const [a, b] = [1, 2];",
        "export function f(): void {}\nf.a = 1;",
        "export class A extends mixin(B) {}",
        "export enum E { A = other }",
    ] {
        assert!(!gaps(text).is_empty(), "{text}");
    }
}

#[test]
fn what_is_not_exported_has_no_gaps() {
    assert_eq!(
        shown("const a = f() satisfies T;\nfunction f() { return g; }\nexport const b: number = a;\n"),
        "export declare const b: number;\n"
    );
}

#[test]
fn what_is_no_module_has_no_declarations() {
    for (name, text) in [
        ("a.ts", "declare const a: number;"),
        ("a.d.ts", "export declare const a: number;"),
        ("a.js", "export const a = 1;"),
        ("a.json", "{}"),
        ("a.css", ""),
        ("a.ts", "export const = 1;"),
        ("a.ts", "export declare enum E { A }"),
        ("a.ts", "export namespace N { export const enum E { A } }"),
        ("a.ts", "export namespace N { export type T = 1 } export import A = N;"),
    ] {
        assert_eq!(of(name, text), Err(Vec::new()), "{name}: {text}");
    }
}

#[test]
fn depth_is_bounded() {
    for (open, close) in [("[", "]"), ("{ a: ", "}"), ("(", ")"), ("Array<", ">"), ("A extends B ? ", " : C")] {
        for depth in [1_500, 20_000] {
            let text = format!("export type T = {}D{};\n", open.repeat(depth), close.repeat(depth));
            let _ = of("a.ts", &text);
            let text = format!("export const a: T = {}1{};\n", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(of("a.ts", &text).is_ok(), depth == 1_500);
        }
    }
}

/// Pieces of modules, so that some of what they make up parses.
fn piece() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "export ",
        "default ",
        "declare ",
        "const ",
        "let a",
        "a",
        "T",
        "= ",
        "1",
        "'x'",
        "class A ",
        "{",
        "}",
        "(",
        ")",
        ": ",
        "number",
        ";",
        "\n",
        "import ",
        "from ",
        "=> ",
        "return ",
        "enum E ",
        "namespace N ",
        "interface I ",
        "@d ",
        "static ",
        "private ",
        "#p",
        "get ",
        "set ",
        "<T>",
        "as const",
        "satisfies T",
        "/* c */",
        "abstract ",
        "type ",
        "function f",
        "async ",
        "*",
        "...",
        "[",
        "]",
        ",",
        "`t`",
        "extends ",
        "global ",
        "\u{feff}",
        "ä",
        "accessor ",
    ];
    prop_oneof![proptest::sample::select(WORDS).prop_map(str::to_owned), ".{0,3}"]
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(pieces in prop::collection::vec(piece(), 0..40), tsx: bool) {
        let text = pieces.concat();
        let name = if tsx { "a.tsx" } else { "a.ts" };
        match of(name, &text) {
            Ok(text) => prop_assert!(ParsedModule::parse(&RelPath::new(name).unwrap(), &text).is_ok(), "{text}"),
            Err(gaps) => for gap in gaps {
                prop_assert!(gap.start <= gap.end && gap.end as usize <= text.len());
            },
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = DECLARATIONS.apply(&RelPath::new("a.ts").unwrap(), &bytes);
    }
}
