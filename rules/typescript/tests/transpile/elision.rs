//! Which imports stay, compared with TypeScript, and that facts know it beforehand.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use webstir_typescript::source::{Facts, ImportKind};

use crate::tools::{compiler_options, emit_with, options, path, tsc};

const MODULES: &[(&str, &str)] = &[
    (
        "type_only.ts",
        "import type { A } from './a'; import type B from './b'; import type * as C from './c'; let x: A | B | C.X;",
    ),
    ("inline.ts", "import { type A, type B } from './a'; import { type C, d } from './c'; d; let x: A;"),
    (
        "unused.ts",
        "import a from './a'; import { b } from './b'; import * as c from './c'; import './effect'; export {};",
    ),
    ("as_type.ts", "import { A } from './a'; import { B } from './b'; let x: A = B; type T = typeof A;"),
    ("shadowed.ts", "import { A } from './a'; function f(A: number) { return A } f(1); export {}"),
    ("shadowed_block.ts", "import { A } from './a'; { const A = 1; A } let x: A;"),
    ("mixed.ts", "import D, { A, B as C } from './a'; C; let x: A;"),
    ("namespace_use.ts", "import * as ns from './a'; import * as types from './b'; ns.x; let y: types.T;"),
    ("extends.ts", "import { Base, I } from './a'; import { J } from './b'; class X extends Base<I> implements J {}"),
    (
        "reexport.ts",
        "export { a } from './a'; export { type B } from './b'; export type { C } from './c'; export * from './d'; export type * from './e'; export * as ns from './f'; export type * as gs from './g'; export { default } from './h';",
    ),
    (
        "local_reexport.ts",
        "import { A } from './a'; import type { B } from './b'; import { C } from './c'; export { A }; export type { B, C };",
    ),
    ("export_default.ts", "import A from './a'; export default A;"),
    ("export_default_type.ts", "import type A from './a'; interface I {} export default I;"),
    ("shorthand.ts", "import { a, b } from './a'; import { c } from './c'; console.log({ a, c: 1 });"),
    ("enum_use.ts", "import { E } from './e'; import { F } from './f'; const x = E.A; let y: F.B;"),
    (
        "as_cast.ts",
        "import { T } from './t'; import { v } from './v'; const x = v as T; const y = <T>v; const z = v satisfies T;",
    ),
    ("generic_args.ts", "import { T } from './t'; import { f } from './f'; f<T>(); new Map<T, T>();"),
    ("decl_merge.ts", "import { A } from './a'; interface A { x: 1 } let y: A;"),
    ("alias.ts", "import * as n from './n'; import X = n.X; import Y = n.Y.Z; let t: X;"),
    ("alias_used.ts", "import * as n from './n'; import X = n.X; X;"),
    ("declared.ts", "import { A } from './a'; declare const x: typeof A; declare class C extends A {}"),
    (
        "jsx_types.ts",
        "import { A } from './a'; function is(x: unknown): x is A { return true } abstract class Q { abstract m(): A; p?: A } let o: { [k in keyof A]: A[k] };",
    ),
    (
        "dynamic.ts",
        "import('./a'); import(`./b`); const n = './c'; import(n); type T = import('./d').T; await import('./e', { with: { type: 'json' } });",
    ),
    (
        "attributes.ts",
        "import data from './data.json' with { type: 'json' }; import other from './o.json' with { type: 'json' }; data;",
    ),
    ("string_names.ts", "import { 'a-b' as x } from './a'; export { x as 'c d' }; export { 'e f' } from './g';"),
    ("label.ts", "import { A } from './a'; A: for (;;) { break A }"),
    ("member.ts", "import { A } from './a'; const o = { A: 1, B() {}, ['C']: 2 }; o.A; class X { A = 1; #A = 2 }"),
    (
        "assigned.ts",
        "import { A, B } from './a'; import { C } from './c'; try { (A as any) } catch {} typeof B; void C;",
    ),
    ("plain.js", "import a from './a.js'; import { b } from './b.js'; export { c } from './c.js';"),
    (
        "element.tsx",
        "import React from 'react'; import { Comp } from './comp'; import { Props } from './props'; import * as Ns from './ns'; const x = (p: Props) => <Comp><Ns.Inner/><div/></Comp>;",
    ),
    ("no_element.tsx", "import React from 'react'; export const x = 1;"),
    ("fragment.tsx", "import React from 'react'; export const x = <></>;"),
    (
        "spread_key.tsx",
        "import { p } from './p'; export const x = <a {...p} key='1'/>; export const y = <b {...p} key='1'><c/></b>;",
    ),
    ("only_spread_key.tsx", "import { p } from './p'; export const x = <a {...p} key='1'/>;"),
    (
        "pragma.tsx",
        "/** @jsxRuntime classic */\n/** @jsx h */\nimport { h } from './h'; import React from 'react'; export const x = <a/>;",
    ),
    ("source_pragma.tsx", "/** @jsxImportSource preact */\nexport const x = <a/>;"),
];

/// Only what TypeScript and this project mean to do alike; the settings differ in how imports are elided.
fn settings() -> Vec<Value> {
    vec![
        json!({}),
        json!({ "verbatimModuleSyntax": true }),
        json!({ "jsx": "react" }),
        json!({ "jsx": "react-jsx" }),
        json!({ "jsx": "react-jsxdev" }),
        json!({ "jsx": "react-jsx", "verbatimModuleSyntax": true }),
    ]
}

/// Specifiers of a JavaScript module in sorted order; dynamic ones included.
fn specifiers(name: &str, code: &str) -> Vec<String> {
    let facts = Facts::of(&path(&name.replace(".tsx", ".jsx").replace(".ts", ".js")), code);
    assert!(facts.syntax_errors.is_empty(), "{:?} in {code}", facts.syntax_errors);
    let mut specifiers: Vec<_> = facts
        .imports
        .iter()
        .filter(|import| import.kind != ImportKind::Unknown)
        .map(|import| import.specifier.to_string())
        .collect();
    specifiers.sort();
    specifiers
}

#[test]
fn the_same_imports_stay() {
    let mut wrong = Vec::new();
    for setting in settings() {
        let mut compiler = setting.clone();
        let object = compiler.as_object_mut().unwrap();
        object.insert("target".into(), "es2022".into());
        object.insert("module".into(), "esnext".into());
        object.insert("isolatedModules".into(), true.into());
        object.entry("jsx").or_insert("react-jsx".into());
        let files = MODULES.iter().map(|(name, text)| ((*name).to_owned(), ((*text).to_owned(), compiler.clone())));
        let expected = tsc(&files.collect::<BTreeMap<_, _>>());
        for (name, text) in MODULES {
            let emit = compiler_options(&compiler, None);
            let facts = Facts::of(&path(name), text);
            let mut linked: Vec<_> = facts.linked(&emit).into_iter().map(|link| link.specifier.into_string()).collect();
            let emitted = emit_with(name, text, &options(emit));
            let mut printed: Vec<_> = emitted.imports.iter().map(|import| import.specifier.clone()).collect();
            linked.sort();
            printed.sort();
            if linked != printed || printed != specifiers(name, &emitted.code) {
                wrong.push(format!("{name} {setting}: facts {linked:?}, recorded {printed:?}\n{}", emitted.code));
            }
            let mut expected = specifiers(name, &expected[*name]);
            // Without the types of the runtime TypeScript believes that the factory is needed too.
            if compiler["jsx"] != "react" && matches!(*name, "element.tsx" | "fragment.tsx") {
                expected.retain(|specifier| specifier != "react");
                printed.retain(|specifier| specifier != "react");
            }
            if printed != expected {
                wrong.push(format!("{name} {setting}: printed {printed:?}, TypeScript {expected:?}\n{}", emitted.code));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn metadata_makes_types_into_values() {
    let text = "import { A } from './a'; import { B } from './b'; import type { C } from './c'; import { D } from './d';\n\
        declare const dec: any; @dec class X { constructor(a: A, c: C) {} @dec m(b: B): void { let d: D } }";
    let facts = Facts::of(&path("m.ts"), text);
    for (metadata, expected) in [(false, vec![]), (true, vec!["./a", "./b"])] {
        let emit =
            compiler_options(&json!({ "experimentalDecorators": true, "emitDecoratorMetadata": metadata }), None);
        let linked: Vec<_> = facts.linked(&emit).into_iter().map(|link| link.specifier.into_string()).collect();
        let printed: Vec<_> =
            emit_with("m.ts", text, &options(emit)).imports.into_iter().map(|import| import.specifier).collect();
        assert_eq!((&linked, &printed), (&printed, &linked));
        assert_eq!(printed, expected, "metadata {metadata}");
    }
}

#[test]
fn exports_and_places() {
    let text = "export const module = 1, [a, { b: c }] = x; export default class {} export type T = 1; export interface I {}\n\
        export enum E {} export namespace N { export const inner = 1 } export namespace Types { export type T = 1 } export declare const gone: 1;\n\
        function f() {} interface Only {} export { f as g, Only }; export * as star from './s'; export abstract class K {} export async function h() {}\n\
        // export const commented = 1;\n/* é */ import('./x');";
    let facts = Facts::of(&path("a.ts"), text);
    let exports: Vec<_> = facts.exports.iter().map(|name| &**name).collect();
    assert_eq!(exports, ["E", "K", "N", "a", "c", "default", "g", "h", "module", "star"]);
    assert!(facts.exports("module") && !facts.exports("commented"));
    let place = facts.imports.iter().find(|import| import.kind == ImportKind::Dynamic).unwrap();
    assert_eq!(&text[place.start as usize..place.end as usize], "'./x'");
    let marked = format!("\u{feff}{text}");
    let moved = Facts::of(&path("a.ts"), &marked);
    assert_eq!(moved.imports[1].start, facts.imports[1].start + 3);
}

#[test]
fn requires() {
    let kinds = |file: &str, text: &str| {
        let facts = Facts::of(&path(file), text);
        facts.imports.iter().map(|import| (import.specifier.to_string(), import.kind)).collect::<Vec<_>>()
    };
    let require = |specifier: &str| (specifier.to_owned(), ImportKind::Require);
    assert_eq!(
        kinds("a.cjs", "const a = require('./a'); return; function f(require) { require('./no') }"),
        [require("./a")]
    );
    assert_eq!(
        kinds("a.ts", "import a = require('./a'); a; const b = require('./b'); x.require('./no');"),
        [require("./a"), require("./b")]
    );
    assert_eq!(kinds("a.json", "{}"), []);
}
