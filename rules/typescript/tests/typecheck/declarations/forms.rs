//! Modules with every form of export, with effects on others, and those that have no declarations.

use crate::modules::Module;

pub(crate) const FORMS: &[Module] = &[
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
        name: "stars",
        source: "export type * from './classes.js'; export type * as fns from './functions.js'; export * as default from './values.js'; export {};",
        consumer: "import v, { Base, type fns } from '#p0/stars'; new Base('x'); const a1: never = v.one; const a2: typeof fns.single = 1; declare const b: Base; const a3: never = b.value;",
    },
    Module {
        name: "hidden",
        source: "
            class Hidden<T> { a: T[] = []; protected p: number = 1; private q = 2; make(): Hidden<T> { return this; } } interface Option { o?: number }
            export class Shown extends Hidden<string> implements Option { o?: number; use(option: Option): void {} }
            export const instance: Hidden<number> = new Hidden(); export { Hidden as Revealed, type Option as Choice }; type Alias<T> = T | Hidden<T>;
            export function generic<K extends keyof Option, T = Alias<K>>(key: K, alias: Alias<T>): asserts key is K {}
            export type Maker = abstract new (...args: any) => Hidden<unknown>; export declare const ambient: { deep: Alias<1> };
        ",
        consumer: "
            import { Shown, instance, Revealed, type Choice, generic, ambient, type Maker } from '#p0/hidden'; import * as all from '#p0/hidden';
            const s = new Shown(); const a1: never = s.a; s.p; s.q; const a2: never = s.make(); s.use({ o: 'x' }); const a3: never = instance.make().a;
            const a4: never = new Revealed<1>(); const a5: Choice = { p: 1 }; const a6: never = generic; const a7: never = ambient.deep; all.Hidden; all.Alias;
            const a8: Maker = Shown; const a9: Maker = String; class D extends Shown { private q = 1; override make(): string { return ''; } }
        ",
    },
    Module {
        name: "circle_a",
        source: "import { type B, b } from './circle_b.js'; export interface A { b?: B } export function a(): A { return b().a ?? {}; }",
        consumer: "import { a } from '#p0/circle_a'; const a1: never = a().b?.a?.b; const a2: never = a();",
    },
    Module {
        name: "circle_b",
        source: "import { type A, a } from './circle_a.js'; export interface B { a?: A } export function b(): B { return a().b ?? {}; }",
        consumer: "import { b } from '#p0/circle_b'; const a1: never = b().a;",
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
pub(crate) const AS_THEY_ARE: &[Module] = &[
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
