type T<A> = A extends string ? 1 : 2;
interface I { (x: number): string; new (x: number): I; readonly [k: string]: any }
declare global { var g: number }
declare module "nowhere" { export const x: number }
declare const ambient: number; declare function ambientFn(): void; declare class AmbientClass {}
function assertIsString(val: any): asserts val is string {}
const x = <T,>(v: T) => v!;
const y = { a: 1 } as const satisfies { a: number };
let z = <any>5 as unknown as string;
let definite!: number;
function f(this: Window, a?: number, ...rest: string[]): void {}
const generic = new Map<string, Array<number>>([["a", [1]]]);
const inst = x<string>;
abstract class Q<out T> { abstract v: T }
let u: unique symbol; 
const tuple: [a: string, b?: number, ...c: boolean[]] = ["t"];
const opt = y?.a ?? 3;
export type { T }; export {};
export interface J {}
const template: `a${string}` = "ab";
enum E { A } ; const k: keyof typeof E = "A";
console.log(x(1), y.a, z, definite, generic.get("a"), inst("i"), tuple[0], opt, template, k, typeof f);
for (const [a, b] of Object.entries({ q: 1 }) as [string, number][]) console.log(a, b);
label: for (let i = 0; i < 3; i++) { for (;;) { if (i == 1) break label; continue label } }
function over(a: string): string; function over(a: number): number; function over(a: any) { return a }
console.log(over("s"));
