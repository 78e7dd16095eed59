// {"experimentalDecorators": true}
const log: string[] = [];
function cls(tag: string) { return (target: any) => { log.push(`class ${tag} ${target.name}`); target.tagged = tag; } }
function method(target: any, key: string, descriptor: PropertyDescriptor) { log.push(`method ${key}`); const old = descriptor.value; descriptor.value = function (...a: any[]) { return "<" + old.apply(this, a) + ">" } }
function prop(target: any, key: string) { log.push(`prop ${key} ${typeof target}`) }
function param(target: any, key: string | undefined, index: number) { log.push(`param ${String(key)} ${index}`) }
@cls("a") @cls("b")
class C {
  @prop x = 1;
  @prop static s = 2;
  constructor(@param private readonly dep: string, other?: number) { log.push("ctor " + dep) }
  @method m(@param a: number, b: number) { return a + b }
  @prop get g() { return 1 }
  static self() { return C }
}
try { console.log(new C("d").m(1, 2)) } catch (e) { console.log(String(e)) }
console.log((C as any).tagged, C.self() === C, C.name);
console.log(log.join("\n"));
@cls("exported") export class Exported { static make() { return new Exported() } }
console.log(Exported.make() instanceof Exported);
@cls("default") export default class Named {}
const replace = (target: any): any => class extends target { static replaced = true };
@replace class Single {
  static instance: Single;
  static own = Single;
  static make() { Single.instance ??= new Single(); return Single.instance }
}
console.log((Single as any).replaced, (Single.make().constructor as any).replaced, Object.hasOwn(Single.own, "replaced"));
