const log: string[] = [];
function cls(value: any, context: ClassDecoratorContext) { log.push(`class ${context.kind} ${String(context.name)}`); context.addInitializer(function () { log.push("class init") }); return class extends value { extra = "extra" } as any; }
function method(value: any, context: ClassMethodDecoratorContext) { log.push(`method ${context.kind} ${String(context.name)} ${context.static} ${context.private}`); context.addInitializer(function () { log.push("method init " + String(context.name)) }); return function (this: any, ...args: any[]) { return "<" + value.apply(this, args) + ">" } }
function field(_: undefined, context: ClassFieldDecoratorContext) { log.push(`field ${context.kind} ${String(context.name)} ${typeof context.access.get} ${typeof context.access.has}`); return function (this: any, v: any) { return v * 2 } }
function acc(value: any, context: ClassAccessorDecoratorContext): any { log.push(`accessor ${context.kind} ${String(context.name)}`); return { get(this: any) { return value.get.call(this) + 1 }, init(v: number) { return v + 10 } } }
function getter(value: any, context: ClassGetterDecoratorContext) { log.push(`getter ${context.kind}`); return value }
@cls
class C {
  @field x = 21;
  @field static s = 1;
  @acc accessor a = 1;
  @method m(n: number) { return n + this.x }
  @method static sm() { return "static" }
  @method #p() { return "private" }
  @getter get g() { return 5 }
  callPrivate() { return this.#p() }
}
const c = new C() as any;
console.log(c.x, (C as any).s, c.a, c.m(1), (C as any).sm(), c.callPrivate(), c.g, c.extra, C.name);
console.log(log.join("\n"));
