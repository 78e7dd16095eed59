const o: any = { a: { b: null }, ...{ c: 3 } };
console.log(o?.a?.b?.c, o.a.b ?? "nullish", o.f?.(), o?.["a"]?.b);
o.n ??= 5; o.c ||= 9; o.c &&= 4; console.log(o.n, o.c);
const { c, ...others } = o; console.log(c, Object.keys(others).sort().join());
try { throw 1 } catch { console.log("caught") }
console.log(2 ** 10, 1_000_000, 10n ** 20n, /(?<y>\d{4})/u.exec("in 2024")!.groups!.y);
async function* gen() { yield 1; yield 2 }
for await (const v of gen()) console.log(v);
class Priv { #x = 1; static #y = 2; #m() { return this.#x } get v() { return this.#m() + Priv.#y } has(o: any) { return #x in o } static { console.log("block") } }
const priv = new Priv(); console.log(priv.v, priv.has(priv), priv.has({}));
console.log(typeof import.meta.url, await Promise.resolve("tla"));
const tagged = (s: TemplateStringsArray, ...v: any[]) => s.raw.join("|") + v.join(",");
console.log(tagged`a${1}\n${2}c`);
console.log([1, [2, [3]]].flat(Infinity).join(), "x".at(-1), Object.fromEntries([["k", 1]]).k);
export * as self from "node:path";
const {"a-b": dashed = 4} = {} as any; console.log(dashed);
console.log((() => { switch (1 as number) { case 1: { let q = 1; return q } default: return 2 } })());
