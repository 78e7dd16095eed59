//! A consumer is told the same by the declarations of a neighbour as by its sources.

use crate::tools::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use webstir_engine::system::Os;
use webstir_engine::view::{Observation, View};
use webstir_rules::declarations::declarations;
use webstir_rules::tsconfig;
use webstir_rules::typecheck::{Checked, Neighbour, Neighbours, Request, VirtualFiles, check};

/// A module and what asks it for its types: `never` takes nothing, so that each message says what there is.
struct Module {
    name: &'static str,
    source: &'static str,
    consumer: &'static str,
}

const MODULES: &[Module] = &[
    Module {
        name: "classes",
        source: "
            export class Base<T = string> {
                #secret = 1; private hidden: T[] = []; protected kept?: T; static readonly kind = 'base'; readonly size = 3;
                declare given: T; list: T[] = []; count = 0;
                constructor(public readonly id: string, protected name: string = 'n', private other?: number) {}
                get value(): T { return this.hidden[0]!; } set value(value: T) { this.hidden.push(value); }
                get only(): number { return this.#secret; }
                method(a: T, ...rest: number[]): this { return this; }
                static make<U>(a: U): Base<U> { return new Base<U>('x'); }
                over(a: string): string; over(a: number): number; over(a: unknown): unknown { return a; }
                private secretly(): void {} protected async later(): Promise<T> { return this.value; }
                [index: `x-${string}`]: number; arrow = (a: T): void => {}; static { }
            }
            export abstract class Shape { abstract area(): number; abstract readonly sides: number; protected constructor() {} }
            export class Square extends Shape { readonly sides = 4; constructor() { super(); } override area(): number { return 1; } }
            export class Single { private constructor() {} static it(): Single { return new Single(); } }
            export interface Square { merged: true }
            export class Generator2 { *[Symbol.iterator](): IterableIterator<number> { yield 1; } }
        ",
        consumer: "
            import { Base, Shape, Square, Single, Generator2 } from '#p0/classes';
            const b = new Base<number>('a'); const n1: never = b.value; const n2: never = b.method; const n3: never = b.over;
            const n4: never = Base.kind; const n5: never = b.size; const n6: never = b['x-a']; const n7: never = b.arrow;
            b.hidden; b.kept; b.only = 1; b.id = 'x'; b.given = 'no'; b.count = 'no'; b.secretly(); b.over(true); new Base(1);
            const n8: never = Base.make(1); const n9: never = b.list; class D extends Base { m() { return this.kept; } id = 1; }
            const n10: never = new D('x').m(); new Shape(); class E extends Shape {} const n11: never = new Square().merged;
            new Single(); class F extends Single {} const n12: never = [...new Generator2()]; const structural: Base<number> = { ...b };
            class G extends Square { override area(): string { return ''; } } const n13: never = b.name;
        ",
    },
    Module {
        name: "functions",
        source: "
            export function id<T extends object>(a: T): T { return a; }
            export function over(a: string): string; export function over(a: number, b?: boolean): number;
            export function over(a: unknown): unknown { return a; }
            export function defaults(a = 1, b: string = 'b', { c = 2, d }: { c?: number; d: string } = { d: '' }): void {}
            export function isString(a: unknown): a is string { return typeof a === 'string'; }
            export function assertString(a: unknown): asserts a is string {}
            export function fail(): never { throw new Error(); }
            export async function later(a: number): Promise<number> { return a; }
            export function* many(): Generator<number, string, boolean> { yield 1; return ''; }
            export const arrow = <const T,>(a: T): readonly T[] => [a];
            export const inferred = () => 1;
            export function single() { return 'text'; }
            export function self(this: { a: number }, b: number): void {}
            export function rest(...[a, b]: [number, string]): void {}
            function hidden(): number { return 1; } export const uses: typeof hidden = hidden;
        ",
        consumer: "
            import * as f from '#p0/functions';
            const n1: never = f.id; const n2: never = f.over; f.defaults(1, 2); f.defaults(undefined, undefined, { c: '' }); const n4: never = f.isString;
            const n5: never = f.assertString; const n6: never = f.later; const n7: never = f.many; const n8: never = f.arrow;
            const n9: never = f.inferred; const n10: never = f.single; const n11: never = f.self; const n12: never = f.rest;
            const n13: never = f.uses; f.id(1); f.over(true); f.defaults('x'); f.hidden; f.self(1);
            declare const u: unknown; if (f.isString(u)) { const n14: never = u; } f.assertString(u); const n15: never = u;
            function g(a: number): string { f.fail(); } const n16: never = f.arrow({ a: 'x' });
            export function h(): number { if (u) return 1; f.fail(); }
        ",
    },
    Module {
        name: "values",
        source: "
            export const one = 1, text = 'text', flag = true, big = 10n, minus = -1, template = `t`;
            export let number = 1; export let mutable = 'm'; export var old: number | undefined;
            export const list = [1, 'a', { b: true }] as const; export const object = { a: 1, 'b-c': 'x', f(a: number): string { return ''; }, g: (): void => {} };
            export const frozen = { a: 1, b: { c: 'x' } } as const; export const asserted = JSON.parse('1') as Map<string, number>;
            export const symbol: unique symbol = Symbol(); export const keyed: { [symbol]: 1 } = { [symbol]: 1 };
            export const nested: { deep: { deeper: string[] } } = { deep: { deeper: [] } }; export const nothing: null = null;
            const local = 1; export { local as renamed, local as default };
            export type Keys = keyof typeof frozen; export type Literal = `a-${Keys}`;
        ",
        consumer: "
            import local, * as v from '#p0/values';
            const a1: never = v.one; const a2: never = v.text; const a3: never = v.flag; const a4: never = v.big; const a5: never = v.minus;
            const a6: never = v.template; const a7: never = v.number; const a8: never = v.mutable; const a9: never = v.old;
            const b1: never = v.list; const b2: never = v.object; const b3: never = v.frozen.a; const b33: never = v.frozen.b.c; const b4: never = v.asserted;
            const b5: never = v.symbol; const b6: never = v.keyed; const b7: never = v.keyed[v.symbol]; const b8: never = v.nested;
            const b9: never = v.nothing; const c1: never = v.renamed; const c2: never = local;
            const c3: v.Literal = 'a-z'; v.one = 2; v.frozen.a = 2; v.object.a = 'x'; let widened = v.one; widened = 2; let w = v.text; const c4: never = w;
            switch (v.frozen.b.c) { case 'y': break; }
        ",
    },
    Module {
        name: "enums",
        source: "
            export enum Plain { A, B = 5, C } export const enum Constant { A = 1 << 2, B = A | 1, C = 'c' }
            export enum Text { A = 'a', B = `b` } enum Hidden { X } export type Uses = Hidden; export { Hidden as Renamed };
            export enum Plain { D = 10 } export namespace Plain { export function parse(a: string): Plain { return Plain.A; } }
        ",
        consumer: "
            import { Plain, Constant, Text, Renamed, type Uses } from '#p0/enums';
            const a1: never = Plain.A; const a2: never = Plain.C; const a3: never = Constant.B; const a4: never = Constant.C;
            const a5: never = Text.A; const a6: never = Renamed.X; const a7: Uses = 3; const a8: Plain = 99; const a9: Text = 'a';
            const b1: never = Plain.parse('x'); Plain.A = 1; Plain.Z; Constant[0]; const b2: never = Plain[0]; const b3: never = Plain.D;
            declare const p: Plain; if (p !== Plain.A && p !== Plain.B && p !== Plain.D) { const b4: never = p; const b5: string = p; }
        ",
    },
    Module {
        name: "namespaces",
        source: "
            export namespace Outer { const hidden: number = 1; export const shown: number = hidden; export namespace Inner { export interface I { a: number } export class C { b = 1; } }
                export type T = Inner.I | string; export function f(a: T): Inner.C { return new Inner.C(); } export enum E { A, B } }
            export function merged(a: number): number { return a; } export namespace merged { export let option: string = ''; export type O = number; }
            export interface Several { a: 1 } export interface Several { b: 2 }
            namespace Local { export type L = number } export type FromLocal = Local.L;
        ",
        consumer: "
            import { Outer, merged, type Several, type FromLocal } from '#p0/namespaces';
            const a1: never = Outer.shown; Outer.hidden; const a2: never = new Outer.Inner.C(); const a3: Outer.T = 1;
            const a4: never = Outer.f('x'); const a5: never = Outer.E.B; const a6: never = merged; const a7: never = merged.option;
            const a8: Several = { a: 1 }; const b1: Outer.Inner.I = {}; const b2: FromLocal = ''; const b3: merged.O = '';
        ",
    },
    Module {
        name: "types",
        source: "
            export type Deep<T> = { readonly [K in keyof T]?: T[K] extends object ? Deep<T[K]> : T[K] };
            export type Unwrap<T> = T extends Promise<infer U extends string> ? U : never; export type Fn = new (...args: never[]) => unknown;
            export interface Call { (a: number): string; new (a: string): Call; method?(): void; get got(): number; set got(a: number | string); [key: string]: unknown }
            interface NotExported { a: number } export type Uses = NotExported & { b: string }; export type Tuple = [a: number, b?: string, ...rest: boolean[]];
            export type { NotExported as Renamed }; export type Recursive = { next?: Recursive } | undefined; export abstract class A<in out T> { abstract t: T; }
        ",
        consumer: "
            import type * as t from '#p0/types';
            declare const d: t.Deep<{ a: { b: number } }>; const a1: never = d; d.a = {}; const a2: t.Unwrap<Promise<'x'>> = 1;
            declare const c: t.Call; const a3: never = c(1); const a4: never = new c('x'); const a5: never = c.got; c.got = true;
            const a6: t.Uses = { a: 1 }; const a7: t.Tuple = ['x']; const a8: t.Renamed = {}; const a9: t.Recursive = { next: 1 };
            type B = t.NotExported; declare const x: t.A<string>; const b1: t.A<number> = x;
        ",
    },
    Module {
        name: "reexports",
        source: "
            export * from './values.js'; export * as all from './enums.js'; export { id as identity, type over } from './functions.js';
            export type { Base } from './classes.js'; import type { Square } from './classes.js'; export { type Square };
            import { Plain as P } from './enums.js'; export const plain: P = P.A; import * as functions from './functions.js'; export { functions };
            export type Imported = import('./types.js').Tuple; export { default as local } from './values.js';
        ",
        consumer: "
            import * as r from '#p0/reexports';
            const a1: never = r.one; const a2: never = r.all.Plain.A; const a3: never = r.identity; r.over('x'); new r.Base('x');
            const a4: never = r.plain; const a5: never = r.functions.arrow; const a6: r.Imported = 1; const a7: never = r.local; declare const s: r.Square; const a8: never = s.sides;
            const a9: never = r.default;
        ",
    },
    Module {
        name: "default_function",
        source: "export default function named<T>(a: T): T[] { return [a]; } export const more: string = 'x';",
        consumer: "import f, { more } from '#p0/default_function'; const a1: never = f; const a2: never = f(1); const a3: never = more;",
    },
    Module {
        name: "default_overloads",
        source: "export default function f(a: string): string; export default function f(a: number): number; export default function f(a: unknown): unknown { return a; }",
        consumer: "import f from '#p0/default_overloads'; const a1: never = f; f(true);",
    },
    Module {
        name: "default_class",
        source: "export default class { private a = 1; b(): number { return this.a; } get c(): string { return ''; } static d: number = 1; constructor(readonly e: string) {} }",
        consumer: "import C from '#p0/default_class'; const c = new C('x'); const a1: never = c.b(); c.a; const a2: never = c.c; const a3: never = C.d; new C(); c.e = ''; c.c = ''; const a4: never = c; class D extends C {} const a5: never = new D('');",
    },
    Module {
        name: "default_abstract",
        source: "export default abstract class Named { abstract a(): void; }",
        consumer: "import N from '#p0/default_abstract'; new N(); class D extends N {} const a1: never = new (class extends N { a() {} })();",
    },
    Module {
        name: "default_expression",
        source: "export default { a: 1, b: ['x'] as string[], c(): number { return 1; } };",
        consumer: "import o from '#p0/default_expression'; const a1: never = o; const a2: never = o.a; const a3: never = o.c();",
    },
    Module {
        name: "default_interface",
        source: "export default interface Options { a: number }",
        consumer: "import type O from '#p0/default_interface'; const a1: O = {};",
    },
    Module {
        name: "augmentations",
        source: "
            import { use } from './global.js'; export {}; declare global { interface Array<T> { fromGlobal: T } var globally: number; }
            declare module './augmented.js' { interface Open { added: string } } export function f(): void { use(); }
        ",
        consumer: "
            import '#p0/augmentations'; import type { Open } from '#p0/augmented';
            const a1: never = [1].fromGlobal; const a2: never = globally; const a3: Open = {}; const a4: never = 'x'.fromHidden;
        ",
    },
    Module { name: "augmented", source: "export interface Open { own: number }", consumer: "export {};" },
    Module {
        name: "global",
        source: "declare global { interface String { fromHidden: number } } export function use(): void {}",
        consumer: "export {};",
    },
    Module {
        name: "accessors",
        source: "
            export class A { accessor a: number = 1; static accessor b: string = ''; get c() { return 1; } set c(v: number) {} get d(): string { return ''; } set d(v: string | number) {}
                private get e() { return 1; } protected set f(v: number) {} private accessor g = 1; }
            export const object = { get a(): number { return 1; }, set a(v: number) {}, get b(): string { return ''; } };
        ",
        consumer: "
            import { A, object } from '#p0/accessors'; const a = new A(); const a1: never = a.a; const a2: never = A.b; const a3: never = a.c; const a4: never = a.d; a.d = true; a.e; a.f = 1; a.g;
            const a5: never = object; object.b = ''; class B extends A { a = 2; c = 3; override d = ''; }
        ",
    },
    Module {
        name: "decorated",
        source: "
            function deco(...args: unknown[]): any {} @deco export class A { @deco field: number = 1; @deco method(): void {} @deco get got(): number { return 1; } }
        ",
        consumer: "import { A } from '#p0/decorated'; const a1: never = new A().field; const a2: never = new A().got;",
    },
    Module {
        name: "several",
        source: "
            const first = compute(), second: number = compute(), third: string[] = []; function compute() { return Math.random(); }
            export { second, third }; const unused = { a: compute() } satisfies object; export let later: typeof unusedType; declare const unusedType: { a: 1 };
        ",
        consumer: "import * as s from '#p0/several'; const a1: never = s.second; const a2: never = s.third; s.first; const a3: never = s.later;",
    },
];

/// Modules that are read as they are: only inference tells their types, or declarations would not express them.
const AS_THEY_ARE: &[Module] = &[
    Module {
        name: "satisfied",
        source: "export const a = { kind: 'a' } satisfies { kind: 'a' | 'b' };",
        consumer: "import { a } from '#p0/satisfied'; const a1: never = a;",
    },
    Module {
        name: "computed",
        source: "export const a = Math.random(); export default 42; export function f(x: boolean) { if (x) return 1; }",
        consumer: "import d, { a, f } from '#p0/computed'; const a1: never = a; const a2: never = d; const a3: never = f;",
    },
    Module {
        name: "guessed",
        source: "export class A { readonly o = { a: 1 }; accessor b = 1; } export function f(a = null): void {} export enum E { A = 'x'.length }",
        consumer: "import { A, E, f } from '#p0/guessed'; const a1: never = new A().o; const a2: never = new A().b; const a3: never = f; const a4: never = E.A;",
    },
    Module {
        name: "alias",
        source: "export namespace Outer { export namespace Inner { export class C { b = 1; } } } export import Alias = Outer.Inner;",
        consumer: "import { Alias } from '#p0/alias'; const a1: never = new Alias.C().b;",
    },
    Module {
        name: "script",
        source: "declare const fromScript: number; interface Window2 { a: 1 }",
        consumer: "/// <reference path='../../p0/src/script.ts' />\nconst a1: never = fromScript; export {};",
    },
];

const CONFIG: &str = r##"{"compilerOptions": {"strict": true, "module": "nodenext", "target": "es2022", "lib": ["es2023"], "types": [], "isolatedModules": true, "declaration": true, "isolatedDeclarations": true}, "include": ["src"]}"##;

fn check_consumer(root: &std::path::Path, neighbours: &Neighbours) -> (Checked, Vec<String>) {
    let view = View::new(Arc::new(Os::new(root).unwrap()));
    let (compiler, project) = (native(), path("p1/tsconfig.json"));
    let (overlay, cancelled) = (VirtualFiles::default(), AtomicBool::new(false));
    let request = Request {
        compiler: &compiler,
        project: &project,
        view: &view,
        overlay: &overlay,
        neighbours,
        root,
        cancelled: &cancelled,
    };
    let checked = check(&request).unwrap();
    let derived = view
        .trace()
        .iter()
        .filter(|(_, seen)| matches!(seen, Observation::Derived(..)))
        .map(|(at, _)| at.file_stem().to_owned())
        .collect();
    (checked, derived)
}

/// The findings in the modules of the consumer, by the name of the module.
fn of_consumer(checked: &Checked) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in &checked.diagnostics {
        let Some(file) = finding.file.as_ref().filter(|file| file.is_within(&path("p1"))) else { continue };
        let start = finding.span.unwrap().start;
        // A place in the neighbour is none in its declarations, which have no implementation of an overload.
        let related = finding.related.iter().map(|other| (&other.message, &other.file));
        let related: Vec<_> = related.filter(|(message, _)| !message.contains("against this implementation")).collect();
        // The message lists members, in their order, which is another one where parameters become properties.
        let message = if finding.code == "typecheck::ts2740" { "" } else { &finding.message };
        let text = format!("{start} {} {message} {:?} {related:?}", finding.code, finding.notes);
        found.entry(file.file_stem().to_owned()).or_default().insert(text);
    }
    found
}

#[test]
fn declarations_say_what_the_sources_say() {
    let mut files = vec![
        ("p0/tsconfig.json".to_owned(), CONFIG.to_owned()),
        ("p1/tsconfig.json".to_owned(), CONFIG.to_owned()),
        ("p0/package.json".to_owned(), r#"{"type": "module"}"#.to_owned()),
        ("package.json".to_owned(), r##"{"type": "module", "imports": {"#p0/*": "./p0/src/*.ts"}}"##.to_owned()),
    ];
    for module in MODULES.iter().chain(AS_THEY_ARE) {
        files.push((format!("p0/src/{}.ts", module.name), module.source.to_owned()));
        files.push((format!("p1/src/{}.ts", module.name), module.consumer.to_owned()));
    }
    let files: Vec<_> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    let root = workspace(&files);
    let (config, _) = tsconfig::load(&path("p0/tsconfig.json"), &mut |_| Some(Arc::from(CONFIG.as_bytes())));
    let neighbour = Neighbour { project: "p0/tsconfig.json".to_owned(), declares: Some(config.sources) };
    let neighbours = Neighbours::new(&path("p1/tsconfig.json"), [neighbour]);
    let (with_sources, none) = check_consumer(root.path(), &Neighbours::default());
    let (with_declarations, derived) = check_consumer(root.path(), &neighbours);
    assert!(none.is_empty());
    let mut expected: Vec<_> = MODULES.iter().map(|module| module.name).collect();
    expected.sort_unstable();
    let gaps = |name: &&&str| {
        let module = MODULES.iter().find(|module| module.name == **name).unwrap();
        println!("{name}: {:?}", declarations(&path("p0/src/a.ts"), module.source));
    };
    expected.iter().filter(|name| !derived.iter().any(|derived| derived == *name)).for_each(|name| gaps(&name));
    assert_eq!(derived, expected);
    let (mut sources, mut declared) = (of_consumer(&with_sources), of_consumer(&with_declarations));
    let mut differing = String::new();
    for module in MODULES.iter().chain(AS_THEY_ARE) {
        let sources = sources.remove(module.name).unwrap_or_default();
        let declared = declared.remove(module.name).unwrap_or_default();
        let asks = module.consumer.contains("never");
        assert_eq!(!sources.is_empty(), asks || module.consumer.contains("import "), "{}", module.name);
        let missing: Vec<_> = sources.difference(&declared).collect();
        let more: Vec<_> = declared.difference(&sources).collect();
        let text = declarations(&path("p0/src/a.ts"), module.source).unwrap_or_default();
        if !missing.is_empty() || !more.is_empty() {
            differing.push_str(&format!("{}\n{text}\n{missing:#?}\n{more:#?}\n", module.name));
        }
    }
    assert!(differing.is_empty(), "{differing}");
}
