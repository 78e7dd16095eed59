//! What the output looks like where Node alone does not tell.

use std::collections::BTreeMap;

use serde_json::json;
use webstir_typescript::source::ImportKind;
use webstir_typescript::transpile::{ImportRequire, Options};
use webstir_typescript::tsconfig::{EmitOptions, Jsx};

use crate::tools::{code, compiler_options, emit, emit_with, options, run_code};

#[test]
fn comments() {
    let text = "#!/usr/bin/env node\n// gone\n/*! legal first */\nimport type { T } from './t';\n/** doc, gone */\nexport const a = /* @__PURE__ */ f(/* gone */ 1);\n/* @license MIT */\nexport const b = 2; // trailing, gone\n/// <reference types=\"node\" />\n//# sourceMappingURL=old.js.map\n";
    insta::assert_snapshot!(code("a.ts", text), @r#"
    #!/usr/bin/env node
    /*! legal first */ export const a = /* @__PURE__ */ f(1);
    /* @license MIT */ export const b = 2;
    "#);
}

#[test]
fn definitions() {
    let text = "if (process.env.NODE_ENV === 'production') a(); else b();\n\
        const o = { process: 1, NODE_ENV: process.env['NODE_ENV'], x: process?.env?.NODE_ENV };\n\
        function f(process: any) { return process.env.NODE_ENV }\n\
        process.env.NODE_ENV = 'x'; delete process.env.NODE_ENV; x.process.env.NODE_ENV; process.env.OTHER;\n\
        console.log(DEBUG, { DEBUG }, `${process.env.NODE_ENV!}`, typeof DEBUG);";
    let define = [("process.env.NODE_ENV", "\"production\""), ("DEBUG", "false")];
    let define = define.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    insta::assert_snapshot!(emit_with("a.ts", text, &Options { define, ..options(EmitOptions::default()) }).code, @r#"
    if ("production" === 'production') a();
    else b();
    const o = {
        process: 1,
        NODE_ENV: "production",
        x: "production"
    };
    function f(process) {
        return process.env.NODE_ENV;
    }
    process.env.NODE_ENV = 'x';
    delete process.env.NODE_ENV;
    x.process.env.NODE_ENV;
    process.env.OTHER;
    console.log(false, {
        DEBUG: false
    }, `${"production"}`, typeof false);
    "#);
}

#[test]
fn what_is_only_declared_is_defined_by_the_definition() {
    let text = "declare const WORD: string; declare const process: { env: { A: string } };\n\
        export const a = WORD + process.env.A; const f = (WORD: string) => WORD; f(a);";
    let define = [("WORD", "\"word\""), ("process.env.A", "\"a\"")];
    let define = define.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    insta::assert_snapshot!(emit_with("a.ts", text, &Options { define, ..options(EmitOptions::default()) }).code, @r#"
    export const a = "word" + "a";
    const f = (WORD)=>WORD;
    f(a);
    "#);
}

#[test]
fn a_definition_that_is_no_expression() {
    for value in ["1 +", "", "a; b", "1 2"] {
        let define = BTreeMap::from([("A".to_owned(), value.to_owned())]);
        let source = webstir_typescript::transpile::Source { path: &crate::tools::path("a.ts"), text: "A" };
        let found =
            webstir_typescript::transpile::transpile(source, &Options { define, ..options(EmitOptions::default()) });
        assert_eq!(found.unwrap_err()[0].code, "transpile::define", "{value}");
    }
}

#[test]
fn specifiers() {
    let text = "import a from './a'; export { b } from './b'; export * from './c'; const d = await import('./d'); import(`./e`); import(x); require('./f'); function g(require: any) { require('./g') } a; import h = require('./h'); h; import json from './j.json' with { type: 'json' }; json; import('./j.json', { with: { type: 'json' } }); import keep from 'keep'; keep;";
    let rewrite = |specifier: &str, kind: ImportKind| {
        let extension = if kind == ImportKind::Require { "cjs" } else { "js" };
        specifier.strip_prefix("./").map(|rest| format!("./out/{rest}.{extension}"))
    };
    let emitted = emit_with("a.ts", text, &Options { rewrite: &rewrite, ..options(EmitOptions::default()) });
    insta::assert_snapshot!(emitted.code, @r#"
    import { createRequire as _createRequire } from "module";
    const __require = _createRequire(import.meta.url);
    import a from "./out/a.js";
    export { b } from "./out/b.js";
    export * from "./out/c.js";
    const d = await import("./out/d.js");
    import("./out/e.js");
    import(x);
    require("./out/f.cjs");
    function g(require1) {
        require1('./g');
    }
    a;
    const h = __require("./out/h.cjs");
    h;
    import json from "./out/j.json.js";
    json;
    import("./out/j.json.js");
    import keep from 'keep';
    keep;
    "#);
    let bare = Options { rewrite: &rewrite, import_require: ImportRequire::Bare, ..options(EmitOptions::default()) };
    insta::assert_snapshot!(emit_with("a.ts", "import h = require('./h'); h; export {}", &bare).code, @r#"
    const h = require("./out/h.cjs");
    h;
    export { };
    "#);
}

#[test]
fn exported_requires() {
    let text = "export import h = require('./h');";
    let node = emit_with("a.ts", text, &options(EmitOptions::default()));
    assert!(node.code.contains("export const h = __require('./h');"), "{}", node.code);
    let bare = Options { import_require: ImportRequire::Bare, ..options(EmitOptions::default()) };
    let source = webstir_typescript::transpile::Source { path: &crate::tools::path("a.ts"), text };
    let found = webstir_typescript::transpile::transpile(source, &bare).unwrap_err();
    assert_eq!(found[0].help.as_deref(), Some("Write `export * as h from \"./h\"`"));
}

#[test]
fn json_modules() {
    let emitted = emit("a.json", "\u{feff}{ \"__proto__\": { \"x\": -0 }, \"n\": 12345678901234567890 }\n").unwrap();
    assert_eq!(
        emitted.code,
        "export const n = 12345678901234567890;\nexport default { [\"__proto__\"]: { \"x\": -0 }, n };\n"
    );
    let check = emitted.code.replace("export default", "const v =")
        + "console.log(Object.keys(v).join(), Object.is(v.__proto__.x, -0), Object.getPrototypeOf(v) === Object.prototype);";
    assert_eq!(run_code(&check), "__proto__,n true true");
    let found = emit("dir/a.json", "{\n  \"ä\": 1,\n}").unwrap_err();
    assert_eq!((found[0].span.unwrap().line, found[0].span.unwrap().column), (3, 1));
    assert_eq!(found[0].message, "Expected a key in double quotes");
}

#[test]
fn jsx_stays_when_it_is_asked_for() {
    let preserve = EmitOptions { jsx: Jsx::Preserve, ..EmitOptions::default() };
    let text =
        "import React from 'react'; import type { P } from './p'; export const x = (p: P) => <a b={p as any}>text</a>;";
    insta::assert_snapshot!(emit_with("a.tsx", text, &options(preserve)).code, @r"
    import React from 'react';
    export const x = (p)=><a b={p}>text</a>;
    ");
}

#[test]
fn a_replaced_class_knows_itself() {
    // TypeScript forgets about shorthand properties and shares one name among all rounds of a loop.
    let text = "const replace = (target: any): any => class extends target { static replaced = true };\n\
        @replace class A { shorthand() { return { A } } }\nconst made: any[] = [];\n\
        for (const i of [0, 1]) { @replace class B { static self() { return B } } made.push(B) }\n\
        console.log((new A() as any).shorthand().A === A, made.map((each) => each.self() === each).join());\n";
    let legacy = options(compiler_options(&json!({ "experimentalDecorators": true, "target": "es2022" }), None));
    assert_eq!(run_code(&emit_with("a.ts", text, &legacy).code), "true true,true");
}

#[test]
fn declarations_are_empty() {
    assert_eq!(code("a.d.ts", "export declare const x: number;"), "export {};\n");
    assert_eq!(code("d.ts", "export const x = 1;"), "export const x = 1;\n");
}

#[test]
fn private_names_and_fields_stay_native_where_they_can() {
    let text = "class A { #x = 1; static s = 2; y = 3; static { this.s } z? .m }"
        .replace("z? .m", "m() { return this.#x ?? 1 }");
    let target =
        |name: &str| emit_with("a.ts", &text, &options(compiler_options(&json!({ "target": name }), None))).code;
    assert!(target("es2022").contains("#x = 1") && target("es2022").contains("static s = 2"));
    assert!(!target("es2021").contains("#x") && target("es2021").contains("??"));
    assert!(!target("es2019").contains("??"));
}

fn error(file: &str, text: &str) -> String {
    let found = emit(file, text).unwrap_err();
    let each = found.iter().map(|finding| {
        let span = finding.span.unwrap();
        let place = &text[span.start as usize..span.end as usize];
        let help = finding.help.as_deref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{} {}:{} `{place}` {}{help}", finding.code, span.line, span.column, finding.message)
    });
    each.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_cannot_be_expressed_is_an_error() {
    insta::assert_snapshot!(error("a.ts", "const x = 1;\nexport = x;"), @"transpile::unsupported 2:1 `export = x;` Export assignment cannot be used when targeting ECMAScript modules. Consider using `export default` or another module format instead");
}

#[test]
fn t16_blocks_of_a_namespace_see_what_the_others_export() {
    let text = "namespace N { export let x = 1; let own = 2 }\n\
                namespace N { export const z = x + own; const x2 = 1; function f(x: number) { return x } x: for (;;) break x; }\n";
    let code = emit("a.ts", text).unwrap().code;
    assert!(code.contains("N.z = N.x + own;") && code.contains("return x;") && code.contains("break x;"), "{code}");
    let text = "namespace A.B { export const q = 1 }\nnamespace A { export namespace B { console.log(q) } }\n\
                namespace A { B.q; ({ q: 1 }).q; enum E { q } }\n";
    let code = emit("a.ts", text).unwrap().code;
    assert!(code.contains("console.log(A.B.q)") && code.contains("    A.B.q;") && code.contains("q: 1"), "{code}");
}

#[test]
fn t16_helpers_keep_their_names_together() {
    let text = "const _SuppressedError = 1, desc = 2, env = 3;\n\
                export function f() { using a = g(); using b = g(); return [_SuppressedError, desc, env]; }\ndeclare function g(): Disposable;\n";
    let code = emit("a.ts", text).unwrap().code;
    let helper: Vec<&str> = code
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| word.contains("SuppressedError"))
        .collect();
    let declared = helper[0];
    assert!(code.contains(&format!("var {declared} = typeof SuppressedError")), "{code}");
    assert!(code.contains(&format!("new {declared}(")), "{code}");
}

#[test]
fn syntax_errors_are_placed() {
    insta::assert_snapshot!(error("a.ts", "const ok = 1;\nconst = 2;"), @"transpile::syntax 2:7 `=` Unexpected token `=`. Expected yield, an identifier, [ or {");
    insta::assert_snapshot!(error("a.ts", "\u{feff}const é = '🙂'; let x = ;"), @"transpile::syntax 1:24 `;` Expression expected");
    insta::assert_snapshot!(error("a.ts", "let a = 1; let a = 2;\nfunction f() { 08; with (a) {} }\nclass C { constructor() {} constructor() {} }"), @r"
    transpile::syntax 2:16 `08` Legacy decimal escape is not permitted in strict mode
    transpile::syntax 2:20 `with` The 'with' statement is not supported. All symbols in a 'with' block will have type 'any'
    transpile::syntax 2:20 `with` With statement are not allowed in strict mode
    transpile::syntax 3:28 `constructor() {}` A class can only have one constructor
    ");
    insta::assert_snapshot!(error("a.ts", "function f() {\n  return 1;\n"), @"transpile::syntax 3:1 `` Expected '}', got '<eof>'");
    insta::assert_snapshot!(error("a.tsx", "const x = <a><b></a>;"), @"transpile::syntax 1:21 `;` Expected '</', got 'jsx text'");
    insta::assert_snapshot!(error("a.txt", "x"), @"transpile::syntax 1:1 `` `a.txt` is neither TypeScript nor JavaScript nor JSON");
    insta::assert_snapshot!(error("a.ts", "const s = 'abc\nconst t = 1;"), @"transpile::syntax 1:11 `'abc` Unterminated string constant");
}
