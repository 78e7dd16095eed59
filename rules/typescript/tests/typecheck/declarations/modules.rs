//! Modules with every kind of declaration, and what asks them for their types.

/// A module and what asks it for its types: `never` takes nothing, so that each message says what there is.
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    pub(crate) consumer: &'static str,
}

pub(crate) const MODULES: &[Module] = &[
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
];
